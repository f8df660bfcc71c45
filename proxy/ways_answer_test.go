package proxy

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

var (
	wayStatusLines = []string{"HTTP/1.1 200 OK", "HTTP/1.1 404 Not Found", "HTTP/1.1 500 ", "HTTP/1.1 200",
		"HTTP/1.1 2000 OK", "HTTP/1.1 20 OK", "HTTP/1.1 099 x", "HTTP/1.1 600 x", "HTTP/1.1 999 x", "HTTP/1.0 200 OK",
		"HTTP/1.2 200 OK", "HTTP/2.0 200 OK", "http/1.1 200 OK", "HTTP/1.1  200 OK", "HTTP/1.1\t200 OK",
		"HTTP/1.1 200\tOK", "HTTP/1.1 +20 OK", "HTTP/1.1 101 x", "HTTP/1.1 103 x", "HTTP/1.1 204 x", "HTTP/1.1 304 x",
		"HTTP/1.1 206 x", "HTTP/1.1 302 x", "\r\nHTTP/1.1 200 OK", "\nHTTP/1.1 200 OK", " HTTP/1.1 200 OK", "200 OK",
		"ICY 200 OK", "HTTP/1.1 200 \xc3\xa9"}
	wayAnswerNames = []string{"Content-Type", "X-Total", "ETag", "Vary", "Link", "Server", "Content-Encoding",
		"Cache-Control", "Set-Cookie", "X-Request-Id", "Gitlab-Lb", "Location", "Connection", "Keep-Alive",
		"Transfer-Encoding", "Content-Length", "Trailer", "Upgrade", "Date", "Retry-After", "Www-Authenticate",
		"X_Total", "x-total", "content-type", "Proxy-Connection", "X Total", "X-Total ", "X-Total\t",
		" X-Total", "\tX-Total", "", "(x)", "X-\xe9", ":"}
	wayAnswerValues = []string{"x", "", "application/json", "text/plain", "a, b", "\"quoted\"", "\xc3\xa9", "\ta\tb\t",
		"5", "05", "+5", "0x5", "5, 5", "-1", "99999999999999999999", "chunked", "gzip", "identity", "gzip, chunked",
		"close", "keep-alive", "X-Total", "close, X-Total", "</x>; rel=\"next\"", "https://elsewhere.example/",
		"/api/v4/x", "websocket", "X-Sum", "Content-Length", strings.Repeat("v", 3000), strings.Repeat("w", 15000)}
)

// generateAnswer makes an answer of which most is in order and little is not.
func generateAnswer(random *rand.Rand) string {
	odd := mostly(random, 30, "", "status", "end", "line", "line", "value", "name", "length", "all")
	is := func(what string) bool { return odd == what || odd == "all" && random.IntN(3) == 0 }
	end := func() string {
		if is("end") && random.IntN(3) == 0 {
			return wayEnds[random.IntN(len(wayEnds))]
		}
		return "\r\n"
	}
	status, body := wayStatusLines[0], "hello"
	if is("status") {
		status = sometimes(random, 30, wayStatusLines[random.IntN(len(wayStatusLines))], spoil)
	}
	lines := []string{"Content-Length: 5", "Content-Type: application/json"}
	if is("length") {
		lines[0] = mostly(random, 30, "Transfer-Encoding: chunked", "Content-Length: 4", "Content-Length: 9",
			"Content-Length: 0", "X: y", "Content-Length:5", "content-length: 5 ")
		body = mostly(random, 50, "5\r\nhello\r\n0\r\n\r\n", "hello", "", "hello"+ordinary("poison"))
	}
	for range random.IntN(4) {
		lines = append(lines, mostly(random, 60, "X-Total: 3", "Vary: Origin", "Connection: keep-alive",
			"Server: nginx", "Cache-Control: no-cache"))
	}
	for is("line") && len(lines) < 10 {
		lines = append(lines, wayAnswerNames[random.IntN(len(wayAnswerNames))]+mostly(random, 80, ": ", ":", " : ",
			":\t", "")+wayAnswerValues[random.IntN(len(wayAnswerValues))])
	}
	random.Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
	at := random.IntN(len(lines))
	if is("value") {
		name, value, _ := strings.Cut(lines[at], ":")
		lines[at] = name + ":" + spoil(random, value)
	}
	if is("name") {
		lines[at] = spoil(random, lines[at][:random.IntN(len(lines[at]))]) + lines[at]
	}
	var b strings.Builder
	b.WriteString(status + end())
	for _, line := range lines {
		b.WriteString(line + end())
	}
	b.WriteString(end() + body)
	return b.String()
}

// answersByNumber is an upstream that answers with the answer whose number the request's page is, at once or in pieces, and then
// closes the connection; without a page it is an ordinary answer, on a connection that stays. change may change what it sends.
type answersByNumber struct {
	answers []string
	read    atomic.Int64 // how many of them were asked for on a connection that had served a request
	pieces  bool
	change  func(string) string
}

func (a *answersByNumber) serve(_ int, c net.Conn) {
	defer c.Close()
	r := bufio.NewReader(c)
	for served := 0; ; served++ {
		q, err := http.ReadRequest(r)
		if err != nil {
			return
		}
		n, err := strconv.Atoi(q.URL.Query().Get("page"))
		if err != nil {
			_, _ = io.WriteString(c, ordinary("warm"))
			continue
		}
		if served > 0 {
			a.read.Add(1)
		}
		answer := a.answers[n]
		if a.change != nil {
			answer = a.change(answer)
		}
		pieces := []string{answer}
		if a.pieces {
			pieces = cutAnswer(rand.New(rand.NewPCG(uint64(n), 0)), answer)
		}
		for i, p := range pieces {
			if i > 0 {
				time.Sleep(time.Millisecond)
			}
			_, _ = io.WriteString(c, p)
		}
		return
	}
}

