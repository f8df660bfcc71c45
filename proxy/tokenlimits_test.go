package proxy

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"patgate/policy"
	"patgate/proxy/meter"
	"patgate/routes"
	"patgate/routes/load"
	"patgate/token"
	"patgate/token/limits"
)

// counted counts uses and bytes in memory.
type counted struct {
	mu          sync.Mutex
	uses, bytes map[int64]int64
}

func (c *counted) TakeUse(_ context.Context, of []limits.MostUses) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, m := range of {
		if c.uses[m.Family]++; c.uses[m.Family] > m.Most {
			return limits.ErrUsedUp
		}
	}
	return nil
}

func (c *counted) AddBytes(_ context.Context, moved []limits.Moved) (sums []int64, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, m := range moved {
		c.bytes[m.Family] += m.Bytes
		sums = append(sums, c.bytes[m.Family])
	}
	return sums, nil
}

func (c *counted) LimitUse(_ context.Context, family, _ int64) (uses, bytes int64, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.uses[family], c.bytes[family], nil
}

// metered gives a gateway a meter that counts in memory, and believes what 127.0.0.1 says of clients.
func metered(o *Options) {
	o.Meter = meter.New(meter.Options{Counts: &counted{uses: map[int64]int64{}, bytes: map[int64]int64{}}})
	o.TrustedProxies = prefixes("127.0.0.1/32")
}

// limit holds a token to limits.
func (g *gateway) limit(t testing.TB, secret string, s limits.Spec) {
	t.Helper()
	hash, err := token.Parse([]byte(secret))
	if err != nil {
		t.Fatal(err)
	}
	l, err := limits.Compile(s)
	if err != nil {
		t.Fatal(err)
	}
	session := *g.sessions[hash].session
	session.Limits = &limits.Held{Levels: []limits.Level{{Family: session.TokenID, Limits: l}}}
	g.sessions[hash] = fakeSession{session: &session}
}

// closed is a window that is not open now.
func closed() limits.Window {
	now := time.Now().UTC()
	return limits.Window{From: now.Add(2 * time.Hour).Format("15:04"), To: now.Add(3 * time.Hour).Format("15:04")}
}

