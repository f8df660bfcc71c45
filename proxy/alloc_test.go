package proxy

import (
	"io"
	"net"
	"net/http"
	"testing"

	"github.com/valyala/fasthttp"
	"github.com/valyala/fasthttp/fasthttputil"

	"patgate/audit"
	"patgate/policy"
)

// noSink takes everything and keeps nothing.
type noSink struct{}

func (noSink) Decision(*audit.Event) error { return nil }
func (noSink) Completion(*audit.Event)     {}

// newRequest gives a request as the server would hand it to the handler.
func newRequest(t testing.TB, raw string) *fasthttp.RequestCtx {
	t.Helper()
	ctx := &fasthttp.RequestCtx{}
	var request fasthttp.Request
	pipe := fasthttputil.NewPipeConns()
	go func() { _, _ = io.WriteString(pipe.Conn1(), raw) }()
	if err := request.Header.Read(newReader(pipe.Conn2())); err != nil {
		t.Fatal(err)
	}
	ctx.Init(&request, &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)}, nil)
	return ctx
}

// From the header block to the upstream request's head, with the facts cached, nothing is allocated. What the HTTP
// library does before and after is not part of it.
func TestDecisionAllocatesNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("under the race detector pools forget at random")
	}
	g := newGateway(t, mustNotBeCalled(t), func(o *Options) { o.Audit = noSink{} })
	for name, raw := range map[string]string{
		"by id":      get("/api/v4/projects/7/jobs?per_page=20", "PRIVATE-TOKEN: "+g.token, "User-Agent: x", "Accept: */*", "Accept-Encoding: gzip"),
		"by path":    get("/api/v4/projects/group%2Fgranted/jobs", "Authorization: Bearer "+g.token, "User-Agent: x", "Accept: */*"),
		"denied":     get("/api/v4/projects/8/jobs", "PRIVATE-TOKEN: "+g.token),
		"write":      request("POST", "/api/v4/projects/7/jobs/1/play", "", "PRIVATE-TOKEN: "+g.token),
		"no project": get("/api/v4/projects/404/jobs", "PRIVATE-TOKEN: "+g.token),
	} {
		t.Run(name, func(t *testing.T) {
			g.handler.rules.Resolver = plainResolver{}
			ctx := newRequest(t, raw)
			allowed := 0.0
			allocs := testing.AllocsPerRun(200, func() {
				x := g.handler.acquire(ctx)
				if x.read() != nil {
					t.Fatal("not understood")
				}
				x.judgeQuietly()
				if x.judgement.Decision.Verdict == policy.Allow {
					if x.h.rebuild(&x.request, &x.body, &x.judgement, &x.sending) != nil {
						t.Fatal("not rebuilt")
					}
					allowed++
				}
				x.release()
			})
			if allocs > 0 {
				t.Errorf("%v allocations", allocs)
			}
		})
	}
}

// judgeQuietly is judge without making an answer of a denial, which may allocate.
func (x *exchange) judgeQuietly() {
	if x.identify() != nil {
		return
	}
	q, j := &x.request, &x.judgement
	j.Decision = policy.Plan(j.Session.Grant, j.Op.Route)
	if j.Decision.Verdict != policy.Allow {
		return
	}
	j.Set.Reset(j.Op.Route, j.Op.Captures())
	if j.Set.Query(j.Op.Query) != nil || j.Visit.Read(q, &x.body, j) != nil || j.Resolve(q) != nil {
		return
	}
	j.Question.Route = j.Op.Route
	j.Decision = policy.Decide(j.Session.Grant, &j.Question)
	j.Note(q)
}

// BenchmarkDecision is everything that patgate does between the HTTP parser and the upstream connection.
func BenchmarkDecision(b *testing.B) {
	g := newGateway(b, mustNotBeCalled(b), func(o *Options) { o.Audit, o.Resolver = noSink{}, plainResolver{} })
	for name, raw := range map[string]string{
		"id":   get("/api/v4/projects/7/jobs?per_page=20", "PRIVATE-TOKEN: "+g.token, "User-Agent: x", "Accept: */*", "Accept-Encoding: gzip"),
		"path": get("/api/v4/projects/group%2Fgranted/jobs", "PRIVATE-TOKEN: "+g.token, "User-Agent: x", "Accept: */*", "Accept-Encoding: gzip"),
	} {
		b.Run(name, func(b *testing.B) {
			ctx := newRequest(b, raw)
			b.ReportAllocs()
			for b.Loop() {
				x := g.handler.acquire(ctx)
				if x.read() != nil || x.identify() != nil || x.judgement.Judge(&x.request, &x.body) != nil ||
					x.h.rebuild(&x.request, &x.body, &x.judgement, &x.sending) != nil {
					b.Fatal("refused")
				}
				x.release()
			}
		})
	}
}

// BenchmarkProxy is a whole request over loopback sockets: one client connection for each goroutine, 1 KiB answers.
func BenchmarkProxy(b *testing.B) {
	body := make([]byte, 1024)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	upstream := &fasthttp.Server{Handler: func(ctx *fasthttp.RequestCtx) {
		ctx.SetContentType("application/json")
		ctx.SetBody(body)
	}}
	go func() { _ = upstream.Serve(ln) }()
	defer ln.Close()
	for name, credential := range map[string]string{"patgate": "", "legacy": "glpat-x"} {
		b.Run(name, func(b *testing.B) {
			g := newGateway(b, "http://"+ln.Addr().String(), func(o *Options) { o.Audit, o.Resolver = noSink{}, plainResolver{} })
			secret := credential
			if secret == "" {
				secret = g.token
			}
			client := &fasthttp.HostClient{Addr: g.address, MaxConns: 64}
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				var request fasthttp.Request
				var response fasthttp.Response
				request.SetRequestURI("http://" + g.address + "/api/v4/projects/7/jobs")
				request.Header.Set("PRIVATE-TOKEN", secret)
				for pb.Next() {
					if err := client.Do(&request, &response); err != nil || response.StatusCode() != http.StatusOK {
						b.Errorf("%d, %v", response.StatusCode(), err)
						return
					}
				}
			})
		})
	}
}
