package proxy

import (
	"bufio"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"patgate/audit"
	"patgate/forge"
	"patgate/learn"
	"patgate/proxy/asking"
	"patgate/proxy/legacy"
	"patgate/proxy/observe"
	"patgate/proxy/surface"
	"patgate/routes"
	"patgate/token"
)

// knowing is a forge that notes whose credentials it was asked for, and knows one.
type knowing struct {
	asking.Resolver
	mu    sync.Mutex
	asked []string
}

const knownCredential = "glpat-that-the-forge-knows"

// Whose implements observe.Forge.
func (k *knowing) Whose(_ context.Context, credential token.Secret) (forge.Identity, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.asked = append(k.asked, credential.Reveal()); credential.Reveal() != knownCredential {
		return forge.Identity{}, forge.ErrCredential
	}
	return forge.Identity{UserID: 42, Username: "owner"}, nil
}

// PutSubject implements observe.Keeper.
func (*knowing) PutSubject(_ context.Context, s learn.Subject) (learn.Subject, error) { return s, nil }

func (k *knowing) questions() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return append([]string(nil), k.asked...)
}

// observing starts a gateway that observes, in front of a forge that answers 200 to everything. configure changes the options.
func observing(t *testing.T, configure func(*observe.Options)) (*gateway, *knowing) {
	t.Helper()
	upstream := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(upstream.Close)
	k := &knowing{Resolver: &fakeResolver{}}
	table := loadTestTable(t)
	options := observe.Options{Table: func() *routes.Table { return table }, Dialect: surface.DialectOf(""), Forge: k,
		Origin: upstream.URL, Keeper: k, Hash: func(text []byte) [sha256.Size]byte { return sha256.Sum256(text) },
		Refused:  func(netip.Addr, []byte) { t.Error("a credential is counted as wrong that nobody looked at") },
		Observed: func(*audit.Event, bool) {},
		Panicked: func(value any, stack []byte) { t.Errorf("panic: %v\n%s", value, stack) }}
	if configure != nil {
		configure(&options)
	}
	o := observe.New(options)
	t.Cleanup(o.Close)
	return newGateway(t, upstream.URL, func(options *Options) {
		options.Observer, options.Anonymous, options.Web = o, legacy.Allow, legacy.Allow
	}), k
}

func pass(t *testing.T, g *gateway, method, target, body string, fields ...string) {
	t.Helper()
	q, err := http.NewRequestWithContext(t.Context(), method, "http://"+g.address+target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(fields); i += 2 {
		q.Header.Set(fields[i], fields[i+1])
	}
	a, err := http.DefaultClient.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, a.Body)
	_ = a.Body.Close()
	if a.StatusCode != http.StatusOK {
		t.Fatalf("%s %s: %d", method, target, a.StatusCode)
	}
}

// Threat: the forge is asked whose made-up credentials are, past the bound of wrong ones.
// Attack: they come where the forge answers anybody, so that none is counted. Control: one that it accepted is asked for.
func TestThreatGuessesByObservation(t *testing.T) {
	g, k := observing(t, nil)
	public := []string{"/robots.txt", "/", "/users/sign_in", "/group/p/-/raw/main/a.txt", "/group/p?go-get=1", "/api/v4/nothing", "/v2/"}
	for i := range 300 {
		made, target := fmt.Sprintf("made-up-%d", i), public[i%len(public)]
		switch i % 3 {
		case 0:
			pass(t, g, "GET", target, "", "PRIVATE-TOKEN", made)
		case 1:
			pass(t, g, "GET", target, "", "Authorization", "Bearer "+made)
		default:
			pass(t, g, "POST", "/api/v4/projects/7/issues", "title=x&private_token="+knownCredential, "PRIVATE-TOKEN", made,
				"Content-Type", "application/x-www-form-urlencoded")
		}
	}
	pass(t, g, "GET", "/api/v4/projects/7/jobs", "", "PRIVATE-TOKEN", knownCredential)
	var asked []string
	for end := time.Now().Add(time.Minute); len(asked) == 0 && time.Now().Before(end); time.Sleep(time.Millisecond) {
		asked = k.questions()
	}
	if len(asked) != 1 || asked[0] != knownCredential {
		t.Errorf("the forge is asked %d times: %.200q", len(asked), asked)
	}
}

// A guess of which the answer seemed to show that it is none is the client's wrong credential.
func TestRefusedQuestionsAreCounted(t *testing.T) {
	refused := make(chan string, 2)
	g, _ := observing(t, func(o *observe.Options) {
		o.Refused = func(client netip.Addr, credential []byte) { refused <- client.String() + " " + string(credential) }
	})
	pass(t, g, "POST", "/api/v4/projects/7/issues", "title=x", "PRIVATE-TOKEN", "made-up", "Content-Type",
		"application/x-www-form-urlencoded")
	pass(t, g, "GET", "/api/v4/projects/7/jobs?private_token=made-up-too", "")
	for range 2 {
		select {
		case got := <-refused:
			if !strings.HasPrefix(got, "127.0.0.1 made-up") {
				t.Error(got)
			}
		case <-time.After(time.Minute):
			t.Fatal("it is not counted")
		}
	}
}

// A panic of the observer's own is told once, and ends nothing.
func TestPanicsOfTheObserverAreTold(t *testing.T) {
	var panics atomic.Int64
	observed := make(chan struct{}, 3)
	g, _ := observing(t, func(o *observe.Options) {
		o.Observed = func(*audit.Event, bool) {
			observed <- struct{}{}
			panic("of a test")
		}
		o.Panicked = func(any, []byte) { panics.Add(1) }
	})
	for range cap(observed) {
		pass(t, g, "GET", "/api/v4/projects/7/jobs", "", "PRIVATE-TOKEN", knownCredential)
	}
	for range cap(observed) {
		select {
		case <-observed:
		case <-time.After(time.Minute):
			t.Fatal("it is over after a panic")
		}
	}
	g.handler.options.Observer.Close() // its goroutines are through with them
	if n := panics.Load(); n != 1 {
		t.Errorf("%d are told", n)
	}
}

// Where a redirect leads is read as the client reads it: by a name in any case.
func TestRedirectsAwayAreSeen(t *testing.T) {
	g := newGateway(t, "http://forge.example.com", nil)
	for _, c := range []struct {
		block string
		away  bool
	}{{"Location: https://storage.example.com/x", true}, {"location: https://storage.example.com/x", true},
		{"LOCATION: http://forge.example.com/users/sign_in", false}, {"location: /users/auth/saml", false}, {"X: y", false},
		{"Location: https://storage.example.com/x\r\nlocation: /users/sign_in", false}} {
		x := &exchange{}
		x.request.Upstream = &g.handler.forge
		h := &x.delivery.answer.Header
		h.DisableNormalizing()
		if err := h.Read(bufio.NewReader(strings.NewReader("HTTP/1.1 302 Found\r\n" + c.block + "\r\n\r\n"))); err != nil {
			t.Fatal(err)
		}
		if away := x.leadsAway(); away != c.away {
			t.Errorf("%q leads away: %t", c.block, away)
		}
	}
}
