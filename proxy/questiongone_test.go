package proxy

import (
	"context"
	"net"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

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
	f.waiting.Add(1)
	defer f.waiting.Add(-1)
	<-ctx.Done()
	return policy.Container{}, ctx.Err()
}

// A client that goes takes the questions with it that its request has had the forge asked; one that stays keeps them.
func TestQuestionsOfClientsThatGo(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("needs event loops, which there are on Linux")
	}
	waiting := new(atomic.Int64)
	g := newGateway(t, mustNotBeCalled(t), func(o *Options) { o.Timeouts.ClientGone = 300 * time.Millisecond })
	g.handler.rules.Resolver = silentForge{g.resolver, waiting}
	text := get(jobs, "PRIVATE-TOKEN: "+g.token)
	before := g.sink.count()
	stays := g.leave(t, text)
	var gone []net.Conn
	for range 20 {
		gone = append(gone, g.leave(t, text))
	}
	until(t, "all wait", func() bool { return waiting.Load() == 21 })
	for _, c := range gone {
		_ = c.Close()
	}
	until(t, "those of clients that are gone have ended", func() bool { return waiting.Load() == 1 })
	time.Sleep(600 * time.Millisecond) // twice what one that is gone has
	if n := waiting.Load(); n != 1 {
		t.Errorf("%d wait for the client that stays", n)
	}
	_ = stays.Close()
	until(t, "nobody waits", func() bool { return waiting.Load() == 0 })
	if e := g.sink.after(t, before); e.Reason != "client_gone" || e.Verdict != policy.Deny {
		t.Errorf("recorded as %v, %q", e.Verdict, e.Reason)
	}
}
