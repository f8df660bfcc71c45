package proxy

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"patgate/proxy/local"
	"patgate/routes"
	"patgate/token"
)

// passingLocal takes every DELETE for a revocation, and passes what it claims.
type passingLocal struct{ claims bool }

func (passingLocal) Owns(*routes.Route) bool   { return false }
func (passingLocal) Probes(*routes.Route) bool { return false }
func (l passingLocal) Claims(method string, _ []byte) bool {
	return l.claims && method == http.MethodDelete
}
func (passingLocal) IsRotation(string, []byte) bool           { return false }
func (passingLocal) Reused(context.Context, token.Hash) error { return nil }
func (passingLocal) Answer(context.Context, *local.Call) local.Result {
	return local.Result{Pass: true}
}

func (passingLocal) Trades(string, []byte) bool { return false }

func (passingLocal) Revocation(method string, _ []byte) local.Revocation {
	if method == http.MethodDelete {
		return local.RevokesByCredential
	}
	return local.RevokesNothing
}

// onlyGood is a forge that knows one credential.
func onlyGood(t *testing.T) *echo {
	return newEcho(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Private-Token") != "glpat-good" {
			w.WriteHeader(http.StatusUnauthorized)
		}
	})
}

// Threat: whoever sends wrong credentials from an address keeps others there from revoking a leaked one.
// Attack: an address beyond its limit, and then a revocation by a right credential: one that the token API looks at first and
// passes, one that goes to the forge at once, each with and without a wait for "100 Continue".
// Control: anything else from there is not tried.
func TestThreatRevocationBeyondTheLimit(t *testing.T) {
	const self = "/api/v4/personal_access_tokens/self"
	good := "PRIVATE-TOKEN: glpat-good"
	for _, claims := range []bool{false, true} {
		for _, expects := range []bool{false, true} {
			t.Run(fmt.Sprintf("claimed %v, waits %v", claims, expects), func(t *testing.T) {
				upstream := onlyGood(t)
				g := newGateway(t, upstream.URL, func(o *Options) { o.Local, o.Attempts = passingLocal{claims}, attempts(5) })
				for i := range 6 {
					g.raw(t, get("/api/v4/user", fmt.Sprint("PRIVATE-TOKEN: glpat-bad", i)))
				}
				g.raw(t, get("/api/v4/user", good)).wants(t, 429)
				time.Sleep(1100 * time.Millisecond) // the pace of one that nobody knows
				c := g.connect(t)
				if expects {
					_, _ = io.WriteString(c, strings.TrimSuffix(request("DELETE", self, "{}", good, "Expect: 100-continue"), "{}"))
					if line, err := c.r.ReadString('\n'); err != nil || line != "HTTP/1.1 100 Continue\r\n" {
						t.Fatalf("%q %v", line, err)
					}
					_, _ = c.r.ReadString('\n')
					_, _ = io.WriteString(c, "{}")
				} else {
					_, _ = io.WriteString(c, request("DELETE", self, "{}", good))
				}
				a, _ := readAnswer(t, c.r, "DELETE")
				a.wants(t, 200)
				if got := upstream.last(t); got.method != "DELETE" || got.target != self {
					t.Errorf("the forge got %s %s", got.method, got.target)
				}
			})
		}
	}
}

// Threat: runners whose jobs send their token where the forge does not look for one lock the others at their address out.
// Attack: different job tokens on a row that answers 401 to them; another one then clones.
// Control: ten times as many are a flood.
func TestThreatJobTokensInAnotherPlace(t *testing.T) {
	clone := get("/g/p.git/info/refs?service=git-upload-pack", "Authorization: "+basic("gitlab-ci-token", "glcbt-clones"))
	for n, status := range map[int]int{10: 200, 99: 200, 100: 429} {
		t.Run(fmt.Sprint(n, " tokens"), func(t *testing.T) {
			upstream := newEcho(t, func(w http.ResponseWriter, r *http.Request) {
				if r.Header.Get("Job-Token") != "" {
					w.WriteHeader(http.StatusUnauthorized)
				}
			})
			g := newGateway(t, upstream.URL, func(o *Options) { o.Attempts = attempts(10) })
			for i := range n {
				g.raw(t, get("/api/v4/user", fmt.Sprint("JOB-TOKEN: glcbt-", i))).wants(t, 401)
			}
			g.raw(t, clone).wants(t, status)
		})
	}
}