// TestEveryLimitOnEverySurface asks through the API, git, the container registry and its token service, GraphQL and patgate's own
// pages: nothing reaches the forge, and what is said names the limit.
func TestEveryLimitOnEverySurface(t *testing.T) {
	table, err := load.GitLab()
	if err != nil {
		t.Fatal(err)
	}
	var hangs atomic.Int64
	upstream := newEcho(t, func(_ http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/jobs/77") {
			hangs.Add(1)
			defer hangs.Add(-1)
			<-r.Context().Done()
		}
	})
	g := oneLoop(t, upstream.URL, func(o *Options) {
		metered(o)
		o.Table = func() *routes.Table { return table }
		o.Timeouts.ClientGone = 50 * time.Millisecond
	})
	g.table = table
	scope := policy.ScopeSpec{Access: "selected_memberships", ProjectIDs: []int64{7},
		Permissions: []string{"read_job", "run_job", "download_code", "read_container_repository"}}
	requests := func(secret string) map[string]string {
		return map[string]string{
			"API":           get("/api/v4/projects/7/jobs", "PRIVATE-TOKEN: "+secret),
			"API, write":    request("POST", "/api/v4/projects/7/jobs/1/play", "", "PRIVATE-TOKEN: "+secret),
			"git":           get("/group/granted.git/info/refs?service=git-upload-pack", "Authorization: "+basic("bot", secret)),
			"LFS":           request("POST", "/group/granted.git/info/lfs/objects/batch", "{}", "Authorization: "+basic("bot", secret)),
			"token service": get("/jwt/auth?service=container_registry", "Authorization: "+basic("bot", secret)),
			"GraphQL":       request("POST", "/api/graphql", "{}", "Authorization: Bearer "+secret, "Content-Type: application/json"),
			"web":           get("/group/granted/-/archive/main/x.zip", "PRIVATE-TOKEN: "+secret),
			"no row":        get("/api/v4/nothing", "PRIVATE-TOKEN: "+secret),
			"MCP":           request("POST", "/api/v4/mcp", "{}", "Authorization: Bearer "+secret),
		}
	}
	passed := 0
	for _, c := range []struct {
		name   limits.Name
		spec   limits.Spec
		first  int // requests before it is used up
		status int
		retry  bool
		on     []string // surfaces; nil: all
	}{
		{limits.Networks, limits.Spec{Networks: []string{"10.0.0.0/8"}}, 0, 403, false, nil},
		{limits.Windows, limits.Spec{Windows: []limits.Window{closed()}}, 0, 403, true, nil},
		{limits.RequestsPerMinute, limits.Spec{RequestsPerMinute: 1}, 1, 429, true, nil},
		{limits.BytesPerDay, limits.Spec{BytesPerDay: 1}, 1, 429, true, nil},
		{limits.MaxUses, limits.Spec{MaxUses: 1}, 1, 403, false, nil},
		{limits.RequestsAtOnce, limits.Spec{RequestsAtOnce: 1}, 0, 429, true, nil},
		{limits.UpstreamConnections, limits.Spec{UpstreamConnections: 1}, 0, 429, true, []string{"API", "API, write", "git", "web"}},
	} {
		secret := g.mint(t, nil, scope)
		g.limit(t, secret, c.spec)
		for range c.first {
			g.raw(t, get("/api/v4/nothing", "PRIVATE-TOKEN: "+secret)) // its refusal is longer than a byte
		}
		var held net.Conn
		if c.name == limits.RequestsAtOnce || c.name == limits.UpstreamConnections {
			held = g.leave(t, get("/api/v4/projects/7/jobs/77", "PRIVATE-TOKEN: "+secret))
			until(t, "one request hangs", func() bool { return hangs.Load() == 1 })
			passed++
		}
		for surface, raw := range requests(secret) {
			if c.on != nil && !slices.Contains(c.on, surface) {
				continue
			}
			t.Run(string(c.name)+", "+surface, func(t *testing.T) {
				a := g.raw(t, raw)
				if a.status != c.status || !strings.Contains(a.body, string(c.name)) {
					t.Errorf("%d\n%v\n%s", a.status, a.header, a.body)
				}
				if got := a.header.Get("Retry-After"); (got != "") != c.retry {
					t.Errorf("Retry-After: %s", got)
				}
				if held != nil {
					return // the log waits for the one that hangs
				}
				e := g.sink.last(t)
				if e.Verdict != policy.Deny || e.Reason != "limit_"+string(c.name) || e.TokenID == 0 {
					t.Errorf("%s %s of token %d is in the log", e.Verdict, e.Reason, e.TokenID)
				}
			})
		}
		if held != nil {
			_ = held.Close()
			until(t, "it has ended", func() bool { return hangs.Load() == 0 })
		}
	}
	if len(upstream.requests()) != passed {
		t.Errorf("the forge got %d requests", len(upstream.requests()))
	}
	t.Run("the registry, with what its token service gave before", func(t *testing.T) {
		g := registryWorld(t, upstream.URL, metered)
		secret := g.mint(t, nil, inAcme("read_dependency_proxy"))
		sealed := g.signIn(t, secret, "service=dependency_proxy")
		g.limit(t, secret, limits.Spec{Networks: []string{"10.0.0.0/8"}})
		a := g.raw(t, get("/v2/", "Authorization: Bearer "+sealed))
		a.wants(t, 403)
		if !strings.Contains(a.body, `"errors":[{"code":"DENIED"`) || !strings.Contains(a.body, "networks") {
			t.Error(a.body)
		}
	})
}

// TestNetworksOfClientsBehindProxies holds that the address is that of the client, by the rules of trusted proxies.
func TestNetworksOfClientsBehindProxies(t *testing.T) {
	for _, c := range []struct {
		name, forwarded string
		trusted         bool
		status          int
	}{
		{"a proxy says it is from there", "10.1.2.3", true, 200},
		{"and in the form of IPv6", "::ffff:10.1.2.3", true, 200},
		{"a proxy says it is from elsewhere", "11.1.2.3", true, 403},
		{"the client adds one from there in front", "10.1.2.3, 11.1.2.3", true, 403},
		{"a proxy says nothing that is an address", "unknown", true, 403},
		{"who is no proxy says it is from there", "10.1.2.3", false, 403},
		{"nobody says anything", "", true, 403},
	} {
		t.Run(c.name, func(t *testing.T) {
			upstream := newEcho(t, nil)
			g := newGateway(t, upstream.URL, func(o *Options) {
				if metered(o); !c.trusted {
					o.TrustedProxies = nil
				}
			})
			g.limit(t, g.token, limits.Spec{Networks: []string{"10.0.0.0/8"}})
			fields := []string{"PRIVATE-TOKEN: " + g.token}
			if c.forwarded != "" {
				fields = append(fields, "X-Forwarded-For: "+c.forwarded)
			}
			for range 2 { // the second is one that a loop would have served
				g.raw(t, get("/api/v4/projects/7/jobs", fields...)).wants(t, c.status)
			}
			if reached := len(upstream.requests()) > 0; reached != (c.status == 200) {
				t.Errorf("the forge got %d requests", len(upstream.requests()))
			}
		})
	}
}

