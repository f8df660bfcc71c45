package proxy

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"patgate/forge"
	"patgate/forge/gitlab"
	"patgate/policy"
	"patgate/proxy/asking"
	"patgate/routes"
	"patgate/token"
)

// silentForge is a resolver whose questions about containers that it does not know have no answer.
type silentForge struct {
	asking.Resolver
	waiting *atomic.Int64
}

// Known implements asking.Resolver: nothing is.
func (silentForge) Known(*token.Session, routes.Reference, time.Duration, time.Time) *policy.Container {
	return nil
}

// Resolve implements asking.Resolver.
func (f silentForge) Resolve(ctx context.Context, _ *token.Session, _ routes.Reference, _ time.Duration) (policy.Container, error) {
	return policy.Container{}, f.wait(ctx)
}

// Lookup implements asking.Resolver.
func (f silentForge) Lookup(ctx context.Context, _ *token.Session, _ *routes.Route, _ *routes.Operation) (forge.LookupResult, error) {
	return forge.LookupResult{}, f.wait(ctx)
}

func (f silentForge) wait(ctx context.Context) error {
	f.waiting.Add(1)
	defer f.waiting.Add(-1)
	<-ctx.Done()
	return ctx.Err()
}

// A client that goes takes the questions with it that its request has had the forge asked; one that stays keeps them.
func TestQuestionsOfClientsThatGo(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("needs event loops, which there are on Linux")
	}
	server, trust, _ := certified(t)
	for _, secure := range []*tls.Config{nil, server} {
		waiting := new(atomic.Int64)
		g := newGatewayOver(t, secure, mustNotBeCalled(t), func(o *Options) { o.Timeouts.ClientGone = 300 * time.Millisecond })
		g.handler.rules.Resolver = silentForge{g.resolver, waiting}
		if secure != nil {
			g.trust = trust
		}
		for what, target := range map[string]string{"a container": jobs, "an object": "/api/v4/vulnerabilities/70"} {
			t.Run(fmt.Sprintf("%s, TLS %v", what, secure != nil), func(t *testing.T) {
				text := get(target, "PRIVATE-TOKEN: "+g.token)
				before := g.sink.count()
				if e := twentyGo(t, g, text, waiting); e.Reason != "client_gone" || e.Verdict != policy.Deny {
					t.Errorf("recorded as %v, %q", e.Verdict, e.Reason)
				}
				if n := g.sink.count() - before; n != 21 {
					t.Errorf("%d of 21 requests are recorded", n)
				}
			})
		}
	}
}

// A client that goes takes no question from those that wait for the same answer, with its own token or another of its owner's.
// Those whose bytes of a next request lie behind the first have not gone.
func TestAQuestionOfSeveralClients(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("needs event loops, which there are on Linux")
	}
	var asked atomic.Int64
	open := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		asked.Add(1)
		select {
		case <-open:
		case <-q.Context().Done():
			return
		}
		_, _ = io.WriteString(w, `{"id":7,"path_with_namespace":"group/granted","owner":{"id":42},`+
			`"namespace":{"id":5,"kind":"user","full_path":"owner"}}`)
	}))
	defer server.Close()
	r, err := gitlab.New(gitlab.Options{URL: server.URL, Timeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	url, _ := hanging(t)
	g := newGateway(t, url, func(o *Options) { o.Timeouts.ClientGone, o.Resolver = 300*time.Millisecond, r })
	let := sync.OnceFunc(func() { close(open) })
	defer let()
	text := func(token string) string {
		return get("/api/v4/projects/group%2Fgranted/jobs?last=yes", "PRIVATE-TOKEN: "+token)
	}
	other := g.mint(t, nil, policy.ScopeSpec{Access: "selected_memberships", ProjectIDs: []int64{7}, Permissions: []string{"read_job"}})
	goes := g.leave(t, text(g.token))
	until(t, "it is asked", func() bool { return asked.Load() == 1 })
	stay := []net.Conn{g.leave(t, text(g.token)+text(g.token)), g.leave(t, text(other))}
	until(t, "others wait", func() bool { return r.Stats()[0].Joins == 2 })
	_ = goes.Close()
	if e := g.sink.after(t, 0); e.Reason != "client_gone" || e.Verdict != policy.Deny {
		t.Errorf("recorded as %v, %q", e.Verdict, e.Reason)
	}
	time.Sleep(600 * time.Millisecond) // twice what one that is gone has
	let()
	for _, c := range stay {
		_ = c.SetDeadline(time.Now().Add(20 * time.Second))
		a, _ := readAnswer(t, bufio.NewReader(c), "GET")
		a.wants(t, 200)
	}
	if n := asked.Load(); n != 1 {
		t.Errorf("the forge was asked %d times", n)
	}
}
