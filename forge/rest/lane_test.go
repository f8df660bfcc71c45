package rest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"patgate/fleet/share"
	"patgate/forge"
	"patgate/token"
)

type connKey struct{}

// Threat: what a forge says too late on a connection is taken for the answer to a question on another owner's account, such as
// whose a credential is. Attack: questions with many credentials, in turn and at once. Control: the questions with one credential,
// one after the other, take one connection.
func TestThreatQuestionsShareNoConnection(t *testing.T) {
	var mu sync.Mutex
	carried := map[net.Conn]map[string]int{}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		c := r.Context().Value(connKey{}).(net.Conn)
		if carried[c] == nil {
			carried[c] = map[string]int{}
		}
		carried[c][r.Header.Get("Private-Token")]++
	}))
	server.Config.ConnContext = func(ctx context.Context, c net.Conn) context.Context { return context.WithValue(ctx, connKey{}, c) }
	server.Start()
	defer server.Close()
	c, err := client(Options{URL: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseIdleConnections()
	ask := func(secret string) {
		if _, err := c.Get(t.Context(), token.NewSecret(secret), "/user"); err != nil {
			t.Error(err)
		}
	}
	var all sync.WaitGroup
	for _, secret := range []string{"glpat-a", "glpat-b", "glpat-c", "glpat-d"} {
		all.Go(func() {
			for range 20 {
				ask(secret)
				ask("glpat-of-all")
			}
		})
	}
	all.Wait()
	for range 20 {
		ask("glpat-alone")
	}
	mu.Lock()
	defer mu.Unlock()
	alone := 0
	for _, who := range carried {
		if len(who) > 1 {
			t.Errorf("one connection carried questions with %d credentials", len(who))
		}
		if who["glpat-alone"] > 0 {
			alone++
		}
	}
	if alone != 1 {
		t.Errorf("%d connections for one credential", alone)
	}
}

func TestQuestionsAreKnownAgain(t *testing.T) {
	var via, host string
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		via, host = r.Header.Get("Via"), r.Host
		rw.WriteHeader(http.StatusLoopDetected)
	}))
	defer server.Close()
	c, err := client(Options{URL: server.URL, Via: "1.1 patgate-x"})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Get(t.Context(), token.NewSecret(testSecret), "/user")
	if !errors.Is(err, forge.ErrLoop) || !errors.Is(err, forge.ErrUnavailable) {
		t.Errorf("%v", err)
	}
	if via != "1.1 patgate-x" || "http://"+host != server.URL {
		t.Errorf("Via %q, Host %q", via, host)
	}
}

// Threat: the questions about a part of the forge that hangs take all that may be asked at a time, so that nobody else's are asked.
// Attack: tokens of one owner, and credentials that nobody knows, ask for more than there may be. Control: another token of that
// owner and another owner's are answered, and beside an owner's also a credential that nobody knows yet.
func TestThreatQuestionsOfOneOwner(t *testing.T) {
	for name, attacker := range map[string]func(ctx context.Context, i int) (context.Context, token.Secret){
		"tokens of an owner": func(ctx context.Context, i int) (context.Context, token.Secret) {
			return forge.On(ctx, 1, int64(i%5+1)), token.NewSecret("glpat-a")
		},
		"unknown credentials": func(ctx context.Context, i int) (context.Context, token.Secret) {
			return ctx, token.NewSecret(fmt.Sprint("glpat-", i))
		},
	} {
		t.Run(name, func(t *testing.T) {
			var hanging atomic.Int64
			server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/api/v4/hangs" {
					hanging.Add(1)
					<-r.Context().Done()
				}
			}))
			defer server.Close()
			c, err := client(Options{URL: server.URL})
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			var all sync.WaitGroup
			defer all.Wait()
			defer cancel()
			for i := range 2 * maxQuestions {
				by, secret := attacker(ctx, i)
				all.Go(func() { _, _ = c.Get(by, secret, "/hangs") })
			}
			for deadline := time.Now().Add(20 * time.Second); hanging.Load() < maxQuestions/2; time.Sleep(time.Millisecond) {
				if time.Now().After(deadline) {
					t.Fatalf("%d hang", hanging.Load())
				}
			}
			for range 20 {
				others := []context.Context{forge.On(t.Context(), 1, 9), forge.On(t.Context(), 2, 7), t.Context()}
				if name == "unknown credentials" {
					others = others[:2]
				}
				for _, by := range others {
					ctx, cancel := context.WithTimeout(by, 20*time.Second)
					if _, err := c.Get(ctx, token.NewSecret("glpat-b"), "/user"); err != nil {
						t.Fatal(err)
					}
					cancel()
				}
			}
			if n := hanging.Load(); n > maxQuestions*7/8 {
				t.Errorf("%d of %d are asked", n, maxQuestions)
			}
		})
	}
}

// TestAShareThatIsInUse holds that who gets no share in time is told so, and not that the forge did not answer.
func TestAShareThatIsInUse(t *testing.T) {
	var asked atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		<-r.Context().Done()
	}))
	defer server.Close()
	c, err := client(Options{URL: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(forge.On(t.Context(), 1, 1))
	var all sync.WaitGroup
	defer all.Wait()
	defer cancel()
	for range maxQuestions / 2 {
		all.Go(func() { _, _ = c.Get(ctx, token.NewSecret(testSecret), "/user") })
	}
	for deadline := time.Now().Add(20 * time.Second); asked.Load() < maxQuestions/2; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d are asked", asked.Load())
		}
	}
	late, stop := context.WithTimeout(ctx, time.Millisecond)
	defer stop()
	_, err = c.Get(late, token.NewSecret(testSecret), "/user")
	if !errors.Is(err, share.ErrShare) || !errors.Is(err, forge.ErrUnavailable) || errors.Is(err, forge.ErrTimeout) ||
		errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("late: %v", err)
	}
	gone, leave := context.WithCancel(ctx)
	time.AfterFunc(time.Millisecond, leave)
	if _, err = c.Get(gone, token.NewSecret(testSecret), "/user"); !errors.Is(err, context.Canceled) {
		t.Errorf("gone: %v", err)
	}
	if n := asked.Load(); n != maxQuestions/2 {
		t.Errorf("%d are asked", n)
	}
}
