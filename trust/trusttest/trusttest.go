// Package trusttest has an issuer of ID tokens for tests: real keys of all algorithms, their rotation, and the means to make
// tokens that no issuer would.
package trusttest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// Issuer is an issuer on this machine.
type Issuer struct {
	URL string

	mu     sync.Mutex
	keys   map[string]crypto.Signer // by their ids: what they sign with is told by their beginning
	made   int
	answer http.HandlerFunc // in place of the own one
	reads  atomic.Int64
}

// New starts an issuer with one key for each algorithm: RS256-1, ES256-1 and EdDSA-1.
func New(t testing.TB) *Issuer {
	t.Helper()
	i := &Issuer{keys: map[string]crypto.Signer{}}
	for _, a := range []jose.SignatureAlgorithm{jose.RS256, jose.ES256, jose.EdDSA} {
		i.Add(t, string(a)+"-1")
	}
	server := httptest.NewServer(http.HandlerFunc(i.serve))
	t.Cleanup(server.Close)
	i.URL = server.URL
	return i
}

// rsaKey is made once: making one takes long.
var rsaKey = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

// Add adds a key with an id that begins with its algorithm: ES256-2.
func (i *Issuer) Add(t testing.TB, id string) {
	t.Helper()
	var key crypto.Signer
	var err error
	switch algorithmOf(id) {
	case jose.RS256:
		key, err = rsaKey()
	case jose.ES256:
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	default:
		_, key, err = ed25519.GenerateKey(rand.Reader)
	}
	if err != nil {
		t.Fatal(err)
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.keys[id] = key
}

func algorithmOf(id string) jose.SignatureAlgorithm { return jose.SignatureAlgorithm(id[:5]) }

// Withdraw takes a key out of the published set.
func (i *Issuer) Withdraw(id string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	delete(i.keys, id)
}

// Answer has all requests answered by another handler; nil is the own one again.
func (i *Issuer) Answer(f http.HandlerFunc) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.answer = f
}

// Reads is how many times the keys were asked for.
func (i *Issuer) Reads() int64 { return i.reads.Load() }

// Key gives a key.
func (i *Issuer) Key(id string) crypto.Signer {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.keys[id]
}

func (i *Issuer) serve(w http.ResponseWriter, r *http.Request) {
	i.mu.Lock()
	answer := i.answer
	i.mu.Unlock()
	if r.URL.Path == "/keys" {
		i.reads.Add(1)
	}
	switch {
	case answer != nil:
		answer(w, r)
	case r.URL.Path == "/.well-known/openid-configuration":
		_ = json.NewEncoder(w).Encode(map[string]any{"issuer": i.URL, "jwks_uri": i.URL + "/keys",
			"id_token_signing_alg_values_supported": []string{"RS256", "ES256", "EdDSA"}})
	case r.URL.Path == "/keys":
		_ = json.NewEncoder(w).Encode(i.Set())
	default:
		http.NotFound(w, r)
	}
}

// Set gives the published keys, with one that is for something else.
func (i *Issuer) Set() jose.JSONWebKeySet {
	i.mu.Lock()
	defer i.mu.Unlock()
	var set jose.JSONWebKeySet
	for id, key := range i.keys {
		set.Keys = append(set.Keys, jose.JSONWebKey{Key: key.Public(), KeyID: id, Use: "sig", Algorithm: string(algorithmOf(id))})
	}
	return set
}

// Claims gives claims of a token for an audience, made now for five minutes, with further ones over them. A nil value takes a
// claim out.
func (i *Issuer) Claims(audience string, more map[string]any) map[string]any {
	i.mu.Lock()
	i.made++
	id := i.made
	i.mu.Unlock()
	now := time.Now()
	claims := map[string]any{"iss": i.URL, "aud": audience, "sub": "project_path:group/app:ref_type:branch:ref:main",
		"iat": now.Unix(), "nbf": now.Add(-5 * time.Second).Unix(), "exp": now.Add(5 * time.Minute).Unix(),
		"jti": fmt.Sprintf("jti-%d", id)}
	maps.Copy(claims, more)
	for name, value := range claims {
		if value == nil {
			delete(claims, name)
		}
	}
	return claims
}

// Token signs claims with a key.
func (i *Issuer) Token(t testing.TB, id string, claims map[string]any) string {
	t.Helper()
	payload, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	return i.Raw(t, id, fmt.Sprintf(`{"alg":%q,"typ":"JWT","kid":%q}`, algorithmOf(id), id), string(payload))
}

// Raw signs a header and a payload as they are with a key.
func (i *Issuer) Raw(t testing.TB, id, header, payload string) string {
	t.Helper()
	head := base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + base64.RawURLEncoding.EncodeToString([]byte(payload))
	return head + "." + base64.RawURLEncoding.EncodeToString(Sign(t, i.Key(id), []byte(head)))
}

// Sign signs as JWS does.
func Sign(t testing.TB, key crypto.Signer, data []byte) []byte {
	t.Helper()
	digest := sha256.Sum256(data)
	var signature []byte
	var err error
	switch k := key.(type) {
	case *rsa.PrivateKey:
		signature, err = rsa.SignPKCS1v15(rand.Reader, k, crypto.SHA256, digest[:])
	case *ecdsa.PrivateKey:
		r, s, signErr := ecdsa.Sign(rand.Reader, k, digest[:])
		if signErr != nil {
			t.Fatal(signErr)
		}
		signature = append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
	case ed25519.PrivateKey:
		signature = ed25519.Sign(k, data)
	}
	if err != nil || signature == nil {
		t.Fatal("signing: ", err)
	}
	return signature
}
