package gitlab

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"patgate/policy"
	"patgate/routes"
	"patgate/token"
)

// Threat: who asks for what a token with no share left is asking for waits for that one's share. Attack: two tokens of an owner
// ask about what hangs until the second has no share left, and then it asks about a project, and for a list, that a third asks for
// too. Control: the third is answered, and the second asks the forge nothing more meanwhile.
func TestThreatNobodyWaitsForAnothersShare(t *testing.T) {
	var hanging atomic.Int64
	asked := make(chan string, 99)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if strings.HasPrefix(q.URL.Path, "/api/v4/projects/1000") {
			hanging.Add(1)
			<-q.Context().Done()
			return
		}
		asked <- q.URL.Path
		if strings.HasPrefix(q.URL.Path, "/api/v4/groups") {
			_, _ = w.Write([]byte("[]"))
			return
		}
		w.WriteHeader(http.StatusNotFound)
	}))
	defer server.Close()
	r, err := New(Options{URL: server.URL, Timeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	defer all.Wait()
	defer cancel()
	s := func(id int64) *token.Session {
		return &token.Session{TokenID: id, OwnerUserID: 11, CredentialID: 5, Credential: token.NewSecret(testSecret)}
	}
	until := func(what string, holds func() bool) {
		t.Helper()
		for deadline := time.Now().Add(20 * time.Second); !holds(); time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%s: %d hang", what, hanging.Load())
			}
		}
	}
	for _, c := range []struct{ token, most int64 }{{1, 28}, {2, 46}} {
		for i := range int64(28) {
			ref := routes.Reference{Kind: routes.RefProject, ID: 1000_0000 + c.token*100 + i}
			all.Go(func() { _, _ = r.Resolve(ctx, s(c.token), ref, 0) })
		}
		until("what they may", func() bool { return hanging.Load() >= c.most })
	}
	project, group := routes.Reference{Kind: routes.RefProject, ID: 7}, policy.Container{Boundary: routes.BoundaryGroup, ID: 5, Path: "g"}
	for what, ask := range map[string]func(context.Context, *token.Session) error{
		"a project": func(ctx context.Context, s *token.Session) error {
			_, err := r.Resolve(ctx, s, project, 0)
			return err
		},
		"a list": func(ctx context.Context, s *token.Session) error {
			_, _, err := r.Below(ctx, s, &group, 0)
			return err
		},
	} {
		loads := func() (n uint64) {
			for _, c := range r.Stats() {
				n += c.Loads
			}
			return n
		}
		before := loads()
		all.Go(func() { _ = ask(ctx, s(2)) })
		until(what+" is asked for", func() bool { return loads() > before })
		within, cancel := context.WithTimeout(ctx, 20*time.Second)
		if err := ask(within, s(3)); err != nil {
			t.Errorf("%s: %v", what, err)
		}
		cancel()
		if n := len(asked); n != 1 {
			t.Errorf("%s: %d questions", what, n)
		}
		<-asked
	}
}