// TestAProxyThatNamesNobody holds that the address of a proxy in front satisfies no networks, whatever way it would name a client.
func TestAProxyThatNamesNobody(t *testing.T) {
	for _, c := range []struct {
		name, first, forwarded string
		trusted, announcing    bool
		status                 int
	}{
		{name: "who is no proxy", status: 200},
		{name: "a proxy", trusted: true, status: 403},
		{name: "a proxy that names no address", trusted: true, forwarded: "unknown", status: 403},
		{name: "a proxy that names no address behind one", trusted: true, forwarded: "10.1.2.3, unknown", status: 403},
		{name: "a proxy that names another one", trusted: true, forwarded: "127.0.0.1", status: 200},
		{name: "a proxy that names a client among the proxies", trusted: true, forwarded: "127.9.9.9", status: 200},
		{name: "proxies alone, the first from elsewhere", trusted: true, forwarded: "198.18.0.1, 127.9.9.9", status: 403},
		{name: "proxies alone, the first from there", trusted: true, forwarded: "127.9.9.9, 198.18.0.1", status: 200},
		{name: "PROXY protocol, a client among the proxies", announcing: true,
			first: "PROXY TCP4 127.9.9.9 192.0.2.1 1 2\r\n", status: 200},
		{name: "PROXY protocol, elsewhere among the proxies", announcing: true,
			first: "PROXY TCP4 198.18.0.1 192.0.2.1 1 2\r\n", status: 403},
		{name: "a proxy that names one of those that announce", trusted: true, announcing: true, first: "PROXY UNKNOWN\r\n",
			forwarded: "127.9.9.9", status: 200},
		{name: "PROXY protocol, unknown, and no address", trusted: true, announcing: true, first: "PROXY UNKNOWN\r\n", status: 403},
		{name: "a proxy that names a client", trusted: true, forwarded: "10.1.2.3", status: 200},
		{name: "PROXY protocol, unknown", announcing: true, first: "PROXY UNKNOWN\r\n", status: 403},
		{name: "PROXY protocol, local", announcing: true, first: "\r\n\r\n\x00\r\nQUIT\n\x20\x00\x00\x00", status: 403},
		{name: "PROXY protocol, a client", announcing: true, first: "PROXY TCP4 10.1.2.3 192.0.2.1 1 2\r\n", status: 200},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := newGateway(t, newEcho(t, nil).URL, func(o *Options) {
				if metered(o); !c.trusted {
					o.TrustedProxies = nil
				}
				if c.trusted {
					o.TrustedProxies = prefixes("127.0.0.0/8", "198.18.0.0/15")
				}
				if c.announcing {
					o.ProxyProtocol = prefixes("127.0.0.0/8", "198.18.0.0/15")
				}
			})
			g.limit(t, g.token, limits.Spec{Networks: []string{"10.0.0.0/8", "127.0.0.0/8"}})
			fields := []string{"PRIVATE-TOKEN: " + g.token}
			if c.forwarded != "" {
				fields = append(fields, "X-Forwarded-For: "+c.forwarded)
			}
			a := g.raw(t, c.first+get("/api/v4/projects/7/jobs", fields...))
			a.wants(t, c.status)
			if c.status == 403 && strings.Contains(a.body, "named no client") == strings.Contains(c.name, "elsewhere") {
				t.Error(a.body)
			}
		})
	}
}

