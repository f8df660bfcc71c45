package proxy

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"patgate/proxy/reading"
	"patgate/token"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// waysCount is how many generated requests and answers are sent each way, others in each run. PATGATE_DIFFERENTIAL_COUNT sets another
// number, PATGATE_DIFFERENTIAL_SEED the seed of a run.
const waysCount = 8000

// requestID is what differs from request to request in heads and bodies.
var requestID = regexp.MustCompile(`(?i)(x-request-id: |"request_id":")[0-9a-f]{32}`)

// echoBytes is an upstream that answers with the bytes of the request that it got: as the body, or for HEAD as a field.
func echoBytes(t testing.TB) string {
	return bareUpstream(t, func(_ int, c net.Conn) {
		defer c.Close()
		r := bufio.NewReader(c)
		for {
			got, err := readMessage(r)
			if err != nil {
				return
			}
			got = requestID.ReplaceAll(got, nil)
			got = bytes.ReplaceAll(got, []byte("X-Forwarded-Proto: https\r"), []byte("X-Forwarded-Proto: http\r"))
			if bytes.HasPrefix(got, []byte("HEAD ")) {
				_, _ = fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nX-Got: %x\r\nContent-Length: 5\r\n\r\n", got)
				continue
			}
			_, _ = fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s",
				len(got), got)
		}
	})
}

// readMessage reads the bytes of one request, as a server does that looks for nothing but its end.
func readMessage(r *bufio.Reader) (all []byte, err error) {
	length, chunked := 0, false
	for {
		line, err := r.ReadBytes('\n')
		if err != nil {
			return nil, err
		}
		all = append(all, line...)
		_, _ = fmt.Sscanf(strings.ToLower(string(line)), "content-length: %d", &length)
		chunked = chunked || strings.HasPrefix(strings.ToLower(string(line)), "transfer-encoding:")
		if len(line) <= len("\r\n") {
			break
		}
	}
	for chunked && !bytes.HasSuffix(all, []byte("0\r\n\r\n")) {
		b, err := r.ReadByte()
		if err != nil {
			return nil, err
		}
		all = append(all, b)
	}
	body := make([]byte, length)
	_, err = io.ReadFull(r, body)
	return append(all, body...), err
}

// withoutPart hides the beginning of a token, at which a body ends that is shorter than it could be.
func withoutPart(text, secret string) string {
	const least = len(token.Prefix) + 4 // no other text begins so
	for n := len(secret) - 1; n >= least; n-- {
		text = strings.ReplaceAll(text, secret[:n], fmt.Sprintf("TOKEN[:%d]", n))
	}
	return text
}

