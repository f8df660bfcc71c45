package githubkeys

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"patgate/config"
)

// TestGitHubKeysGoThroughTheConfiguredProxy: the keys are read through the proxy of the configuration, and straight where there
// is none, whatever the environment says. A redirect is no list of keys.
func TestGitHubKeysGoThroughTheConfiguredProxy(t *testing.T) {
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"} {
		t.Setenv(name, "http://192.0.2.1:1")
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, _ := x509.MarshalPKIXPublicKey(&key.PublicKey)
	keys := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/moved" {
			http.Redirect(w, r, "/keys", http.StatusFound)
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"public_keys": []any{map[string]string{"key_identifier": "one",
			"key": string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))}}})
	}))
	t.Cleanup(keys.Close)
	var opened atomic.Int32
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect || r.Header.Get("Proxy-Authorization") == "" {
			t.Errorf("the proxy got %s %s", r.Method, r.URL)
		}
		opened.Add(1)
		there, err := net.Dial("tcp", r.Host)
		if err != nil {
			t.Error(err)
			return
		}
		here, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		_, _ = io.WriteString(here, "HTTP/1.1 200 OK\r\n\r\n")
		go func() { _, _ = io.Copy(there, here) }()
		_, _ = io.Copy(here, there)
		_, _ = here.Close(), there.Close()
	}))
	t.Cleanup(proxy.Close)
	var through config.Proxy
	if err := through.UnmarshalText([]byte(strings.Replace(proxy.URL, "http://", "http://user:password@", 1))); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		proxy  config.Proxy
		path   string
		opened int32
		found  bool
	}{{config.Proxy{}, "/keys", 0, true}, {through, "/keys", 1, true}, {config.Proxy{}, "/moved", 0, false}} {
		opened.Store(0)
		k, err := New(keys.URL+c.path, c.proxy)
		if err != nil {
			t.Fatal(err)
		}
		found, err := k.Find(t.Context(), "one")
		if (found != nil) != c.found || (err == nil) != c.found || opened.Load() != c.opened {
			t.Errorf("%s through %q: %v, %v after %d connections of the proxy", c.path, c.proxy.Host(), found, err, opened.Load())
		}
		k.client.CloseIdleConnections()
	}
}
