package proxy

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"patgate/cache"
	"patgate/forge"
	"patgate/policy"
	"patgate/proxy/asking"
	"patgate/routes"
	"patgate/token"
)

func newSecret(s string) token.Secret { return token.NewSecret(s) }

// leakyResolver fails with the owner's credential in its hands.
type leakyResolver struct {
	asking.Resolver
	fail func(credential string) error
}

func (r leakyResolver) Known(s *token.Session, ref routes.Reference, maxAge time.Duration, _ time.Time) *policy.Container {
	return knownBy(r, s, ref, maxAge)
}

func (r leakyResolver) Resolve(_ context.Context, s *token.Session, _ routes.Reference, _ time.Duration) (policy.Container, error) {
	return policy.Container{}, r.fail(s.Credential.Reveal())
}

// Threat: a failure carries a secret into an answer or a record. Attack: a resolver that fails, in every way that it can,
// with the owner's credential in the text. Control: the request is refused, and recorded with a reason of the closed set.
func TestThreatSecretsInFailures(t *testing.T) {
	for name, fail := range map[string]func(string) error{
		"a panic":               func(s string) error { panic("the credential is " + s) },
		"a panic with an error": func(s string) error { panic(fmt.Errorf("the credential is %s", s)) },
		"an unknown error":      func(s string) error { return errors.New("the credential is " + s) },
		"an unavailable forge":  func(s string) error { return fmt.Errorf("sending %s: %w", s, forge.ErrUnavailable) },
		"a refused credential":  func(s string) error { return fmt.Errorf("sending %s: %w", s, forge.ErrCredential) },
		"a budget":              func(s string) error { return fmt.Errorf("sending %s: %w", s, forge.ErrBudget) },
	} {
		t.Run(name, func(t *testing.T) {
			var stack string
			g := newGateway(t, mustNotBeCalled(t), func(o *Options) {
				o.Resolver = leakyResolver{fail: fail}
				o.Panicked = func(_ any, s []byte) { stack = string(s) }
			})
			a := g.raw(t, get("/api/v4/projects/7/jobs", "PRIVATE-TOKEN: "+g.token))
			if a.status < 400 {
				t.Errorf("status %d", a.status)
			}
			recorded := fmt.Sprintf("%+v", g.sink.last(t))
			for _, secret := range []string{ownerCredential, g.token} {
				if strings.Contains(fmt.Sprint(a), secret) || strings.Contains(recorded, secret) || strings.Contains(stack, secret) {
					t.Errorf("%q is told: %v; %s; %s", secret, a, recorded, stack)
				}
			}
		})
	}
}

// countingSessions counts look-ups.
type countingSessions struct {
	Sessions
	n atomic.Int64
}

func (s *countingSessions) GetAt(ctx context.Context, hash token.Hash, now time.Time) (*token.Session, error) {
	if cache.MayNotLoad(ctx) {
		return nil, cache.ErrNotKept
	}
	s.n.Add(1)
	return s.Sessions.GetAt(ctx, hash, now)
}

// Threat: answers, or the work behind them, tell how close a guess came. Attack: tokens that differ from a real one in one
// place. A token whose checksum is wrong is refused without a look-up, which tells what anybody can compute.
func TestThreatGuessedTokens(t *testing.T) {
	var sessions *countingSessions
	g := newGateway(t, mustNotBeCalled(t), func(o *Options) {
		sessions = &countingSessions{Sessions: o.Sessions}
		o.Sessions = sessions
		o.Attempts = attempts(1000)
	})
	other := strings.Repeat("x", 20)
	for _, c := range []struct {
		name, secret string
		lookups      int64
		reason       string
	}{
		{"another token", mintUnknown(t), 1, "token_unknown"},
		{"one character of the checksum changed", g.token[:len(g.token)-1] + flip(g.token[len(g.token)-1]), 0, "token_malformed"},
		{"the first half kept", g.token[:len(g.token)-20] + other, 0, "token_malformed"},
		{"a character less", g.token[:len(g.token)-1], 0, "token_malformed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := sessions.n.Load()
			a := g.raw(t, get("/api/v4/projects/7/jobs", "PRIVATE-TOKEN: "+c.secret))
			a.wants(t, 401, c.reason)
			if n := sessions.n.Load() - before; n != c.lookups {
				t.Errorf("%d look-ups", n)
			}
			if strings.Contains(a.body, c.secret[len(token.Prefix):]) {
				t.Error("the answer repeats the token")
			}
		})
	}
}

func flip(c byte) string {
	if c == 'a' {
		return "b"
	}
	return "a"
}

// mintUnknown gives a token that the gateway was not told of.
func mintUnknown(t *testing.T) string {
	t.Helper()
	secret, err := token.Mint(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return secret.Reveal()
}