// outcomeBy sends bytes on a connection of their own, in pieces, and gives everything that comes back in a form in which it can
// be compared: of each answer its status, its fields and its body.
//
// A request that is in order goes behind them, so that the end is seen, and what the bytes left on the connection.
func outcomeBy(address string, trust *tls.Config, pieces []string, token string) string {
	c, err := connectTo(address, trust)
	if err != nil {
		return err.Error()
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	if trust != nil {
		time.Sleep(handedOver())
	}
	for i, piece := range pieces {
		if i > 0 {
			time.Sleep(time.Millisecond)
		}
		if _, err := io.WriteString(c, piece); err != nil {
			break
		}
	}
	r := bufio.NewReader(c)
	_ = c.SetReadDeadline(time.Now().Add(answersWithin))
	_, _ = r.Peek(1) // whoever waits for more does not answer
	_ = c.SetReadDeadline(time.Now().Add(20 * time.Second))
	_, _ = io.WriteString(c, get(jobs+"?page="+lastPage, "PRIVATE-TOKEN: "+token))
	_ = c.(interface{ CloseWrite() error }).CloseWrite()
	var out strings.Builder
	said := func() string {
		text := strings.NewReplacer(address, "GATEWAY", "https", "http", token, "TOKEN", fmt.Sprintf("%x", token),
			"TOKEN").Replace(out.String())
		return withoutPart(text, token)
	}
	method, _, _ := strings.Cut(strings.TrimLeft(strings.Join(pieces, ""), "\r\n"), " ")
	for {
		a, err := http.ReadResponse(r, &http.Request{Method: method})
		if err != nil {
			rest, _ := io.ReadAll(r)
			fmt.Fprintf(&out, "%v %q", err, rest)
			return said()
		}
		body, err := io.ReadAll(a.Body)
		a.Header.Del("Date")
		a.Header.Del("X-Request-Id")
		fmt.Fprintf(&out, "%d %v %q %v\n", a.StatusCode, a.Header, requestID.ReplaceAll(body, nil), err)
		if a.StatusCode >= 200 { // an answer, and no "100 Continue"
			method = "GET"
		}
		if a.StatusCode == 200 && bytes.HasPrefix(body, []byte("GET "+jobs+"?page="+lastPage)) {
			return said()
		}
	}
}

// handedOver is when the goroutine of a handshake has left the connection to the loop, most of the time.
func handedOver() time.Duration {
	if raceEnabled {
		return 10 * time.Millisecond
	}
	return time.Millisecond
}

const (
	answersWithin = 30 * time.Millisecond
	lastPage      = "9876"
)

// cut cuts a text at up to four places.
func cut(random *rand.Rand, text string) (pieces []string) {
	for range 1 + random.IntN(4) {
		if len(text) < 2 {
			break
		}
		at := 1 + random.IntN(len(text)-1)
		pieces, text = append(pieces, text[:at]), text[at:]
	}
	return append(pieces, text)
}

// disagreement is a request that was answered in different ways.
type disagreement struct{ request, way, got, want string }

func (d disagreement) String() string {
	at := 0
	for at < min(len(d.got), len(d.want)) && d.got[at] == d.want[at] {
		at++
	}
	from := max(0, at-200)
	return fmt.Sprintf("%.2000q\n%s: %.500s\n...from byte %d: %.1500s\nfirst, from there: %.1500s", d.request, d.way, d.got, from,
		d.got[from:], d.want[from:])
}

// ways are the ways on which a request can be read. The first is that of a loop.
type ways struct {
	names     []string
	addresses []string
	tokens    []string
	trust     *tls.Config // of those over TLS, which are sent one request in secureShare

	heads, written atomic.Int64 // of the requests that were forwarded: HEAD, and those with a body
}

// secureShare bounds the handshakes of a test.
const secureShare = 8

// compareRequests sends generated requests each way, and gives those that are not answered alike, with how many were forwarded.
func (w *ways) compareRequests(seed uint64, count int, generate func(*rand.Rand) string) (found []disagreement, forwarded int64) {
	var mu sync.Mutex
	var all sync.WaitGroup
	var left, passed atomic.Int64
	left.Store(int64(count))
	for worker := range 16 {
		random := rand.New(rand.NewPCG(seed, uint64(worker)))
		all.Go(func() {
			for n := left.Add(-1); n >= 0; n = left.Add(-1) {
				request := generate(random)
				want := ""
				for i, name := range w.names {
					trust := (*tls.Config)(nil)
					if strings.Contains(name, "TLS") {
						trust = w.trust
					}
					if trust != nil && (n%secureShare > 0 || absoluteForm(request)) {
						continue
					}
					sent := strings.ReplaceAll(request, "${token}", w.tokens[i])
					pieces := []string{sent}
					if strings.Contains(name, "pieces") {
						pieces = cut(random, sent)
					}
					got := outcomeBy(w.addresses[i], trust, pieces, w.tokens[i])
					switch {
					case i == 0:
						want = got
						if strings.HasPrefix(got, "200") {
							passed.Add(1)
							w.count(request)
						}
					case got != want:
						mu.Lock()
						found = append(found, disagreement{request, name, got, want})
						mu.Unlock()
					}
				}
			}
		})
	}
	all.Wait()
	return found, passed.Load()
}

// count counts a request by its method.
func (w *ways) count(request string) {
	switch method, _, _ := strings.Cut(request, " "); method {
	case "HEAD":
		w.heads.Add(1)
	case "POST", "PUT":
		w.written.Add(1)
	}
}

// absoluteForm tells whether a request's target has a scheme: with the other one the same request is another.
func absoluteForm(request string) bool {
	line, _, _ := strings.Cut(request, "\r\n")
	return strings.Contains(line, "://")
}

// A request means the same whether a loop reads it, or a goroutine, and however it comes in: the answer is the same, and so are
// the bytes that the forge gets.
func TestRequestsAreReadAlikeEachWay(t *testing.T) {
	t.Parallel() // it waits most of the time
	upstream := echoBytes(t)
	via := reading.NewVia() // one for all, so that the forge gets the same bytes
	many := func(o *Options) { o.Via, o.Attempts, o.Limits.Connections = via, attempts(1<<20), 1<<14 }
	sessions := &pathSessions{}
	quick := newGateway(t, upstream, func(o *Options) {
		many(o)
		sessions.Sessions, o.Sessions = o.Sessions, sessions
	})
	slow := newGateway(t, upstream, func(o *Options) {
		many(o)
		o.withoutLoops = true
	})
	seed := uint64(knob(t, "PATGATE_DIFFERENTIAL_SEED", int(time.Now().UnixNano()&0xffffff)))
	t.Logf("PATGATE_DIFFERENTIAL_SEED=%d", seed)
	count := knob(t, "PATGATE_DIFFERENTIAL_COUNT", waysCount)
	server, trust, _ := certified(t)
	encrypted := &pathSessions{}
	secured := newGatewayOver(t, server, upstream, func(o *Options) {
		many(o)
		encrypted.Sessions, o.Sessions = o.Sessions, encrypted
	})
	w := &ways{trust: trust}
	for _, way := range []struct {
		name string
		g    *gateway
	}{{"loop", quick}, {"in pieces", quick}, {"without loops", slow}, {"loop over TLS", secured}, {"in pieces over TLS", secured}} {
		w.names = append(w.names, way.name)
		w.addresses, w.tokens = append(w.addresses, way.g.address), append(w.tokens, way.g.token)
	}
	found, forwarded := w.compareRequests(seed, count, generateRequest)
	for i, d := range found {
		if i < 10 {
			t.Errorf("%v", d)
		}
	}
	heads, written := w.heads.Load(), w.written.Load()
	t.Logf("%d requests, %d forwarded, of them %d HEAD and %d with a body, %d look-ups in loops, %d over TLS, %d disagreements", count,
		forwarded, heads, written, sessions.loop.Load(), encrypted.loop.Load(), len(found))
	if len(found) > 0 || forwarded < int64(count/10) || forwarded > int64(count*9/10) || sessions.loop.Load() < int64(count/10) ||
		encrypted.loop.Load() < int64(count/secureShare/10) || heads < int64(count/20) || written < int64(count/20) {
		t.Errorf("%d disagreements; of %d requests %d were forwarded, %d looked up in loops", len(found),
			count, forwarded, sessions.loop.Load())
	}
}

// A reader that is more lenient in one character is found.
func TestRequestsReadInAnotherWayAreSeen(t *testing.T) {
	g := newGateway(t, echoBytes(t), func(o *Options) { o.Attempts = attempts(1 << 20) })
	lenient := bareUpstream(t, func(_ int, c net.Conn) {
		defer c.Close()
		in, _ := io.ReadAll(c)
		to, err := net.Dial("tcp", g.address)
		if err != nil {
			return
		}
		defer to.Close()
		_, _ = to.Write(bytes.ReplaceAll(in, []byte{1}, nil))
		_ = to.(*net.TCPConn).CloseWrite()
		_, _ = io.Copy(c, to)
	})
	w := &ways{names: []string{"loop", "lenient"}, addresses: []string{g.address, strings.TrimPrefix(lenient, "http://")},
		tokens: []string{g.token, g.token}}
	found, _ := w.compareRequests(1, 3000, generateRequest)
	if len(found) == 0 {
		t.Error("no disagreement was found")
	}
	for _, d := range found {
		if !strings.Contains(d.request, "\x01") {
			t.Errorf("%v", d)
		}
	}
}
