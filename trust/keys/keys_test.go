package keys_test

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"patgate/trust/keys"
	"patgate/trust/trusttest"
)

// clocked are keys with a clock that a test moves, and what they report.
type clocked struct {
	*keys.Keys
	now      atomic.Int64 // seconds since the beginning
	reported atomic.Pointer[error]
}

func newClocked(t testing.TB, issuers ...keys.Issuer) *clocked {
	t.Helper()
	begin := time.Now()
	c := &clocked{}
	k, err := keys.New(keys.Options{Issuers: issuers, Now: func() time.Time { return begin.Add(time.Duration(c.now.Load()) * time.Second) },
		Report: func(_ string, err error) { c.reported.Store(&err) }})
	if err != nil {
		t.Fatal(err)
	}
	c.Keys = k
	return c
}

func (c *clocked) find(t testing.TB, url, id string) error {
	t.Helper()
	_, err := c.Find(t.Context(), url, id, jose.SignatureAlgorithm(id[:5]))
	return err
}

// A flood of tokens with keys that nobody has costs the issuer one question in 30 s; a key that it has is found at once.
func TestUnknownKeysAreAskedForAtAPace(t *testing.T) {
	i := trusttest.New(t)
	c := newClocked(t, keys.Issuer{Name: "a", URL: i.URL})
	if err := c.find(t, i.URL, "ES256-1"); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		before := i.Reads()
		c.now.Add(30)
		var all sync.WaitGroup
		for n := range 200 {
			all.Go(func() {
				if err := c.find(t, i.URL, fmt.Sprintf("ES256-x%d", n)); !errors.Is(err, keys.ErrKey) {
					t.Errorf("%v", err)
				}
			})
		}
		all.Wait()
		if n := i.Reads() - before; n != 1 {
			t.Errorf("200 unknown keys had the set read %d times", n)
		}
		if err := c.find(t, i.URL, "ES256-1"); err != nil {
			t.Error(err)
		}
	}
	if err := c.find(t, "https://evil.example.com", "ES256-1"); !errors.Is(err, keys.ErrIssuer) {
		t.Errorf("an issuer that is not there: %v", err)
	}
}

func TestARotatedKeyIsFoundAndAWithdrawnOneGoes(t *testing.T) {
	i := trusttest.New(t)
	c := newClocked(t, keys.Issuer{Name: "a", URL: i.URL})
	if err := c.find(t, i.URL, "ES256-1"); err != nil {
		t.Fatal(err)
	}
	i.Add(t, "ES256-2")
	if err := c.find(t, i.URL, "ES256-2"); !errors.Is(err, keys.ErrBarred) {
		t.Errorf("within 30 s: %v", err)
	}
	c.now.Store(31)
	if err := c.find(t, i.URL, "ES256-2"); err != nil {
		t.Errorf("after 30 s: %v", err)
	}
	i.Withdraw("ES256-1")
	if err := c.find(t, i.URL, "ES256-1"); err != nil {
		t.Errorf("before an hour: %v", err)
	}
	c.now.Add(3600)
	if err := c.find(t, i.URL, "ES256-1"); !errors.Is(err, keys.ErrKey) {
		t.Errorf("after an hour: %v", err)
	}
}

// The last good set stays while the issuer fails, for a day.
func TestTheLastGoodKeysStay(t *testing.T) {
	i := trusttest.New(t)
	c := newClocked(t, keys.Issuer{Name: "a", URL: i.URL})
	if err := c.find(t, i.URL, "ES256-1"); err != nil {
		t.Fatal(err)
	}
	set, err := json.Marshal(i.Set())
	if err != nil {
		t.Fatal(err)
	}
	for name, answer := range map[string]http.HandlerFunc{
		"an error": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) },
		"no JSON":  func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>") },
		"no keys":  func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"keys":[]}`) },
		"too much": func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/keys" {
				fmt.Fprintf(w, `{"issuer":%q,"jwks_uri":%q}`, i.URL, i.URL+"/keys")
				return
			}
			fmt.Fprintf(w, "%s%s", set, strings.Repeat(" ", 256<<10))
		},
		"another issuer's": func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprintf(w, `{"issuer":"https://evil","jwks_uri":%q}`, i.URL+"/keys")
		},
	} {
		t.Run(name, func(t *testing.T) {
			i.Answer(answer)
			c.reported.Store(nil)
			c.now.Add(3601)
			if err := c.find(t, i.URL, "ES256-1"); err != nil || c.reported.Load() == nil {
				t.Errorf("%v, reported %v", err, c.reported.Load())
			}
		})
	}
	c.now.Store(24*3600 + 1)
	if err := c.find(t, i.URL, "ES256-1"); !errors.Is(err, keys.ErrUnavailable) {
		t.Errorf("after a day: %v", err)
	}
	i.Answer(nil)
	c.now.Add(31)
	if err := c.find(t, i.URL, "ES256-1"); err != nil {
		t.Errorf("when it answers again: %v", err)
	}
}

// An issuer that answers with a set in which no key is left has withdrawn them all: none counts any more.
func TestAllKeysAreWithdrawn(t *testing.T) {
	for _, set := range []string{`{"keys":[]}`, `{"keys":[{"kty":"oct","k":"AAAA","kid":"ES256-1"}]}`} {
		i := trusttest.New(t)
		c := newClocked(t, keys.Issuer{Name: "a", URL: i.URL, KeysURL: i.URL + "/keys"})
		if err := c.find(t, i.URL, "ES256-1"); err != nil {
			t.Fatal(err)
		}
		i.Answer(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, set) })
		c.now.Add(3601)
		if err := c.find(t, i.URL, "ES256-1"); !errors.Is(err, keys.ErrKey) {
			t.Errorf("%s: %v", set, err)
		}
		if reported := c.reported.Load(); reported == nil || !errors.Is(*reported, keys.ErrWithdrawn) {
			t.Errorf("%s: it reports %v", set, reported)
		}
		i.Answer(nil)
		c.now.Add(31)
		if err := c.find(t, i.URL, "ES256-1"); err != nil {
			t.Errorf("a key that is there again: %v", err)
		}
	}
	i := trusttest.New(t)
	c := newClocked(t, keys.Issuer{Name: "a", URL: i.URL, KeysURL: i.URL + "/keys"})
	if err := c.find(t, i.URL, "ES256-1"); err != nil {
		t.Fatal(err)
	}
	i.Answer(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"error":"x"}`) })
	c.now.Add(3601)
	if err := c.find(t, i.URL, "ES256-1"); err != nil {
		t.Errorf("what is not a set of keys: %v", err)
	}
	if err := c.find(t, i.URL, "ES256-new"); !errors.Is(err, keys.ErrUnavailable) {
		t.Errorf("a key that may be new, while the issuer fails: %v", err)
	}
}

