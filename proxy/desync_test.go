package proxy

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"time"
)

// Threat: what an upstream sends behind an answer is taken for the answer to the next request, of another token.
// Attack: an answer without a body, and a second one behind it that nobody asked for, after the connection went idle.
// Control: the next request gets its own answer, over another connection.
func TestThreatAnswerToNothing(t *testing.T) {
	for name, first := range map[string]string{
		"behind a 204": "HTTP/1.1 204 No Content\r\n\r\n",
		"behind a 304": "HTTP/1.1 304 Not Modified\r\n\r\n",
		"behind a 200": "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
	} {
		t.Run(name, func(t *testing.T) {
			g := newGateway(t, bareUpstream(t, func(n int, c net.Conn) { answerAndPoison(c, first, n == 0) }), nil)
			g.raw(t, get(jobs, "PRIVATE-TOKEN: "+g.token))
			time.Sleep(100 * time.Millisecond)
			g.raw(t, get(jobs, "PRIVATE-TOKEN: "+g.token)).wants(t, 200, `"own"`)
		})
	}
}

// answerAndPoison answers the requests on a connection; the first connection gets one answer and one too many.
func answerAndPoison(c net.Conn, first string, poison bool) {
	defer c.Close()
	r := bufio.NewReader(c)
	for {
		if _, err := http.ReadRequest(r); err != nil {
			return
		}
		if !poison {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 5\r\n\r\n\"own\"")
			continue
		}
		_, _ = io.WriteString(c, first)
		time.Sleep(30 * time.Millisecond)
		_, _ = fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n%q", "poison")
	}
}
