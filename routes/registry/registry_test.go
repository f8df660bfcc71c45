package registry

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"patgate/routes"
)

// TestParseAuth reads queries of the token service, and refuses what could be read in more than one way.
func TestParseAuth(t *testing.T) {
	for _, c := range []struct{ name, query, want string }{
		{"no scope", "service=container_registry", "container_registry []"},
		{"one scope", "service=container_registry&scope=repository:a/b:pull,push", "container_registry [{repository a/b [pull push]}]"},
		{"two parameters", "scope=repository:a/b:pull&service=s&scope=repository:c/d:push", "s [{repository a/b [pull]} {repository c/d [push]}]"},
		{"two in one", "service=s&scope=repository:a/b:pull+repository:c/d:push", "s [{repository a/b [pull]} {repository c/d [push]}]"},
		{"encoded", "service=s&scope=repository%3Aa%2Fb%3Apull%20repository%3Ac%2Fd%3Apush", "s [{repository a/b [pull]} {repository c/d [push]}]"},
		{"a star is written out", "service=s&scope=repository:a/b:*,pull", "s [{repository a/b [pull push delete]}]"},
		{"an action twice", "service=s&scope=repository:a/b:pull,pull", "s [{repository a/b [pull]}]"},
		{"what is said of the client", "account=a&client_id=b&offline_token=true&service=s", "s []"},
		{"no service", "scope=repository:a/b:pull", ""},
		{"two services", "service=s&service=t", ""},
		{"another parameter", "service=s&token=x", ""},
		{"an encoded name", "service=s&%73cope=repository:a/b:pull", ""},
		{"a broken escape", "service=s&scope=repository:a/b:pull%2", ""},
		{"a control character", "service=s&scope=repository:a/b:pull%0Arepository:c/d:pull", ""},
		{"no actions", "service=s&scope=repository:a/b:", ""},
		{"an empty action", "service=s&scope=repository:a/b:pull,,push", ""},
		{"a port in a name", "service=s&scope=repository:host:5000/a/b:pull", ""},
		{"too many scopes", "service=s&scope=" + strings.Repeat("repository:a/b:pull+", 33), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, err := ParseAuth([]byte(c.query))
			var refusal *routes.Refusal
			if c.want == "" {
				if !errors.As(err, &refusal) {
					t.Errorf("%+v, %v", a, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := fmt.Sprint(a.Service, " ", a.Scopes); got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
		})
	}
}

// TestProjects cuts names of images into the paths that their project may have.
func TestProjects(t *testing.T) {
	for name, want := range map[string]string{
		"a/b": "[a/b]", "a/b/c": "[a/b/c a/b]", "a/b/c/d": "[a/b/c/d a/b/c a/b]", "a/b/c/d/e": "[a/b/c/d/e a/b/c/d a/b/c]",
		"a-b/c.d/e_f": "[a-b/c.d/e_f a-b/c.d]", "a--b/c__d": "[a--b/c__d]",
		"a": "[]", "": "[]", "A/b": "[]", "a//b": "[]", "/a/b": "[]", "a/b/": "[]", "a/../b": "[]", "a/.b": "[]", "a/b.": "[]", "a/b..c": "[]",
		"a/b___c": "[]", "a/b%2fc": "[]", "a/b c": "[]", strings.Repeat("a/", 130) + "a": "[]",
	} {
		t.Run(name, func(t *testing.T) {
			if got := fmt.Sprint(Projects(name)); got != want {
				t.Errorf("%s, want %s", got, want)
			}
		})
	}
}

// FuzzParseAuth holds what is sent to the token service to its promise: it is read as the same scopes.
func FuzzParseAuth(f *testing.F) {
	f.Add("service=container_registry&scope=repository:a/b:pull,push&scope=repository:c/d:*")
	f.Add("service=container_registry&scope=repository%3Aa%2Fb%3Apull+registry:catalog:*")
	f.Fuzz(func(t *testing.T, query string) {
		a, err := ParseAuth([]byte(query))
		if err != nil {
			return
		}
		var kept []Scope
		for _, s := range a.Scopes {
			if s.Type == "repository" && Projects(s.Name) != nil {
				kept = append(kept, s)
			}
		}
		sent := string(AppendTarget(nil, kept))
		again, err := ParseAuth([]byte(strings.TrimPrefix(sent, "/jwt/auth?")))
		if err != nil || fmt.Sprint(again.Scopes) != fmt.Sprint(kept) || strings.ContainsAny(sent, " \r\n*") {
			t.Fatalf("%q is sent as %q: %v", query, sent, err)
		}
	})
}