// Threat: wrong credentials that are all under way before the first answer comes reach the forge, which bans patgate for them.
// Attack: many at once while the forge is slow. Control: requests with a right one, which come at the same time, all pass.
func TestThreatGuessesAtOnceReachTheForge(t *testing.T) {
	const limit, reach, guesses, right = 10, 100, 300, 150
	// The forge answers once every guess has reached it or was refused: until then all of them are under way.
	var dealt sync.WaitGroup
	dealt.Add(guesses)
	all := make(chan struct{})
	go func() {
		dealt.Wait()
		close(all)
	}()
	upstream := newEcho(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Private-Token") == "glpat-good" {
			return
		}
		dealt.Done()
		<-all
		w.WriteHeader(http.StatusUnauthorized)
	})
	g := newGateway(t, upstream.URL, func(o *Options) { o.Attempts = attempts(limit) })
	ask := func(credential string) int {
		return g.raw(t, get("/api/v4/projects/7/jobs", "PRIVATE-TOKEN: "+credential)).status
	}
	if status := ask("glpat-good"); status != 200 {
		t.Fatalf("status %d", status)
	}
	var asked sync.WaitGroup
	var passed, refused atomic.Int64
	for i := range guesses {
		asked.Go(func() {
			if ask(fmt.Sprint("glpat-bad", i)) == 429 {
				refused.Add(1)
				dealt.Done()
			}
		})
		if i < right {
			asked.Go(func() {
				if ask("glpat-good") == 200 {
					passed.Add(1)
				}
			})
		}
	}
	asked.Wait()
	reached := 0
	for _, r := range upstream.requests() {
		if r.header.Get("Private-Token") != "glpat-good" {
			reached++
		}
	}
	if reached > reach || reached < limit || refused.Load() != int64(guesses-reached) {
		t.Errorf("%d of %d reach the forge, %d are refused", reached, guesses, refused.Load())
	}
	if passed.Load() != right {
		t.Errorf("%d of %d with a right credential pass", passed.Load(), right)
	}
}

// What was under way is over when its request is, however it ends: a credential that nobody knows then passes.
func TestTriesEnd(t *testing.T) {
	upstream := newEcho(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/api/v4/missing":
			w.WriteHeader(http.StatusNotFound)
		case "/api/v4/broken":
			panic(http.ErrAbortHandler)
		}
	})
	g := newGateway(t, upstream.URL, func(o *Options) { o.Attempts = attempts(1) })
	for path, status := range map[string]int{"user": 200, "missing": 404, "broken": 502} {
		for i := range 25 {
			g.raw(t, get("/api/v4/"+path, fmt.Sprint("JOB-TOKEN: glcbt-", path, i))).wants(t, status)
		}
		for i := range 25 {
			c := g.connect(t)
			_, _ = io.WriteString(c, request("POST", "/api/v4/"+path, "", fmt.Sprint("JOB-TOKEN: glcbt-", path, i), "Expect: 100-continue", "Content-Length: 2"))
			_ = c.Close() // before it sends what it announced
		}
	}
	time.Sleep(100 * time.Millisecond)
	g.raw(t, get("/api/v4/user", "PRIVATE-TOKEN: glpat-x")).wants(t, 200)

	x := g.handler.exchanges.Get().(*exchange) // one that is let go of without any answer
	for i := range 25 {
		x.h, x.request.Client = g.handler, address(1)
		if _, x.shown.trying = g.handler.attempts.Try(address(1), g.handler.attempts.Fingerprint([]byte{byte(i)})); !x.shown.trying {
			t.Fatalf("after %d others it is not tried", i)
		}
		x.reset()
	}

	panics := newGateway(t, upstream.URL, func(o *Options) {
		o.Attempts, o.Local, o.Panicked = attempts(1), panickingLocal{}, func(any, []byte) {}
	})
	for i := range 25 {
		panics.raw(t, get("/api/v4/user", fmt.Sprint("JOB-TOKEN: glcbt-", i))).wants(t, 500)
	}
}

// panickingLocal claims everything, and panics.
type panickingLocal struct{ passingLocal }

func (panickingLocal) Claims(string, []byte) bool                       { return true }
func (panickingLocal) Answer(context.Context, *local.Call) local.Result { panic("it is to panic") }