// TestWhatIsCountedIsGivenBack holds that requests at once end, however they do.
func TestWhatIsCountedIsGivenBack(t *testing.T) {
	boom := false
	url, waiting := hanging(t)
	g := newGateway(t, url, func(o *Options) {
		metered(o)
		o.Timeouts.ClientGone = 50 * time.Millisecond
		o.Timeouts.UpstreamResponse = 300 * time.Millisecond
		o.Panicked = func(any, []byte) { boom = true }
	})
	g.limit(t, g.token, limits.Spec{RequestsAtOnce: 1, UpstreamConnections: 1})
	last := get("/api/v4/projects/7/jobs?last=yes", "PRIVATE-TOKEN: "+g.token)
	passes := func(what string) {
		t.Helper()
		until(t, "another request passes after "+what, func() bool { return g.raw(t, last).status == 200 })
	}
	passes("nothing")
	c := g.leave(t, get("/api/v4/projects/7/jobs", "PRIVATE-TOKEN: "+g.token))
	until(t, "one request hangs", func() bool { return waiting.Load() == 1 })
	a := g.raw(t, last)
	a.wants(t, 429)
	if !strings.Contains(a.body, "requests_at_once") {
		t.Error(a.body)
	}
	_ = c.Close()
	passes("a client that goes")
	g.raw(t, get("/api/v4/projects/7/jobs", "PRIVATE-TOKEN: "+g.token)).wants(t, 504)
	passes("a forge that does not answer")
	g.raw(t, get("/api/v4/projects/8/jobs", "PRIVATE-TOKEN: "+g.token)).wants(t, 403)
	passes("a denial")
	g.raw(t, "POST /api/v4/projects/7/issues HTTP/1.1\r\nHost: x\r\nPRIVATE-TOKEN: "+g.token+
		"\r\nExpect: 100-continue\r\nContent-Length: 9999999999\r\n\r\n")
	passes("a body that is too long")
	g.resolver.mu.Lock()
	g.resolver.err = fmt.Errorf("it fails")
	g.resolver.mu.Unlock()
	if s := g.raw(t, last).status; s < 500 {
		t.Errorf("status %d", s)
	}
	g.resolver.mu.Lock()
	g.resolver.err = nil
	g.resolver.mu.Unlock()
	passes("a failure")
	g.handler.rules.Resolver = nil // as a step that panics
	g.raw(t, last).wants(t, 500)
	g.handler.rules.Resolver = g.resolver
	passes("a panic")
	if !boom {
		t.Error("nothing panicked")
	}
}

// TestBytesEndAnAnswer holds that an answer which is longer than what is left of the day does not come whole, and that uploads count.
func TestBytesEndAnAnswer(t *testing.T) {
	const long = 3 << 20
	upstream := newEcho(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/trace") {
			if r.URL.RawQuery != "" {
				w.Header().Set("Content-Length", fmt.Sprint(long))
			}
			_, _ = io.WriteString(w, strings.Repeat("x", long))
		}
	})
	g := newGateway(t, upstream.URL, metered)
	for _, query := range []string{"", "?framed=yes"} {
		secret := g.mint(t, nil, policy.ScopeSpec{Access: "selected_memberships", ProjectIDs: []int64{7},
			Permissions: []string{"read_job"}})
		g.limit(t, secret, limits.Spec{BytesPerDay: 1 << 20})
		before := g.sink.count()
		c := g.leave(t, get("/api/v4/projects/7/jobs/1/trace"+query, "PRIVATE-TOKEN: "+secret, "Connection: close"))
		all, _ := io.ReadAll(c)
		if n := len(all); n > 1<<20+128<<10 || strings.HasPrefix(string(all), "HTTP/1.1 429") != (query != "") ||
			strings.HasSuffix(string(all), "\r\n0\r\n\r\n") {
			t.Errorf("%q: %d bytes come, %.40q...", query, n, all)
		}
		if e := g.sink.after(t, before); e.Failure != "token_limit" {
			t.Errorf("%q: failure %q", query, e.Failure)
		}
		if query == "" {
			g.raw(t, get("/api/v4/projects/7/jobs", "PRIVATE-TOKEN: "+secret)).wants(t, 429)
		}
	}
	g.limit(t, g.token, limits.Spec{BytesPerDay: 1000})
	upload := func(n int) int {
		return g.raw(t, request("PUT", "/api/v4/projects/7/packages/generic/a/1/b", strings.Repeat("x", n),
			"PRIVATE-TOKEN: "+g.token, "Content-Type: application/octet-stream")).status
	}
	if first, second := upload(600), upload(600); first != 200 || second != 429 {
		t.Errorf("uploads: %d, %d", first, second)
	}
}

