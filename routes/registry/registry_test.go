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

// TestParseImage reads targets of the registry, and refuses those that name no single image in one way.
func TestParseImage(t *testing.T) {
	digest := "sha256:" + strings.Repeat("ab", 32)
	for _, c := range []struct{ name, method, target, row, image, sent, actions string }{
		{"a manifest by tag", "GET", "/v2/a/b/manifests/v1.2_x", "GET /v2/{project}/manifests/{reference}", "a/b", "", "pull"},
		{"its presence", "HEAD", "/v2/a/b/manifests/" + digest, "GET /v2/{project}/manifests/{reference}", "a/b", "", "pull"},
		{"a new manifest", "PUT", "/v2/a/b/c/manifests/v1", "PUT /v2/{project}/manifests/{reference}", "a/b/c", "", "pull,push"},
		{"a delete", "DELETE", "/v2/a/b/manifests/" + digest, "DELETE /v2/{project}/manifests/{reference}", "a/b", "", "delete"},
		{"a blob", "GET", "/v2/a/b/blobs/" + digest, "GET /v2/{project}/blobs/{digest}", "a/b", "", "pull"},
		{"a new upload", "POST", "/v2/a/b/blobs/uploads/", "POST /v2/{project}/blobs/uploads", "a/b", "", "pull,push"},
		{"a mount is an upload", "POST", "/v2/a/b/blobs/uploads/?from=c/d&mount=" + digest, "POST /v2/{project}/blobs/uploads", "a/b", "/v2/a/b/blobs/uploads/", "pull,push"},
		{"a chunk", "PATCH", "/v2/a/b/blobs/uploads/0-f?_state=x-Y_z%3D", "PATCH /v2/{project}/blobs/uploads/{upload}", "a/b", "", "pull,push"},
		{"the end of an upload", "PUT", "/v2/a/b/blobs/uploads/0-f?_state=x&digest=sha256%3A" + digest[7:], "PUT /v2/{project}/blobs/uploads/{upload}", "a/b", "", "pull,push"},
		{"tags", "GET", "/v2/a/b/tags/list?n=10&last=v1", "GET /v2/{project}/tags/list", "a/b", "", "pull"},
		{"referrers", "GET", "/v2/a/b/referrers/" + digest + "?artifactType=x/y", "GET /v2/{project}/referrers/{digest}", "a/b", "", "pull"},
		{"a name with the registry's own words", "GET", "/v2/a/manifests/v1/manifests/v2", "GET /v2/{project}/manifests/{reference}", "a/manifests/v1", "", "pull"},
	} {
		t.Run(c.name, func(t *testing.T) {
			i, err := ServiceOf(routes.ForgeGitLab).ParseImage(c.method, []byte(c.target))
			if err != nil {
				t.Fatal(err)
			}
			if c.sent == "" {
				c.sent = c.target
			}
			if i.Row != c.row || i.Name != c.image || i.Target != c.sent || i.Actions() != c.actions {
				t.Errorf("%+v for %s", i, i.Actions())
			}
		})
	}
	for name, target := range map[string]string{
		"the catalogue":               "/v2/_catalog",
		"one segment":                 "/v2/a/manifests/v1",
		"no name":                     "/v2/manifests/v1",
		"upper case":                  "/v2/A/b/manifests/v1",
		"an encoded slash":            "/v2/a%2Fb/manifests/v1",
		"a dot segment":               "/v2/a/b/../c/manifests/v1",
		"an empty segment":            "/v2/a//b/manifests/v1",
		"a tag with a slash":          "/v2/a/b/manifests/x/y",
		"an encoded tag":              "/v2/a/b/manifests/%76",
		"a digest that is none":       "/v2/a/b/blobs/sha256:abc",
		"an unknown parameter":        "/v2/a/b/tags/list?x=1",
		"a parameter twice":           "/v2/a/b/tags/list?n=1&n=2",
		"an encoded parameter":        "/v2/a/b/tags/list?%6e=1",
		"a query on a manifest":       "/v2/a/b/manifests/v1?digest=x",
		"a trailing slash":            "/v2/a/b/tags/list/",
		"the dependency proxy":        "/v2/g/dependency_proxy/containers/alpine",
		"an upload with a strange id": "/v2/a/b/blobs/uploads/..",
	} {
		t.Run(name, func(t *testing.T) {
			if i, err := ServiceOf(routes.ForgeGitLab).ParseImage("GET", []byte(target)); err == nil {
				t.Errorf("%+v", i)
			}
		})
	}
}

// FuzzParseImage holds what is sent to the registry to its promise: it is read as the same request.
func FuzzParseImage(f *testing.F) {
	f.Add("GET", "/v2/a/b/manifests/v1")
	f.Add("PUT", "/v2/a/b/blobs/uploads/0-f?_state=x&digest=sha256%3Aab")
	f.Add("POST", "/v2/a/b/blobs/uploads/?from=c/d&mount=x")
	f.Fuzz(func(t *testing.T, method, target string) {
		i, err := ServiceOf(routes.ForgeGitLab).ParseImage(method, []byte(target))
		if err != nil {
			return
		}
		again, err := ServiceOf(routes.ForgeGitLab).ParseImage(method, []byte(i.Target))
		if err != nil || *again != *i || strings.ContainsAny(i.Target, " \r\n") {
			t.Fatalf("%q is sent as %q: %+v %v", target, i.Target, again, err)
		}
	})
}

