package git

import (
	"errors"
	"strings"
	"testing"

	"patgate/routes"
	"patgate/routes/load"
)

const oid = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

func table(t testing.TB) *routes.Table {
	t.Helper()
	found, err := load.GitLab()
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// TestClassify reads targets of git and Git LFS.
func TestClassify(t *testing.T) {
	all := table(t)
	for _, c := range []struct{ name, method, target, row, permission, container, twin string }{
		{"the first step of a fetch", "GET", "/g/p.git/info/refs?service=git-upload-pack", "/{project}.git/info/refs?service=git-upload-pack", "download_code", "g/p", ""},
		{"the first step of a push", "GET", "/g/p.git/info/refs?service=git-receive-pack", "/{project}.git/info/refs?service=git-receive-pack", "push_code", "g/p", ""},
		{"a fetch", "POST", "/g/sub/p.q.git/git-upload-pack", "/{project}.git/git-upload-pack", "download_code", "g/sub/p.q", ""},
		{"a push", "POST", "/g/p.git/git-receive-pack", "/{project}.git/git-receive-pack", "push_code", "g/p", ""},
		{"a wiki, which may be a project's or a group's", "POST", "/g/p.wiki.git/git-upload-pack", "/{namespace}.wiki.git/git-upload-pack", "read_wiki", "g/p", "g/p.wiki"},
		{"a group's wiki", "GET", "/g.wiki.git/info/refs?service=git-receive-pack", "/{namespace}.wiki.git/info/refs?service=git-receive-pack", "create_wiki", "g", ""},
		{"a project's snippet", "POST", "/g/p/snippets/5.git/git-receive-pack", "/{project}/snippets/{snippet_id}.git/git-receive-pack", "update_snippet", "g/p", "g/p/snippets/5"},
		{"a snippet", "POST", "/snippets/5.git/git-upload-pack", "/snippets/{snippet_id}.git/git-upload-pack", "read_snippet", "", ""},
		{"a project called 5 in a group called snippets", "POST", "/g/snippets/5.git/git-upload-pack", "/{project}.git/git-upload-pack", "download_code", "g/snippets/5", ""},
		{"a batch, before its body is read", "POST", "/g/p.git/info/lfs/objects/batch", "/{project}.git/info/lfs/objects/batch#download", "download_code", "g/p", ""},
		{"an object", "GET", "/g/p.git/gitlab-lfs/objects/" + oid, "/{project}.git/gitlab-lfs/objects/{oid}", "download_code", "g/p", ""},
		{"an upload", "PUT", "/g/p.git/gitlab-lfs/objects/" + oid + "/12", "/{project}.git/gitlab-lfs/objects/{oid}/{size}", "push_code", "g/p", ""},
		{"locks", "GET", "/g/p.git/info/lfs/locks?path=a%2Fb&limit=5", "/{project}.git/info/lfs/locks", "download_code", "g/p", ""},
		{"a new lock", "POST", "/g/p.git/info/lfs/locks", "/{project}.git/info/lfs/locks", "push_code", "g/p", ""},
		{"an unlock", "POST", "/g/p.git/info/lfs/locks/7/unlock", "/{project}.git/info/lfs/locks/{lock_id}/unlock", "push_code", "g/p", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			var op routes.Operation
			var r Request
			if err := Classify(all, &op, &r, c.method, []byte(c.target)); err != nil {
				t.Fatal(err)
			}
			if op.Route.Path != c.row || all.Catalogue().Name(op.Route.Needs[0]) != c.permission {
				t.Errorf("row %s needs %v", op.Route.Path, all.Catalogue().Names(op.Route.Needs))
			}
			if string(r.Name.Container) != c.container || string(r.Name.Twin) != c.twin {
				t.Errorf("container %q, twin %q", r.Name.Container, r.Name.Twin)
			}
			if sent := string(r.AppendTarget(nil, c.container)); sent != c.target {
				t.Errorf("%s is sent", sent)
			}
		})
	}
}

