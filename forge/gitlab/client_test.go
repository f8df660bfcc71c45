package gitlab

import (
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"patgate/forge"
	"patgate/routes"
	"patgate/token"
)

const testSecret = "glpat-0123456789abcdefghij"

// serve puts a resolver in front of a handler.
func serve(t *testing.T, h http.HandlerFunc) (*Resolver, *token.Session) {
	t.Helper()
	server := httptest.NewServer(h)
	r, err := New(Options{URL: server.URL, Timeout: 2 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(); server.Close() })
	return r, &token.Session{TokenID: 1, OwnerUserID: 11, Username: "ada", Credential: token.NewSecret(testSecret)}
}

func TestAddress(t *testing.T) {
	for _, good := range []string{
		"https://gitlab.example", "https://gitlab.example:8443", "https://gitlab.example/root", "https://gitlab.example/",
		"http://127.0.0.1:8080", "http://localhost", "http://[::1]:80",
	} {
		t.Run("taken: "+good, func(t *testing.T) {
			c, err := newClient(&Options{URL: good})
			if err != nil {
				t.Fatal(err)
			}
			if want := strings.TrimSuffix(good, "/") + "/api/v4"; c.base != want {
				t.Fatalf("base is %q, want %q", c.base, want)
			}
		})
	}
	for _, bad := range []string{
		"", "gitlab.example", "http://gitlab.example", "http://10.0.0.1", "http://localhost.example", "ftp://gitlab.example",
		"https://user:secret@gitlab.example", "https://gitlab.example/?a=b", "https://gitlab.example/#x", "https://", "https://a b",
	} {
		t.Run("refused: "+bad, func(t *testing.T) {
			_, err := newClient(&Options{URL: bad})
			if err == nil {
				t.Fatal("taken")
			}
			if strings.Contains(err.Error(), "secret") {
				t.Fatalf("the error shows the password: %v", err)
			}
		})
	}
	t.Run("plain http to another machine, when it is allowed", func(t *testing.T) {
		if _, err := newClient(&Options{URL: "http://gitlab.example", AllowHTTP: true}); err != nil {
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
	ask := func(o Options) error {
		o.URL, o.Timeout = server.URL, 2*time.Second
		c, err := newClient(&o)
		if err != nil {
			return err
		}
		defer c.http.CloseIdleConnections()
		_, err = c.get(context.Background(), token.NewSecret(testSecret), "/user")
		return err
	}
	t.Run("an authority of our own is trusted", func(t *testing.T) {
		if err := ask(Options{CAFile: good}); err != nil {
			t.Fatal(err)
		}
	})
	t.Run("an unknown authority is not", func(t *testing.T) {
		if err := ask(Options{}); !errors.Is(err, forge.ErrUnavailable) {
			t.Fatalf("err = %v", err)
		}
	})
	for name, file := range map[string]string{"a file without certificates": empty, "a missing file": filepath.Join(dir, "none")} {
		t.Run(name+" is an error", func(t *testing.T) {
			if err := ask(Options{CAFile: file}); err == nil || errors.Is(err, forge.ErrUnavailable) {
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
	c, err := newClient(&Options{URL: "http://gitlab.invalid", AllowHTTP: true, Timeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	// net/http reads the environment once in a process, so the request alone would prove little.
	if transport, ok := c.http.Transport.(*http.Transport); !ok || transport.Proxy != nil {
		t.Fatal("the transport may use a proxy")
	}
	if _, err := c.get(context.Background(), token.NewSecret(testSecret), "/user"); err == nil {
		t.Fatal("a host that does not exist answered")
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("the redirect was followed, with %q", r.Header.Get("PRIVATE-TOKEN"))
	}))
	defer elsewhere.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		for _, location := range []string{elsewhere.URL + "/x", elsewhere.URL + "/api/v4/users/5", "//" + elsewhere.Listener.Addr().String() + "/"} {
			t.Run(fmt.Sprintf("%d to %s", status, location[len("http:"):]), func(t *testing.T) {
				asked := 0
				r, s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
					asked++
					w.Header().Set("Location", location)
					w.WriteHeader(status)
				})
				c, err := r.Resolve(context.Background(), s, routes.Reference{Kind: routes.RefProject, Path: []byte("a/b")}, 0)
				if !errors.Is(err, forge.ErrUnavailable) || c.ID != 0 || asked != 1 {
					t.Fatalf("%+v, %v after %d requests", c, err, asked)
				}
			})
		}
	}
}

func TestAnswersAreBounded(t *testing.T) {
	r, s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"id":5,"path_with_namespace":"a/b","description":"`))
		for range 32 {
			_, _ = w.Write(make([]byte, 64<<10))
		}
	})
	_, err := r.Resolve(context.Background(), s, routes.Reference{Kind: routes.RefProject, ID: 5}, 0)
	if !errors.Is(err, forge.ErrUnavailable) || !strings.Contains(err.Error(), "longer than") {
		t.Fatalf("err = %v", err)
	}
}

func TestTheCredentialIsSentInItsHeaderAndShownNowhere(t *testing.T) {
	statuses := []int{200, 301, 400, 401, 403, 404, 429, 500, 502, 504}
	for _, status := range statuses {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			r, s := serve(t, func(w http.ResponseWriter, r *http.Request) {
				if got := r.Header["Private-Token"]; len(got) != 1 || got[0] != testSecret {
					t.Errorf("PRIVATE-TOKEN is %q", got)
				}
				if strings.Contains(r.RequestURI, testSecret) || r.Header.Get("Authorization") != "" || r.Header.Get("Cookie") != "" {
					t.Errorf("the credential is elsewhere: %s %v", r.RequestURI, r.Header)
				}
				w.WriteHeader(status)
				_, _ = w.Write([]byte(`{"message":"` + testSecret + `"}`))
			})
			_, err := r.Resolve(context.Background(), s, routes.Reference{Kind: routes.RefProject, ID: 5}, 0)
			if status == 404 {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			if err == nil || strings.Contains(err.Error(), testSecret) {
				t.Fatalf("err = %v", err)
			}
		})
	}
	t.Run("one that cannot stand in a header", func(t *testing.T) {
		r, s := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("the forge was asked") })
		s.Credential = token.NewSecret("glpat-x\r\nSudo: root")
		_, err := r.Resolve(context.Background(), s, routes.Reference{Kind: routes.RefProject, ID: 5}, 0)
		if err == nil || strings.Contains(err.Error(), "Sudo") {
			t.Fatalf("err = %v", err)
		}
	})
}

func TestAPathIsOneSegment(t *testing.T) {
	var got []string
	r, s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		got = append(got, r.RequestURI)
		w.WriteHeader(404)
	})
	for _, path := range []string{"group/My.Project", "a/b/c_d-e"} {
		if _, err := r.Resolve(context.Background(), s, routes.Reference{Kind: routes.RefProject, Path: []byte(path)}, 0); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{"/api/v4/projects/group%2FMy.Project", "/api/v4/projects/a%2Fb%2Fc_d-e"}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Fatalf("asked for %v, want %v", got, want)
	}
}