// TestParseProxied reads targets of the dependency proxy, and refuses those that GitLab's router could cut in another place.
func TestParseProxied(t *testing.T) {
	digest := "sha256:" + strings.Repeat("ab", 32)
	for _, c := range []struct{ name, method, target, row, group, image string }{
		{"a manifest by tag", "GET", "/v2/g/dependency_proxy/containers/alpine/manifests/3.20", "/manifests/{reference}", "g", "alpine"},
		{"its presence", "HEAD", "/v2/g/sub/dependency_proxy/containers/library/alpine/manifests/" + digest, "/manifests/{reference}", "g/sub", "library/alpine"},
		{"a blob", "GET", "/v2/G/dependency_proxy/containers/a/b/c/d/e/blobs/" + digest, "/blobs/{digest}", "G", "a/b/c/d/e"},
		{"referrers", "GET", "/v2/g/dependency_proxy/containers/alpine/referrers/" + digest, "/referrers/{digest}", "g", "alpine"},
		{"a subgroup of that name", "GET", "/v2/g/dependency_proxy/dependency_proxy/containers/alpine/manifests/1", "/manifests/{reference}", "g/dependency_proxy", "alpine"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, err := ParseProxied(c.method, []byte(c.target))
			if err != nil {
				t.Fatal(err)
			}
			if p.Row != "GET /v2/{group}/dependency_proxy/containers/{image}"+c.row || string(p.Group) != c.group || p.Image != c.image ||
				"/v2/"+string(p.Group)+p.Suffix != c.target || p.Scope() != "repository:"+c.group+"/dependency_proxy/containers/"+c.image+":pull" {
				t.Errorf("%+v", p)
			}
			if string(ProxiedGroup(c.group+"/dependency_proxy/containers/"+c.image)) != c.group {
				t.Error("the scope's name is read in another way")
			}
		})
	}
	for name, target := range map[string]string{
		"twice":                         "/v2/g/dependency_proxy/containers/h/dependency_proxy/containers/alpine/manifests/1",
		"two ends":                      "/v2/g/dependency_proxy/containers/a/manifests/b/manifests/c",
		"a blob within a manifest":      "/v2/g/dependency_proxy/containers/a/blobs/b/manifests/c",
		"no group":                      "/v2/dependency_proxy/containers/alpine/manifests/1",
		"an id for a group":             "/v2/5/dependency_proxy/containers/alpine/manifests/1",
		"an encoded group":              "/v2/g%2Fsub/dependency_proxy/containers/alpine/manifests/1",
		"a dot segment in the group":    "/v2/g/../h/dependency_proxy/containers/alpine/manifests/1",
		"an empty segment in the group": "/v2/g//h/dependency_proxy/containers/alpine/manifests/1",
		"no image":                      "/v2/g/dependency_proxy/containers/manifests/1",
		"an image in upper case":        "/v2/g/dependency_proxy/containers/Alpine/manifests/1",
		"an image of six parts":         "/v2/g/dependency_proxy/containers/a/b/c/d/e/f/manifests/1",
		"a dot segment in the image":    "/v2/g/dependency_proxy/containers/a/../b/manifests/1",
		"a tag with a slash":            "/v2/g/dependency_proxy/containers/a/manifests/x/y",
		"a digest that is none":         "/v2/g/dependency_proxy/containers/a/blobs/sha256:abc",
		"Workhorse's own upload":        "/v2/g/dependency_proxy/containers/a/manifests/1/upload",
		"a query":                       "/v2/g/dependency_proxy/containers/a/manifests/1?x=1",
		"another path":                  "/v2/g/a/manifests/1",
	} {
		t.Run(name, func(t *testing.T) {
			if p, err := ParseProxied("GET", []byte(target)); err == nil {
				t.Errorf("%+v", p)
			}
		})
	}
	for _, method := range []string{"POST", "PUT", "PATCH", "DELETE"} {
		if p, err := ParseProxied(method, []byte("/v2/g/dependency_proxy/containers/a/manifests/1")); err == nil {
			t.Errorf("%s: %+v", method, p)
		}
	}
}

// FuzzParseProxied holds what is sent to the dependency proxy to its promise: it is read as the same request.
func FuzzParseProxied(f *testing.F) {
	f.Add("/v2/g/sub/dependency_proxy/containers/library/alpine/manifests/3.20")
	f.Fuzz(func(t *testing.T, target string) {
		p, err := ParseProxied("GET", []byte(target))
		if err != nil {
			return
		}
		sent := "/v2/" + string(p.Group) + p.Suffix
		if sent != target || strings.Count(sent, between) != 1 || strings.ContainsAny(sent, "% \r\n?#\\") {
			t.Fatalf("%q is sent as %q", target, sent)
		}
	})
}
