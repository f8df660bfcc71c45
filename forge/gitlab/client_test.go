package gitlab

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
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
