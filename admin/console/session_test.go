package console_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"patgate/admin/console"
	"patgate/forge/forgetest"
)

func TestSigningIn(t *testing.T) {
	w := newWorld(t, attempts(1000))
	w.forge.SetAdmin(w.root)
	cases := []struct {
		name, credential string
		status           int
		says             string
	}{
		{"nothing", "", 422, "Enter your GitLab access token"},
		{"a made-up one", "glpat-nosuchtoken", 401, "GitLab does not accept this access token"},
		{"a fine-grained one", w.forge.AddToken(w.alice, forgetest.Token{Granular: true}), 403, "legacy personal access token is needed"},
		{"a job's", w.forge.AddToken(w.alice, forgetest.Token{Kind: "job"}), 401, "does not accept"},
		{"an OAuth token", w.forge.AddToken(w.alice, forgetest.Token{Kind: "oauth"}), 401, "does not accept"},
		{"one that only reads the user", w.forge.AddToken(w.alice, forgetest.Token{Scopes: []string{"read_user"}}), 403, "patgate needs api or read_api"},
		{"a patgate token", "patgate_000000000000000000000000000000000000", 401, "does not accept"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			v := w.visitor(t)
			p := v.signIn(t, c.credential)
			p.wants(t, c.status, "Sign in")
			if !strings.Contains(p.text(), c.says) && !strings.Contains(p.body, c.says) {
				t.Errorf("it says %s", p.text())
			}
			p.lacks(t, c.credential)
			if p := v.get(t, "/tokens"); !strings.HasPrefix(p.at, "/sign-in") {
				t.Errorf("it came to lie at %s", p.at)
			}
		})
	}
	t.Run("positive control, with space around it", func(t *testing.T) {
		v := w.visitor(t)
		v.signIn(t, "  "+w.alicePAT+"\n").wants(t, 200, "alice")
		v.get(t, "/sign-in").wants(t, 200, "No token") // who is signed in need not do it again
	})
	if got := w.happened(); !slices.Contains(got, "signed_in") || !slices.Contains(got, "sign_in_refused") {
		t.Errorf("recorded %v", got)
	}
}

// Threat: credentials are tried out, or the forge is made to ban patgate's address for wrong ones.
func TestWrongCredentialsAreCounted(t *testing.T) {
	w := newWorld(t, attempts(5))
	in := w.signedIn(t, w.alicePAT)
	id, _ := in.make(t, w.alicePAT, nil)
	t.Run("good ones do not count", func(t *testing.T) {
		for range 8 {
			w.visitor(t).signIn(t, w.alicePAT).wants(t, 200)
		}
	})
	t.Run("many at once are no way around it", func(t *testing.T) {
		asked := w.forge.RequestCount()
		var group sync.WaitGroup
		statuses := make([]int, 12)
		visitors := make([]*visitor, len(statuses))
		forms := make([]url.Values, len(statuses))
		for i := range visitors {
			visitors[i] = w.visitor(t)
			forms[i] = visitors[i].get(t, "/sign-in").fill(url.Values{"credential": {"glpat-wrong"}})
		}
		for i := range statuses {
			group.Go(func() { statuses[i] = visitors[i].post(t, "/sign-in", forms[i]).status })
		}
		group.Wait()
		limited := 0
		for _, s := range statuses {
			if s == http.StatusTooManyRequests {
				limited++
			}
		}
		if limited != 7 || w.forge.RequestCount()-asked != 5 {
			t.Errorf("%d of 12 were limited, the forge was asked %d times", limited, w.forge.RequestCount()-asked)
		}
	})
	t.Run("others are tried, until too many were different", func(t *testing.T) {
		for i := range 4 {
			w.visitor(t).signIn(t, fmt.Sprint("glpat-guess-", i)).wants(t, 401)
		}
		p := w.visitor(t).signIn(t, "glpat-guess-4")
		if p.wants(t, http.StatusTooManyRequests, "Too many wrong credentials"); p.header.Get("Retry-After") == "" {
			t.Error("no Retry-After")
		}
		in.post(t, at(id, "/rotate"), in.get(t, at(id, "/rotate")).fill(url.Values{"credential": {"glpat-guess-5"}})).wants(t, http.StatusTooManyRequests)
	})
	t.Run("one that was good lately passes, here and where power is given", func(t *testing.T) {
		w.visitor(t).signIn(t, w.alicePAT).wants(t, 200)
		in.post(t, at(id, "/rotate"), in.get(t, at(id, "/rotate")).fill(url.Values{"credential": {w.bobPAT}})).wants(t, http.StatusTooManyRequests)
	})
	t.Run("of those that nobody knows, 32 at most are let through in a second", func(t *testing.T) {
		w.pass(time.Second)
		w.visitor(t).signIn(t, w.bobPAT).wants(t, 200)
		asked, statuses := w.forge.RequestCount(), map[int]int{}
		for i := range 64 {
			statuses[w.visitor(t).signIn(t, fmt.Sprint("glpat-late-", i)).status]++
		}
		passed := statuses[http.StatusUnauthorized]
		if passed == 0 || passed > 31 || statuses[http.StatusTooManyRequests] != 64-passed || w.forge.RequestCount()-asked != passed {
			t.Errorf("answers %v, the forge was asked %d times", statuses, w.forge.RequestCount()-asked)
		}
	})
	t.Run("who is signed in still revokes", func(t *testing.T) {
		in.post(t, at(id, "/revoke"), in.get(t, at(id, "/revoke")).fill(nil)).wants(t, 200, "is revoked")
	})
	t.Run("until the window is over", func(t *testing.T) {
		w.pass(time.Minute)
		w.visitor(t).signIn(t, w.bobPAT).wants(t, 200)
	})
	t.Run("wrong ones where power is given count as well", func(t *testing.T) {
		for i := range 5 {
			in.post(t, "/tokens", in.get(t, "/tokens/new").fill(jobToken(fmt.Sprint("glpat-guess-", i), nil))).wants(t, 401)
		}
		w.visitor(t).signIn(t, "glpat-guess-7").wants(t, http.StatusTooManyRequests)
	})
}

