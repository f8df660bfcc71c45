package console_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"patgate/admin/console"
	"patgate/store"
)

// goTo has a visitor's requests answered by a node from now on.
func (v *visitor) goTo(node int) { v.header.Set("X-Node", fmt.Sprint(node)) }

// Nodes of a fleet, and one and the same node before and after a restart, know each other's sessions and forms.
func TestASessionOnSeveralNodes(t *testing.T) {
	w := newWorld(t, nil)
	second := w.node(t, nil)
	t.Run("a form for signing in is sent to another node than it came from", func(t *testing.T) {
		v := w.visitor(t)
		form := v.get(t, "/sign-in")
		v.goTo(second)
		v.post(t, "/sign-in", form.fill(map[string][]string{"credential": {w.alicePAT}})).wants(t, 200, "alice")
	})
	v := w.signedIn(t, w.alicePAT)
	t.Run("pages and forms of one node are good on the other", func(t *testing.T) {
		form := v.get(t, "/tokens/new")
		v.goTo(second)
		v.get(t, "/tokens").wants(t, 200, "alice", "Sign out")
		if made := v.post(t, "/tokens", form.fill(jobToken(w.alicePAT, nil))); made.secret() == "" {
			t.Errorf("%d %s", made.status, made.text())
		}
		asked := w.forge.RequestCount()
		v.get(t, "/sign-in")
		if w.forge.RequestCount() != asked {
			t.Error("the forge is asked with each page")
		}
	})
	t.Run("a form that is sent to both at once makes one token, and to either later none", func(t *testing.T) {
		before := w.count(t)
		form := v.get(t, "/tokens/new").fill(jobToken(w.alicePAT, nil))
		browsers := []*visitor{{v.Client, w, http.Header{"X-Node": {"0"}}}, {v.Client, w, http.Header{"X-Node": {fmt.Sprint(second)}}}}
		var secrets atomic.Int64
		var all sync.WaitGroup
		for i := range 6 {
			all.Go(func() {
				if browsers[i%2].post(t, "/tokens", form).secret() != "" {
					secrets.Add(1)
				}
			})
		}
		all.Wait()
		for _, b := range browsers {
			b.post(t, "/tokens", form).wants(t, 200, "That form was sent before")
		}
		if n := w.count(t) - before; n != 1 || secrets.Load() != 1 {
			t.Errorf("%d tokens, %d secrets", n, secrets.Load())
		}
	})
	t.Run("a form of which nothing came can be sent again, to the other node too", func(t *testing.T) {
		form := v.get(t, "/tokens/new").fill(jobToken(w.alicePAT, map[string][]string{"expires_at": {"1s"}}))
		v.post(t, "/tokens", form).wants(t, 422)
		form.Set("expires_at", "30d")
		v.goTo(0)
		if v.post(t, "/tokens", form).secret() == "" {
			t.Error("it makes none")
		}
	})
	t.Run("signing out there holds here", func(t *testing.T) {
		v.goTo(0)
		page := v.get(t, "/tokens")
		v.goTo(second)
		u := *v.Client
		u.Jar = nil
		kept := &visitor{&u, w, http.Header{"Cookie": {cookieOf(t, v)}}}
		v.post(t, "/sign-out", page.fill(nil)).wants(t, 200, "Sign in")
		for _, node := range []int{0, second} {
			kept.goTo(node)
			if p := kept.get(t, "/tokens"); !strings.HasPrefix(p.at, "/sign-in") {
				t.Errorf("node %d: it came to lie at %s", node, p.at)
			}
		}
	})
}

// cookieOf gives a visitor's cookies as a request has them.
func cookieOf(t *testing.T, v *visitor) string {
	t.Helper()
	request, err := http.NewRequest(http.MethodGet, v.w.origin, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range v.Jar.Cookies(request.URL) {
		request.AddCookie(c)
	}
	return request.Header.Get("Cookie")
}

// A node that has not asked the forge takes what is kept of who signed in, while the forge is down.
func TestARestartWhileTheForgeIsDown(t *testing.T) {
	w := newWorld(t, nil)
	v := w.signedIn(t, w.alicePAT)
	id, _ := v.make(t, w.alicePAT, nil)
	w.upstream.Close()
	v.goTo(w.node(t, nil))
	v.get(t, "/tokens").wants(t, 200, "read jobs", "alice")
	v.post(t, at(id, "/revoke"), v.get(t, at(id, "/revoke")).fill(nil)).wants(t, 200, "is revoked")
}

// Threat: a credential that the forge does not take any more goes on in a session, because the node that asked is another one.
func TestTheForgeRefusesTheCredentialOnAnotherNode(t *testing.T) {
	w := newWorld(t, nil)
	v := w.signedIn(t, w.alicePAT)
	w.forge.RevokeToken(w.alicePAT)
	v.goTo(w.node(t, nil)) // it asks with the first page
	if p := v.get(t, "/tokens"); !strings.HasPrefix(p.at, "/sign-in") {
		t.Errorf("it came to lie at %s", p.at)
	}
	v.goTo(0) // it has asked just now, but the session is gone
	if p := v.get(t, "/tokens"); !strings.HasPrefix(p.at, "/sign-in") {
		t.Errorf("on the other node it came to lie at %s", p.at)
	}
}

// lost is a store that cannot be reached.
type lost struct {
	store.SignIns
	is atomic.Bool
}

func (l *lost) SignIn(ctx context.Context, id store.SignInID) (store.SignIn, error) {
	if l.is.Load() {
		return store.SignIn{}, store.ErrUnreachable
	}
	return l.SignIns.SignIn(ctx, id)
}

func (l *lost) EndSignIn(ctx context.Context, id store.SignInID) error {
	if l.is.Load() {
		return store.ErrUnreachable
	}
	return l.SignIns.EndSignIn(ctx, id)
}

// While the store does not say who is signed in, nobody passes, and nobody is signed out.
func TestTheStoreIsLost(t *testing.T) {
	l := new(lost)
	w := newWorld(t, func(o *console.Options) {
		l.SignIns, o.SignIns = o.SignIns, l
		o.Report = func(err error) {
			if !errors.Is(err, store.ErrUnreachable) {
				t.Errorf("patgate failed: %v", err)
			}
		}
	})
	v := w.signedIn(t, w.alicePAT)
	id, _ := v.make(t, w.alicePAT, nil)
	page, revoke := v.get(t, "/tokens"), v.get(t, at(id, "/revoke"))
	l.is.Store(true)
	for _, path := range []string{"/tokens", "/sign-in", at(id, "/revoke"), "/search?kind=project&q=shop"} {
		p := v.get(t, path)
		if p.wants(t, http.StatusServiceUnavailable, "cannot reach its store", "still signed in"); p.header.Get("Retry-After") == "" {
			t.Errorf("%s: no Retry-After", path)
		}
		p.lacks(t, "Sign out", "alice")
	}
	v.post(t, at(id, "/revoke"), revoke.fill(nil)).wants(t, http.StatusServiceUnavailable)
	v.post(t, "/sign-out", page.fill(nil)).wants(t, http.StatusServiceUnavailable)
	if l := w.read(t, id); !l.RevokedAt.IsZero() {
		t.Error("it is revoked")
	}
	l.is.Store(false)
	v.get(t, "/tokens").wants(t, 200, "alice", "Sign out")
}