// Wherever answers of an issuer lead, nobody else is asked: neither by a redirect, nor by the discovery document, nor by a token.
func TestNobodyElseIsAskedForKeys(t *testing.T) {
	i := trusttest.New(t)
	var asked atomic.Int64
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		_ = json.NewEncoder(w).Encode(i.Set())
	}))
	defer elsewhere.Close()
	for name, answer := range map[string]http.HandlerFunc{
		"a redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere.URL+"/keys", http.StatusFound)
		},
		"the document": func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprintf(w, `{"issuer":%q,"jwks_uri":%q}`, i.URL, elsewhere.URL+"/keys")
		},
		"a redirect without end": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.Path+"x", http.StatusFound) },
	} {
		t.Run(name, func(t *testing.T) {
			i.Answer(answer)
			c := newClocked(t, keys.Issuer{Name: "a", URL: i.URL})
			if err := c.find(t, i.URL, "ES256-1"); !errors.Is(err, keys.ErrUnavailable) || asked.Load() != 0 {
				t.Errorf("%v, and %d questions elsewhere", err, asked.Load())
			}
		})
	}
	i.Answer(nil)
	c := newClocked(t, keys.Issuer{Name: "a", URL: i.URL, KeysURL: elsewhere.URL + "/keys"})
	if err := c.find(t, i.URL, "ES256-1"); err != nil || asked.Load() != 1 {
		t.Errorf("where the configuration names the other host: %v, %d questions", err, asked.Load())
	}
}

// Keys that are weak, secret, for something else, or without an id are none.
func TestKeysThatAreNone(t *testing.T) {
	i := trusttest.New(t)
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	private := i.Key("RS256-1")
	set := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{
		{Key: weak.Public(), KeyID: "RS256-weak"}, {Key: []byte("secret"), KeyID: "RS256-secret"},
		{Key: private, KeyID: "RS256-private"}, {Key: private.Public(), KeyID: "RS256-enc", Use: "enc"},
		{Key: private.Public(), KeyID: "RS256-other", Algorithm: "PS256"}, {Key: private.Public()},
		{Key: private.Public(), KeyID: "RS256-good"}}}
	i.Answer(func(w http.ResponseWriter, _ *http.Request) { _ = json.NewEncoder(w).Encode(set) })
	c := newClocked(t, keys.Issuer{Name: "a", URL: i.URL, KeysURL: i.URL + "/keys"})
	for _, k := range set.Keys {
		want := keys.ErrKey
		if k.KeyID == "RS256-good" {
			want = nil
		}
		if _, err := c.Find(t.Context(), i.URL, k.KeyID, jose.RS256); !errors.Is(err, want) {
			t.Errorf("%s: %v", k.KeyID, err)
		}
	}
	if _, err := c.Find(t.Context(), i.URL, "RS256-good", jose.ES256); !errors.Is(err, keys.ErrKey) {
		t.Errorf("by another algorithm: %v", err)
	}
}

// An issuer of whom one algorithm alone is configured is taken for that alone.
func TestAlgorithmsOfAnIssuer(t *testing.T) {
	i := trusttest.New(t)
	c := newClocked(t, keys.Issuer{Name: "a", URL: i.URL, Algorithms: []jose.SignatureAlgorithm{jose.RS256}})
	for id, want := range map[string]error{"RS256-1": nil, "ES256-1": keys.ErrHeader} {
		if _, err := c.Verify(t.Context(), i.Token(t, id, i.Claims(audience, nil)), maxAge); !errors.Is(err, want) {
			t.Errorf("%s: %v", id, err)
		}
	}
}