// TestClassifyRefuses reads targets that git does not send, or that could be read in more than one way.
func TestClassifyRefuses(t *testing.T) {
	all := table(t)
	for _, c := range []struct {
		name, method, target string
		code                 routes.RefusalCode
	}{
		{"the dumb protocol", "GET", "/g/p.git/info/refs", routes.CodeNoRoute},
		{"an object of the dumb protocol", "GET", "/g/p.git/objects/info/packs", routes.CodeNoRoute},
		{"HEAD of the references", "HEAD", "/g/p.git/info/refs?service=git-upload-pack", routes.CodeMethod},
		{"an unknown service", "GET", "/g/p.git/info/refs?service=git-upload-archive", routes.CodeAmbiguousPath},
		{"two services", "GET", "/g/p.git/info/refs?service=git-upload-pack&service=git-receive-pack", routes.CodeAmbiguousPath},
		{"a service that is encoded", "GET", "/g/p.git/info/refs?service=git%2Dreceive-pack", routes.CodeAmbiguousPath},
		{"a service beside another parameter", "GET", "/g/p.git/info/refs?service=git-upload-pack&x=1", routes.CodeAmbiguousPath},
		{"a service on a fetch", "POST", "/g/p.git/git-upload-pack?service=git-receive-pack", routes.CodeAmbiguousPath},
		{"a fetch by GET", "GET", "/g/p.git/git-upload-pack", routes.CodeMethod},
		{"an operation in the query of a batch", "POST", "/g/p.git/info/lfs/objects/batch?operation=upload", routes.CodeAmbiguousPath},
		{"no .git", "GET", "/g/p/info/refs?service=git-upload-pack", routes.CodeReference},
		{"a single segment", "GET", "/alias.git/info/refs?service=git-upload-pack", routes.CodeReference},
		{"an id", "GET", "/7.git/info/refs?service=git-upload-pack", routes.CodeReference},
		{"twice .git", "GET", "/g/p.git.git/info/refs?service=git-upload-pack", routes.CodeReference},
		{"dots before .git", "GET", "/g/p..git/info/refs?service=git-upload-pack", routes.CodeReference},
		{"designs", "GET", "/g/p.design.git/info/refs?service=git-upload-pack", routes.CodeNoRoute},
		{"an encoded slash", "GET", "/g%2Fp.git/info/refs?service=git-upload-pack", routes.CodeAmbiguousPath},
		{"an encoded letter", "GET", "/g/%70.git/info/refs?service=git-upload-pack", routes.CodeAmbiguousPath},
		{"an empty segment", "GET", "/g//p.git/info/refs?service=git-upload-pack", routes.CodeAmbiguousPath},
		{"a leading double slash", "GET", "//g/p.git/info/refs?service=git-upload-pack", routes.CodeAmbiguousPath},
		{"a dot segment", "GET", "/g/../h/p.git/info/refs?service=git-upload-pack", routes.CodeAmbiguousPath},
		{"an organization's prefix", "GET", "/o/default/g/p.git/info/refs?service=git-upload-pack", routes.CodeAmbiguousPath},
		{"Geo", "GET", "/-/from_secondary/1/g/p.git/info/refs?service=git-upload-pack", routes.CodeAmbiguousPath},
		{"a trailing slash", "POST", "/g/p.git/git-upload-pack/", routes.CodeNoRoute},
		{"shell's own", "POST", "/g/p.git/ssh-receive-pack", routes.CodeNoRoute},
		{"workhorse's own", "PUT", "/g/p.git/gitlab-lfs/objects/" + oid + "/12/authorize", routes.CodeNoRoute},
		{"an object without an id", "GET", "/g/p.git/gitlab-lfs/objects/abc", routes.CodeNoRoute},
		{"a size with a leading zero", "PUT", "/g/p.git/gitlab-lfs/objects/" + oid + "/012", routes.CodeNoRoute},
		{"LFS of a wiki", "POST", "/g/p.wiki.git/info/lfs/objects/batch", routes.CodeNoRoute},
		{"a parameter that no listing of locks has", "GET", "/g/p.git/info/lfs/locks?project=2", routes.CodeAmbiguousPath},
		{"a parameter twice", "GET", "/g/p.git/info/lfs/locks?path=a&path=b", routes.CodeAmbiguousPath},
	} {
		t.Run(c.name, func(t *testing.T) {
			var op routes.Operation
			var r Request
			err := Classify(all, &op, &r, c.method, []byte(c.target))
			var refusal *routes.Refusal
			if !errors.As(err, &refusal) || refusal.Code != c.code {
				t.Fatalf("%v (%+v), want %s", err, refusal, c.code)
			}
		})
	}
}

// TestWithSuffix gives the place that has the ".git", and nothing for other targets.
func TestWithSuffix(t *testing.T) {
	for target, want := range map[string]string{
		"/g/p/info/refs?service=git-upload-pack":     "/g/p.git/info/refs?service=git-upload-pack",
		"/g/p/info/refs?service=git-receive-pack":    "/g/p.git/info/refs?service=git-receive-pack",
		"/g/p.git/info/refs?service=git-upload-pack": "",
		"/g/p/info/refs":           "",
		"/g/p/info/refs?service=x": "",
		"//evil.example/p/info/refs?service=git-upload-pack": "",
		"/g/p/git-upload-pack":                               "",
		"/info/refs?service=git-upload-pack":                 "",
	} {
		if got := string(LayoutOf(routes.ForgeGitLab).WithSuffix([]byte(target))); got != want {
			t.Errorf("%s: %q, want %q", target, got, want)
		}
	}
}

// FuzzClassify holds every target that is read to its promise: what is sent is read as the same request.
func FuzzClassify(f *testing.F) {
	for _, seed := range []string{"/g/p.git/info/refs?service=git-upload-pack", "/g/p.wiki.git/git-receive-pack", "/snippets/5.git/git-upload-pack",
		"/g/p/snippets/5.git/git-upload-pack", "/g/p.git/info/lfs/locks?path=a%2Fb", "/g/p.git/gitlab-lfs/objects/" + oid + "/12"} {
		for _, method := range []string{"GET", "POST", "PUT"} {
			f.Add(method, seed)
		}
	}
	all := table(f)
	f.Fuzz(func(t *testing.T, method, target string) {
		var op, again routes.Operation
		var r, s Request
		if err := Classify(all, &op, &r, method, []byte(target)); err != nil {
			return
		}
		sent := string(r.AppendTarget(nil, string(r.Name.Container)))
		if strings.ContainsAny(sent, "\r\n ") {
			t.Fatalf("%q is sent", sent)
		}
		if err := Classify(all, &again, &s, method, []byte(sent)); err != nil || again.Route != op.Route || string(s.Name.Container) != string(r.Name.Container) {
			t.Fatalf("%q is sent as %q, which is %v %v", target, sent, again.Route, err)
		}
	})
}
