package proxy

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"
)

// odd answers, after each of which the connection must go. Two thirds of them can be read, and are handed on.
var oddAnswers = []struct{ name, method, answer string }{
	{"bytes behind it", "GET", ordinary("{}") + "x"},
	{"an empty line behind it", "GET", ordinary("{}") + "\r\n"},
	{"a second answer behind it", "GET", ordinary("{}") + ordinary(`"more"`)},
	{"an informational answer before it", "GET", "HTTP/1.1 103 Early Hints\r\n\r\n" + ordinary("{}")},
	{"a 100 that nobody asked for", "GET", "HTTP/1.1 100 Continue\r\n\r\n" + ordinary("{}")},
	{"a timeout", "POST", "HTTP/1.1 408 Request Timeout\r\nContent-Length: 2\r\n\r\n{}"},
	{"a length twice", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n{}"},
	{"a length, and chunks", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 12\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"},
	{"chunks, and a length", "GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\ncontent-length: 12\r\n\r\n2\r\n{}\r\n0\r\n\r\n"},
	{"another coding", "GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"},
	{"trailers", "GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nX-Sum: 1\r\n\r\n"},
	{"trailers that were announced", "GET", "HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nX-Sum: 1\r\n\r\n"},
	{"a 204 with a length", "GET", "HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\n"},
	{"a 204 with a body", "GET", "HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\n{}"},
	{"a 204 with chunks", "GET", "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n"},
	{"a 205 with a length", "GET", "HTTP/1.1 205 Reset Content\r\nContent-Length: 2\r\n\r\n{}"},
	{"a 304 with a length", "GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 10\r\n\r\n"},
	{"a body for a HEAD", "HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"},
	{"HTTP/1.0", "GET", "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}"},
	{"HTTP/1.0 that would go on", "GET", "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\n{}"},
	{"an end that is announced", "GET", ordinary("{}", "Connection: close")},
	{"an end in capitals", "GET", ordinary("{}", "Connection: Close")},
	{"an end in a list", "GET", ordinary("{}", "Connection: keep-alive, close")},
	{"an end in a second line", "GET", ordinary("{}", "Connection: keep-alive", "Connection: close")},
	{"another option", "GET", ordinary("{}", "Connection: X-Total")},
	{"an end in a name of old", "GET", ordinary("{}", "Proxy-Connection: close")},
	{"a name of old that says nothing", "GET", ordinary("{}", "Proxy-Connection: keep-alive")},
	{"no more requests", "GET", ordinary("{}", "Keep-Alive: timeout=5, max=0")},
	{"no more time", "GET", ordinary("{}", "keep-alive: TIMEOUT=0, max=9")},
	{"an upgrade that is offered", "GET", ordinary("{}", "Upgrade: h2c")},
	{"a length with an underscore", "GET", ordinary("{}", "Content_Length: 20")},
	{"a coding with an underscore", "GET", ordinary("{}", "transfer_encoding: chunked")},
	{"an upgrade", "GET", "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n"},
	{"no end but that of the connection", "GET", "HTTP/1.1 200 OK\r\n\r\n{}"},
	{"no HTTP", "GET", "SSH-2.0-OpenSSH\r\n\r\n"},
}

// plain answers, after which the connection is used again: that it is closed after odd ones is no accident.
var plainAnswers = []struct{ name, method, answer string }{
	{"a length", "GET", ordinary("{}")},
	{"a length, kept", "GET", ordinary("{}", "Connection: Keep-Alive")},
	{"a length, kept for a while", "GET", ordinary("{}", "Keep-Alive: timeout=5, max=10")},
	{"an error", "GET", "HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n{}"},
	{"chunks", "GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"},
	{"a 204", "GET", "HTTP/1.1 204 No Content\r\n\r\n"},
	{"a 304", "GET", "HTTP/1.1 304 Not Modified\r\nETag: \"1\"\r\n\r\n"},
	{"a HEAD", "HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"},
	{"a POST", "POST", ordinary("{}")},
}

// Threat: a forge, or who stands in its place, says more or less than one answer to a request, and the rest is taken for the
// answer to the next one. Attack: one odd answer on a connection that has served already, in a loop and in a goroutine, and
// then another request of the same owner. Control: after answers that are as they should be it comes on the same connection.
func TestThreatConnectionAfterAnOddity(t *testing.T) {
	for _, withoutLoops := range []bool{false, true} {
		way := map[bool]string{false: "loop", true: "goroutine"}[withoutLoops]
		for _, c := range oddAnswers {
			t.Run(way+"/"+c.name, func(t *testing.T) {
				if on := connectionsAround(t, withoutLoops, c.method, c.answer); on[len(on)-1] == on[1] {
					t.Errorf("the requests came on the connections %v", on)
				}
			})
		}
		for _, c := range plainAnswers {
			t.Run(way+"/control: "+c.name, func(t *testing.T) {
				var on []int
				for range 5 { // on a busy machine one may not be idle yet when the next request comes
					if on = connectionsAround(t, withoutLoops, c.method, c.answer); on[0] == on[len(on)-1] {
						return
					}
				}
				t.Errorf("the requests came on the connections %v", on)
			})
		}
	}
}

// oneLoop starts a gateway whose connections are all of one loop.
func oneLoop(t *testing.T, upstream string, configure func(*Options)) *gateway {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	return newGateway(t, upstream, configure)
}

// connectionsAround gives on which connections of the upstream three requests came, of which the second was answered so.
func connectionsAround(t *testing.T, withoutLoops bool, method, answer string) []int {
	t.Helper()
	came := make(chan int, 10)
	upstream := bareUpstream(t, func(n int, c net.Conn) {
		defer c.Close()
		r := bufio.NewReader(c)
		for {
			q, err := http.ReadRequest(r)
			if err != nil {
				return
			}
			_, _ = io.Copy(io.Discard, q.Body)
			came <- n
			if q.URL.Query().Get("page") != "2" {
				_, _ = io.WriteString(c, ordinary("{}"))
				continue
			}
			_, _ = io.WriteString(c, answer)
			if strings.Contains(answer, "\r\n\r\n{}") && !strings.Contains(answer, "ontent-") {
				return // its end is that of the body
			}
		}
	})
	g := oneLoop(t, upstream, func(o *Options) { o.withoutLoops = withoutLoops })
	auth := "PRIVATE-TOKEN: " + g.token
	ask := func(method, target string) {
		c := g.connect(t)
		if withoutLoops || method != "GET" {
			auth := append([]string{auth}, "Connection: close")
			_, _ = io.WriteString(c, request(method, target, "", auth...))
		} else {
			_, _ = io.WriteString(c, get(target, auth))
		}
		_ = c.SetReadDeadline(time.Now().Add(2 * time.Second))
		if response, err := http.ReadResponse(c.r, &http.Request{Method: method}); err == nil {
			_, _ = io.Copy(io.Discard, response.Body)
		}
		_ = c.Close()
		time.Sleep(3 * time.Millisecond) // that the connection rests
	}
	ask("GET", jobs)
	second := jobs + "?page=2"
	if method == "POST" {
		second = "/api/v4/projects/7/jobs/5/play?page=2"
	}
	ask(method, second)
	ask("GET", jobs)
	close(came)
	var on []int
	for n := range came {
		on = append(on, n)
	}
	if len(on) < 3 {
		t.Fatalf("%d requests came", len(on))
	}
	return on
}

// Threat: a forge answers before it has read the whole request, and takes what follows for another one.
// Attack: an answer to the head of an upload, which is sent to its end all the same. Control: one at its end.
func TestThreatConnectionAfterAnEarlyAnswer(t *testing.T) {
	for _, chunked := range []bool{false, true} {
		for _, early := range []bool{true, false} {
			t.Run(fmt.Sprintf("chunked %v, early %v", chunked, early), func(t *testing.T) {
				came := make(chan int, 10)
				upstream := bareUpstream(t, func(n int, c net.Conn) {
					defer c.Close()
					r := bufio.NewReader(c)
					for {
						q, err := http.ReadRequest(r)
						if err != nil {
							return
						}
						came <- n
						if early {
							_, _ = io.WriteString(c, ordinary("{}"))
						}
						_, _ = io.Copy(io.Discard, q.Body)
						if !early {
							_, _ = io.WriteString(c, ordinary("{}"))
						}
					}
				})
				g := oneLoop(t, upstream, nil)
				head := "PUT /api/v4/projects/7/packages/generic/p/1/f HTTP/1.1\r\nHost: h\r\nPRIVATE-TOKEN: " + g.token + "\r\nContent-Type: application/octet-stream\r\n"
				parts := []string{head + "Content-Length: 20000\r\n\r\n" + strings.Repeat("a", 10000), strings.Repeat("b", 10000)}
				if chunked {
					parts = []string{head + "Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n", "2\r\ncd\r\n0\r\n\r\n"}
				}
				c := g.connect(t)
				_, _ = io.WriteString(c, parts[0])
				time.Sleep(60 * time.Millisecond)
				_, _ = io.WriteString(c, parts[1])
				a, _ := readAnswer(t, c.r, "PUT")
				a.wants(t, 200)
				until(t, "the connection is given back or closed", func() bool {
					open, idle := g.handler.forge.Patgate.Counts()
					return open == idle
				})
				time.Sleep(3 * time.Millisecond)
				g.raw(t, get(jobs, "PRIVATE-TOKEN: "+g.token)).wants(t, 200)
				if first, second := <-came, <-came; (first == second) == early {
					t.Errorf("the next request came on the connection %d, after %d", second, first)
				}
			})
		}
	}
}

// A connection on which the forge says that it has waited for too long is about to end: the request is sent again.
func TestTimeoutOfAnIdleConnection(t *testing.T) {
	for _, withoutLoops := range []bool{false, true} {
		upstream := bareUpstream(t, func(n int, c net.Conn) {
			defer c.Close()
			r := bufio.NewReader(c)
			for i := 0; ; i++ {
				if _, err := http.ReadRequest(r); err != nil {
					return
				}
				if n == 0 && i == 1 {
					_, _ = io.WriteString(c, "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
					return
				}
				_, _ = io.WriteString(c, ordinary("{}"))
			}
		})
		g := oneLoop(t, upstream, func(o *Options) { o.withoutLoops = withoutLoops })
		for range 2 {
			g.raw(t, get(jobs, "PRIVATE-TOKEN: "+g.token)).wants(t, 200)
			time.Sleep(3 * time.Millisecond)
		}
	}
}