// cutAnswer cuts the head of an answer. What is behind it comes with the end of it: an answer to nothing that came later would be
// the next request's on a connection of which nobody could know.
func cutAnswer(random *rand.Rand, answer string) []string {
	head, _, _ := strings.Cut(answer, "\r\n\r\n")
	pieces := cut(random, head)
	pieces[len(pieces)-1] += answer[len(head):]
	return pieces
}

// askAnswer has a gateway ask for an answer on a connection that has just been used, and gives what the client gets.
func (g *gateway) askAnswer(n int) string {
	c, err := g.dial()
	if err != nil {
		return err.Error()
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	r := bufio.NewReader(c)
	var got string
	for _, page := range []string{"", "?page=" + strconv.Itoa(n)} {
		_, _ = io.WriteString(c, get(jobs+page, "PRIVATE-TOKEN: "+g.token))
		a, err := http.ReadResponse(r, nil)
		if err != nil {
			return err.Error()
		}
		body, err := io.ReadAll(a.Body)
		a.Header.Del("Date") // see copyAnswer
		a.Header.Del("X-Request-Id")
		got = fmt.Sprintf("%d %v %v %q %v",
			a.StatusCode, a.TransferEncoding, a.Header, requestID.ReplaceAll(bytes.ReplaceAll(body, []byte(g.address), []byte("GATEWAY")), nil), err)
		got = strings.NewReplacer("https://"+g.address, "http://GATEWAY", g.address, "GATEWAY").Replace(got)
	}
	return got
}

// compareAnswers has gateways ask for the same answers, and gives those that are not handed on alike, with how many were.
func compareAnswers(answers []string, gateways ...*gateway) (found []disagreement, passed int64) {
	var mu sync.Mutex
	var all sync.WaitGroup
	var next, good atomic.Int64
	for range 12 {
		all.Go(func() {
			for n := int(next.Add(1)) - 1; n < len(answers); n = int(next.Add(1)) - 1 {
				want := gateways[0].askAnswer(n)
				if !strings.HasPrefix(want, "502") {
					good.Add(1)
				}
				for i, g := range gateways[1:] {
					if g.trust != nil && n%secureShare > 0 {
						continue
					}
					if got := g.askAnswer(n); got != want {
						mu.Lock()
						found = append(found, disagreement{answers[n], fmt.Sprint("gateway ", i+1), got, want})
						mu.Unlock()
					}
				}
			}
		})
	}
	all.Wait()
	return found, good.Load()
}

func generateAnswers(seed uint64, count int) (answers []string) {
	random := rand.New(rand.NewPCG(seed, 7))
	for range count {
		answers = append(answers, generateAnswer(random))
	}
	return answers
}

// An answer means the same whether a loop reads its head, or a goroutine, and however it comes.
func TestAnswersAreReadAlikeEachWay(t *testing.T) {
	t.Parallel() // it waits most of the time
	seed := uint64(knob(t, "PATGATE_DIFFERENTIAL_SEED", int(time.Now().UnixNano()&0xffffff)))
	t.Logf("PATGATE_DIFFERENTIAL_SEED=%d", seed)
	answers := generateAnswers(seed, knob(t, "PATGATE_DIFFERENTIAL_COUNT", waysCount))
	whole, pieces := &answersByNumber{answers: answers}, &answersByNumber{answers: answers, pieces: true}
	quick := newGateway(t, bareUpstream(t, whole.serve), nil)
	inPieces := newGateway(t, bareUpstream(t, pieces.serve), nil)
	slow := newGateway(t, bareUpstream(t, whole.serve), func(o *Options) { o.withoutLoops = true })
	server, trust, dialer := certified(t)
	over := func(by *answersByNumber) *gateway {
		url := secureUpstream(t, server, by.serve)
		g := newGatewayOver(t, server, url, func(o *Options) { o.Upstream.Dialer = dialer(url) })
		g.trust = trust
		return g
	}
	encrypted, encryptedPieces := &answersByNumber{answers: answers}, &answersByNumber{answers: answers, pieces: true}
	found, passed := compareAnswers(answers, quick, inPieces, slow, over(encrypted), over(encryptedPieces))
	for i, d := range found {
		if i < 10 {
			t.Errorf("%v", d)
		}
	}
	count := int64(len(answers))
	t.Logf("%d answers, %d passed on, %d disagreements", count, passed, len(found))
	if len(found) > 0 || passed < count/5 || passed > count*9/10 || whole.read.Load() < count || pieces.read.Load() < count/2 ||
		encrypted.read.Load() < count/secureShare/2 || encryptedPieces.read.Load() < count/secureShare/2 {
		t.Errorf("%d disagreements; of %d answers %d were passed on; %d, %d, %d and %d came on a connection that a loop may have used",
			len(found), count, passed, whole.read.Load(), pieces.read.Load(), encrypted.read.Load(), encryptedPieces.read.Load())
	}
}

// An answer that is read in another way is found.
func TestAnswersReadInAnotherWayAreSeen(t *testing.T) {
	answers := generateAnswers(1, 3000)
	lenient := &answersByNumber{answers: answers, change: func(s string) string { return strings.ReplaceAll(s, "\x01", "") }}
	strict := &answersByNumber{answers: answers}
	found, _ := compareAnswers(answers, newGateway(t, bareUpstream(t, strict.serve), nil), newGateway(t, bareUpstream(t, lenient.serve), nil))
	if len(found) == 0 {
		t.Error("no disagreement was found")
	}
	for _, d := range found {
		if !strings.Contains(d.request, "\x01") {
			t.Errorf("%v", d)
		}
	}
}