func TestSessionsEnd(t *testing.T) {
	signedOut := func(t *testing.T, v *visitor) {
		t.Helper()
		if p := v.get(t, "/tokens"); !strings.HasPrefix(p.at, "/sign-in") {
			t.Errorf("it is still signed in, at %s", p.at)
		}
	}
	t.Run("after a while without a request", func(t *testing.T) {
		w := newWorld(t, nil)
		v := w.signedIn(t, w.alicePAT)
		w.pass(29 * time.Minute)
		v.get(t, "/tokens").wants(t, 200, "alice")
		w.pass(29 * time.Minute)
		v.get(t, "/tokens").wants(t, 200, "alice")
		w.pass(30 * time.Minute)
		signedOut(t, v)
	})
	t.Run("after a time in any case", func(t *testing.T) {
		w := newWorld(t, func(o *console.Options) { o.SessionLifetime = time.Hour })
		v := w.signedIn(t, w.alicePAT)
		for range 5 {
			w.pass(11 * time.Minute)
			v.get(t, "/tokens").wants(t, 200, "alice")
		}
		w.pass(6 * time.Minute)
		signedOut(t, v)
	})
	t.Run("by signing out, and the cookie is worth nothing then", func(t *testing.T) {
		w := newWorld(t, nil)
		v := w.signedIn(t, w.alicePAT)
		u, _ := url.Parse(w.origin)
		cookies := v.Jar.Cookies(u)
		v.post(t, "/sign-out", v.get(t, "/tokens").fill(nil)).wants(t, 200, "Sign in")
		signedOut(t, v)
		v.Jar.SetCookies(u, cookies)
		signedOut(t, v)
	})
	t.Run("when the forge refuses the credential, soon", func(t *testing.T) {
		w := newWorld(t, nil)
		v := w.signedIn(t, w.alicePAT)
		w.forge.RevokeToken(w.alicePAT)
		w.pass(5 * time.Minute)
		signedOut(t, v)
	})
	t.Run("not while the forge is down, and revoking works then", func(t *testing.T) {
		w := newWorld(t, nil)
		v := w.signedIn(t, w.alicePAT)
		id, _ := v.make(t, w.alicePAT, nil)
		w.upstream.Close()
		w.pass(6 * time.Minute)
		v.get(t, "/tokens").wants(t, 200, "read jobs", "project ")
		v.post(t, at(id, "/revoke"), v.get(t, at(id, "/revoke")).fill(nil)).wants(t, 200, "is revoked")
		v.get(t, "/forge-tokens").wants(t, 502, "could not be reached")
		v.get(t, "/tokens/new").wants(t, 200)
	})
	t.Run("the oldest, when one user has too many", func(t *testing.T) {
		w := newWorld(t, func(o *console.Options) { o.SessionsPerUser = 2 })
		first := w.signedIn(t, w.alicePAT)
		other := w.signedIn(t, w.bobPAT)
		w.pass(time.Second)
		second := w.signedIn(t, w.alicePAT)
		w.pass(time.Second)
		third := w.signedIn(t, w.alicePAT)
		signedOut(t, first)
		for _, v := range []*visitor{second, third, other} {
			v.get(t, "/tokens").wants(t, 200, "Sign out")
		}
	})
	t.Run("the oldest, when there are too many", func(t *testing.T) {
		w := newWorld(t, func(o *console.Options) { o.Sessions = 1 })
		first := w.signedIn(t, w.alicePAT)
		w.pass(time.Second)
		w.signedIn(t, w.bobPAT)
		signedOut(t, first)
	})
	t.Run("signing in again gives another session", func(t *testing.T) {
		w := newWorld(t, nil)
		v := w.visitor(t)
		u, _ := url.Parse(w.origin)
		// Threat: somebody plants a cookie before its owner signs in.
		planted := &http.Cookie{Name: "__Host-patgate-console", Value: strings.Repeat("A", 43), Path: "/", Secure: true}
		v.Jar.SetCookies(u, []*http.Cookie{planted})
		v.signIn(t, w.alicePAT).wants(t, 200)
		for _, c := range v.Jar.Cookies(u) {
			if c.Value == planted.Value {
				t.Error("the planted cookie is a session")
			}
		}
	})
}