// TestTokensWithoutLimitsStayInLoops holds that limits cost those nothing that have none.
func TestTokensWithoutLimitsStayInLoops(t *testing.T) {
	upstream := newEcho(t, nil)
	g := oneLoop(t, upstream.URL, metered)
	limited := g.mint(t, nil, policy.ScopeSpec{Access: "selected_memberships", ProjectIDs: []int64{7}, Permissions: []string{"read_job"}})
	g.limit(t, limited, limits.Spec{RequestsAtOnce: 100})
	for secret, loop := range map[string]bool{g.token: true, limited: false} {
		g.raw(t, get("/api/v4/projects/7/jobs", "PRIVATE-TOKEN: "+secret)).wants(t, 200)
		if e := g.sink.last(t); (e.Part > 0) != loop {
			t.Errorf("in part %d, in a loop: %v", e.Part, loop)
		}
	}
}

// TestContinueIsNoWayAround holds that requests which wait for "100 Continue" ask the forge no more than the uses of their token
// allow, and that one which is used up is told so.
func TestContinueIsNoWayAround(t *testing.T) {
	g := newGateway(t, newEcho(t, nil).URL, metered)
	const uses = 2
	g.limit(t, g.token, limits.Spec{MaxUses: uses})
	ask := func() int {
		c := g.leave(t, request("PUT", "/api/v4/projects/8/packages/generic/p/1/f", "",
			"PRIVATE-TOKEN: "+g.token, "Content-Length: 4", "Expect: 100-continue"))
		defer c.Close()
		_ = c.SetDeadline(time.Now().Add(5 * time.Second))
		r := bufio.NewReader(c)
		status := 0
		for status == 0 || status == 100 {
			a, err := http.ReadResponse(r, nil)
			if err != nil {
				t.Fatal(err)
			}
			if status = a.StatusCode; status == 100 {
				_, _ = io.WriteString(c, "body")
			}
			_, _ = io.Copy(io.Discard, a.Body)
		}
		return status
	}
	for range 10 {
		if status := ask(); status != 403 {
			t.Errorf("status %d", status)
		}
	}
	if e := g.sink.last(t); e.Reason != "limit_max_uses" {
		t.Errorf("in the end: %s", e.Reason)
	}
	g.resolver.mu.Lock()
	defer g.resolver.mu.Unlock()
	if g.resolver.asked != uses {
		t.Errorf("%d questions", g.resolver.asked)
	}
}

// TestUploadsEndWithTheDay holds that an upload which says no length ends where the day does, and that the forge does not take it
// for whole.
func TestUploadsEndWithTheDay(t *testing.T) {
	var whole atomic.Int64
	upstream := newEcho(t, func(_ http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err == nil {
			whole.Add(1)
		}
	})
	g := newGateway(t, upstream.URL, metered)
	g.limit(t, g.token, limits.Spec{BytesPerDay: 1 << 20})
	before := g.sink.count()
	c := g.leave(t, request("PUT", "/api/v4/projects/7/packages/generic/a/1/b", "", "PRIVATE-TOKEN: "+g.token,
		"Content-Type: application/octet-stream", "Transfer-Encoding: chunked"))
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	go func() {
		part := "10000\r\n" + strings.Repeat("x", 1<<16) + "\r\n"
		for range 64 {
			if _, err := io.WriteString(c, part); err != nil {
				return
			}
		}
		_, _ = io.WriteString(c, "0\r\n\r\n")
	}()
	if line, _ := bufio.NewReader(c).ReadString('\n'); !strings.HasPrefix(line, "HTTP/1.1 429 ") || whole.Load() != 0 {
		t.Errorf("%q, %d are whole", line, whole.Load())
	}
	if e := g.sink.after(t, before); e.Failure != "token_limit" || e.RequestBytes > 1<<20+1<<17 {
		t.Errorf("failure %q after %d bytes", e.Failure, e.RequestBytes)
	}
	g.raw(t, get("/api/v4/projects/7/jobs", "PRIVATE-TOKEN: "+g.token)).wants(t, 429)
}
