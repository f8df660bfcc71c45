package cli_test

import (
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
)

// metric gives the lines of a node's metrics that begin with a name.
func (f *fleet) metric(n *node, name string) string {
	for line := range strings.Lines(send("GET", n.operators+"/metrics", http.Header{}, nil).body) {
		if value, found := strings.CutPrefix(line, name+" "); found {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// TestANodeWithoutItsFleet: a node that may go on without the database does so with what it knew well, says so everywhere, and
// does nothing else; a node whose clock is wrong is not ready; and what one node gave to a client another one takes.
func TestANodeWithoutItsFleet(t *testing.T) {
	f := startFleet(t, 2, "PATGATE_STORE_GRACE=10m")
	near, far := f.nodes[0], f.nodes[1]
	issues := func(n *node, secret string) answer { return f.call(n, secret, "GET", f.issues(), nil) }

	t.Run("grants that were fresh go on without the database", func(t *testing.T) {
		known, other := f.mint(far, "known"), f.mint(far, "other")
		if a := issues(near, known); a.status != http.StatusOK {
			t.Fatal(a.status, a.body)
		}
		if strings.Contains(near.logText(), `"store":"lost"`) || f.metric(near, "patgate_grace_decisions_total") != "0" {
			t.Error("a decision is marked before the store is lost")
		}
		near.way.cut.Store(true)
		const says = "revocations too, is not seen"
		await(t, "the node says that it goes on", func() bool {
			return strings.Contains(f.readiness(near).body, says)
		})
		if a := f.readiness(near); a.status != http.StatusOK {
			t.Errorf("%d %s", a.status, a.body)
		}
		if a := issues(near, known); a.status != http.StatusOK {
			t.Errorf("a grant that was fresh: %d %s", a.status, a.body)
		}
		if a := f.call(near, known, "GET", f.plans(), nil); a.status == http.StatusOK {
			t.Errorf("a grant that was fresh passes beyond itself: %d %s", a.status, a.body)
		}
		if a := issues(near, other); a.status != http.StatusServiceUnavailable || a.header.Get("Retry-After") == "" {
			t.Errorf("one that was never used here: %d %s", a.status, a.body)
		}
		if f.mint(near, "new") != "" {
			t.Error("a token is made without the store")
		}
		await(t, "the log marks the decision", func() bool { return strings.Contains(near.logText(), `"store":"lost"`) })
		if n := f.metric(near, "patgate_grace_decisions_total"); n == "" || n == "0" {
			t.Errorf("%q decisions are counted", n)
		}
		if !f.revoke(far, known) {
			t.Fatal("a node that is not cut off does not revoke")
		}
		near.way.heal()
		await(t, "the revocation is seen", func() bool { return issues(near, known).status == http.StatusUnauthorized })
		f.allReady(t)
	})
	t.Run("a clock that is wrong", func(t *testing.T) {
		f.in(t, "CREATE FUNCTION clock_timestamp() RETURNS TIMESTAMPTZ LANGUAGE SQL AS "+
			"$$ SELECT pg_catalog.clock_timestamp() + INTERVAL '1 hour' $$",
			"ALTER ROLE "+fleetRole+" SET search_path = public, pg_catalog")
		f.hangUp(t)
		for _, n := range f.nodes {
			await(t, "the node is not ready", func() bool {
				a := f.readiness(n)
				return a.status == http.StatusServiceUnavailable && strings.Contains(a.body, "clock: the clock is wrong") &&
					strings.Contains(a.body, "behind the database's")
			})
			if !strings.Contains(n.logText(), "the clock is wrong") {
				t.Error("the log does not say it")
			}
			if skew := f.metric(n, "patgate_store_clock_skew_seconds"); !strings.HasPrefix(skew, "-3") {
				t.Errorf("skew %q", skew)
			}
		}
		f.in(t, "ALTER ROLE "+fleetRole+" RESET search_path", "DROP FUNCTION public.clock_timestamp()")
		f.hangUp(t)
		f.allReady(t)
	})
	t.Run("what a node gave to a client is taken by another one, and after a kill", func(t *testing.T) {
		secret := f.mintFor(near, "conan", "read_package")
		conan := func(n *node, way, path string) (status int, body string) {
			request, err := http.NewRequest("GET", n.gate+"/api/v4/projects/shop%2Fbackend%2Fapi/packages/conan/v1/users/"+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			request.Header.Set("Authorization", way)
			response, err := f.client.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			text, err := io.ReadAll(response.Body)
			if err != nil {
				t.Fatal(err)
			}
			return response.StatusCode, string(text)
		}
		status, text := conan(near, basicOf(secret), "authenticate")
		if status != http.StatusOK {
			t.Fatal(status, text)
		}
		_ = near.stop(syscall.SIGKILL) // it says how it ended
		if err := near.start(near.env, nil, near.operators); err != nil {
			t.Fatal(err)
		}
		for i, n := range f.nodes {
			if status, body := conan(n, "Bearer "+text, "check_credentials"); status != http.StatusOK {
				t.Errorf("node %d: %d %s", i, status, body)
			}
		}
		if !f.revoke(far, secret) {
			t.Fatal("not revoked")
		}
		await(t, "it ends with its token", func() bool {
			status, _ := conan(near, "Bearer "+text, "check_credentials")
			return status == http.StatusUnauthorized
		})
	})
}
