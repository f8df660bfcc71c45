package rest

import (
	"context"
	"encoding/pem"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"patgate/dial"
	"patgate/forge"
	"patgate/token"
)

const testSecret = "glpat-0123456789abcdefghij"

// client makes a client of an API like GitLab's.
func client(o Options) (*Client, error) {
	o.API = API{Base: "/api/v4", Telling: []int{200, 404}, Authorize: func(h http.Header, credential token.Secret) { h.Set("PRIVATE-TOKEN", credential.Reveal()) }}
	return NewClient(o)
}

func TestAddress(t *testing.T) {
	for _, good := range []string{
		"https://gitlab.example", "https://gitlab.example:8443", "https://gitlab.example/root", "https://gitlab.example/",
		"http://127.0.0.1:8080", "http://localhost", "http://[::1]:80",
	} {
		t.Run("taken: "+good, func(t *testing.T) {
			c, err := client(Options{URL: good})
			if err != nil {
				t.Fatal(err)
			}
			if got, want := c.scheme+"://"+c.host+c.base, strings.TrimSuffix(good, "/")+"/api/v4"; got != want {
				t.Fatalf("base is %q, want %q", got, want)
			}
		})
	}
	for _, bad := range []string{
		"", "gitlab.example", "http://gitlab.example", "http://10.0.0.1", "http://localhost.example", "ftp://gitlab.example",
		"https://user:secret@gitlab.example", "https://gitlab.example/?a=b", "https://gitlab.example/#x", "https://", "https://a b",
	} {
		t.Run("refused: "+bad, func(t *testing.T) {
			_, err := client(Options{URL: bad})
			if err == nil {
				t.Fatal("taken")
			}
			if strings.Contains(err.Error(), "secret") {
				t.Fatalf("the error shows the password: %v", err)
			}
		})
	}
	t.Run("plain http to another machine, when it is allowed", func(t *testing.T) {
		if _, err := client(Options{URL: "http://gitlab.example", AllowHTTP: true}); err != nil {
			t.Fatal(err)
		}
	})
}

func TestCertificates(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404) }))
	defer server.Close()
	dir := t.TempDir()
	good, empty := filepath.Join(dir, "ca.pem"), filepath.Join(dir, "empty.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := errors.Join(os.WriteFile(good, block, 0o600), os.WriteFile(empty, []byte("nothing"), 0o600)); err != nil {
		t.Fatal(err)
	}
	ask := func(file string) error {
		dialer, err := dial.New(dial.Options{URL: server.URL, CAFile: file})
		if err != nil {
			return err
		}
		c, err := client(Options{URL: server.URL, Timeout: 2 * time.Second, Dialer: dialer})
		if err != nil {
			return err
		}
		defer c.http.CloseIdleConnections()
		_, err = c.Get(context.Background(), token.NewSecret(testSecret), "/user")
		return err
	}
	t.Run("an authority of our own is trusted", func(t *testing.T) {
		if err := ask(good); err != nil {
			t.Fatal(err)
		}
	})
	t.Run("an unknown authority is not", func(t *testing.T) {
		if err := ask(""); !errors.Is(err, forge.ErrUnavailable) {
			t.Fatalf("err = %v", err)
		}
	})
	for name, file := range map[string]string{"a file without certificates": empty, "a missing file": filepath.Join(dir, "none")} {
		t.Run(name+" is an error", func(t *testing.T) {
			if err := ask(file); err == nil || errors.Is(err, forge.ErrUnavailable) {
				t.Fatalf("err = %v, want one about the file", err)
			}
		})
	}
}

func TestTheProxyEnvironmentIsNotObeyed(t *testing.T) {
	proxy := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the proxy was asked") }))
	defer proxy.Close()
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy"} {
		t.Setenv(name, proxy.URL)
	}
	c, err := client(Options{URL: "http://gitlab.invalid", AllowHTTP: true, Timeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	// net/http reads the environment once in a process, so the request alone would prove little.
	if transport, ok := c.http.Transport.(*http.Transport); !ok || transport.Proxy != nil {
		t.Fatal("the transport may use a proxy")
	}
	if _, err := c.Get(context.Background(), token.NewSecret(testSecret), "/user"); err == nil {
		t.Fatal("a host that does not exist answered")
	}
}

func TestEscape(t *testing.T) {
	for in, want := range map[string]string{
		"a/b": "a%2Fb", "A.b-c_d~e": "A.b-c_d~e", "a b": "a%20b", "100%": "100%25", "é": "%C3%A9", "?&#": "%3F%26%23",
	} {
		if got := Escape([]byte(in)); got != want {
			t.Errorf("Escape(%q) = %q, want %q", in, got, want)
		}
	}
}
