package rest

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

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
