package git

import (
	"errors"
	"testing"

	"patgate/routes"
	"patgate/routes/load"
)

func giteaTable(t testing.TB) *routes.Table {
	t.Helper()
	found, err := load.Gitea()
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// TestClassifyNamed reads targets in front of a forge that names projects owner/name.
func TestClassifyNamed(t *testing.T) {
	all := giteaTable(t)
	for _, c := range []struct{ name, method, target, row, permission, container string }{
		{"the first step of a fetch", "GET", "/o/p.git/info/refs?service=git-upload-pack",
			"/{project}.git/info/refs?service=git-upload-pack", "download_code", "o/p"},
		{"the first step of a push", "GET", "/o/p.git/info/refs?service=git-receive-pack",
			"/{project}.git/info/refs?service=git-receive-pack", "push_code", "o/p"},
		{"a push", "POST", "/o/p.git/git-receive-pack", "/{project}.git/git-receive-pack", "push_code", "o/p"},
		{"a repository of digits", "POST", "/1/2.git/git-upload-pack", "/{project}.git/git-upload-pack", "download_code", "1/2"},
		{"a wiki", "POST", "/o/p.wiki.git/git-upload-pack", "/{project}.wiki.git/git-upload-pack", "read_wiki", "o/p"},
		{"a push to a wiki", "POST", "/o/p.wiki.git/git-receive-pack", "/{project}.wiki.git/git-receive-pack", "create_wiki", "o/p"},
		{"a batch, before its body is read", "POST", "/o/p.git/info/lfs/objects/batch", "/{project}.git/info/lfs/objects/batch#download",
			"download_code", "o/p"},
		{"an object", "GET", "/o/p.git/info/lfs/objects/" + oid, "/{project}.git/info/lfs/objects/{oid}", "download_code", "o/p"},
		{"an upload", "PUT", "/o/p.git/info/lfs/objects/" + oid + "/12", "/{project}.git/info/lfs/objects/{oid}/{size}", "push_code",
			"o/p"},
		{"an unlock", "POST", "/o/p.git/info/lfs/locks/7/unlock", "/{project}.git/info/lfs/locks/{lock_id}/unlock", "push_code", "o/p"},
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
			if first := op.Captures()[0]; string(first.Value) != c.container || first.ID != 0 || !first.Named || r.Name.Twin != nil {
				t.Errorf("capture %+v, twin %q", first, r.Name.Twin)
			}
			if sent := string(r.AppendTarget(nil, c.container)); sent != c.target {
				t.Errorf("%s is sent", sent)
			}
		})
	}
	for _, c := range []struct {
		name, method, target string
		code                 routes.RefusalCode
	}{
		{"three segments", "POST", "/o/p/q.git/git-upload-pack", routes.CodeReference},
		{"one segment", "POST", "/p.git/git-upload-pack", routes.CodeReference},
		{"a snippet of GitLab's", "POST", "/o/p/snippets/5.git/git-upload-pack", routes.CodeReference},
		{"a wiki of a wiki", "POST", "/o/p.wiki.wiki.git/git-upload-pack", routes.CodeReference},
		{"twice .git", "POST", "/o/p.git.git/git-upload-pack", routes.CodeReference},
		{"an encoded slash", "POST", "/o%2Fp.git/git-upload-pack", routes.CodeAmbiguousPath},
		{"LFS where GitLab has it", "GET", "/o/p.git/gitlab-lfs/objects/" + oid, routes.CodeNoRoute},
		{"LFS of a wiki", "POST", "/o/p.wiki.git/info/lfs/objects/batch", routes.CodeNoRoute},
		{"the check of an upload", "POST", "/o/p.git/info/lfs/verify", routes.CodeNoRoute},
		{"the dumb protocol", "GET", "/o/p.git/HEAD", routes.CodeNoRoute},
		{"no .git", "POST", "/o/p/git-upload-pack", routes.CodeReference},
	} {
		t.Run(c.name, func(t *testing.T) {
			var op routes.Operation
			var r Request
			err := Classify(all, &op, &r, c.method, []byte(c.target))
			var refusal *routes.Refusal
			if !errors.As(err, &refusal) || refusal.Code != c.code {
				t.Fatalf("%v, want %s", err, c.code)
			}
		})
	}
	if to := LayoutOf(routes.ForgeGitea).WithSuffix([]byte("/o/p/info/refs?service=git-upload-pack")); string(to) != "/o/p.git/info/refs?service=git-upload-pack" {
		t.Errorf("sent to %q", to)
	}
	if to := LayoutOf(routes.ForgeGitea).WithSuffix([]byte("/o/p/q/info/refs?service=git-upload-pack")); to != nil {
		t.Errorf("three segments are sent to %q", to)
	}
}

// TestNamedBatchAnswer: the addresses in the answer to a batch are patgate's, where the forge has its objects, and the
// credential that the forge repeats in them is left out.
func TestNamedBatchAnswer(t *testing.T) {
	r := Request{layout: LayoutOf(routes.ForgeGitea)}
	b := &Batch{Operation: "upload", Objects: []Object{{OID: oid, Size: 12}}}
	out, err := r.RewriteAnswer(b,
		[]byte(`{"transfer":"basic","objects":[{"oid":"`+oid+`","size":12,"actions":{"upload":{"href":"http://forge/o/p.git/info/lfs/objects/`+oid+
			`/12","header":{"Authorization":"Basic c2VjcmV0"}},"verify":{"href":"http://forge/verify"}}}]}`), "https://gate/o/p.git")
	want := `{"objects":[{"actions":{"upload":{"header":{"Content-Type":"application/octet-stream","Transfer-Encoding":"chunked"},"href":"https://gate/o/p.git/info/lfs/objects/` +
		oid + `/12"}},"oid":"` + oid + `","size":12}],"transfer":"basic"}`
	if err != nil || string(out) != want {
		t.Errorf("%s, %v", out, err)
	}
}

// FuzzClassifyNamed is FuzzClassify in front of a forge that names projects.
func FuzzClassifyNamed(f *testing.F) {
	for _, seed := range []string{"/o/p.git/info/refs?service=git-upload-pack", "/o/p.wiki.git/git-receive-pack",
		"/o/p.git/info/lfs/objects/" + oid + "/12"} {
		for _, method := range []string{"GET", "POST", "PUT"} {
			f.Add(method, seed)
		}
	}
	all := giteaTable(f)
	f.Fuzz(func(t *testing.T, method, target string) {
		var op, again routes.Operation
		var r, s Request
		if err := Classify(all, &op, &r, method, []byte(target)); err != nil {
			return
		}
		sent := string(r.AppendTarget(nil, string(r.Name.Container)))
		if err := Classify(all, &again, &s, method, []byte(sent)); err != nil || again.Route != op.Route ||
			string(s.Name.Container) != string(r.Name.Container) {
			t.Fatalf("%q is sent as %q, which is %v %v", target, sent, again.Route, err)
		}
	})
}

// Threat: who may only read writes by a path that ends as a fetch does.
// Attack: pages of GitLab's and Gitea's that take a path of any length and write.
// Control: fetches.
func TestIsFetch(t *testing.T) {
	for _, c := range []struct {
		path          string
		gitlab, other bool // what a forge says that names projects by paths, and one that has owner/name
	}{
		{"/g/p.git/git-upload-pack", true, true},
		{"/g/p/git-upload-pack", false, true},
		{"/g/s/p.git/git-upload-pack", true, false},
		{"/g/p.wiki.git/git-upload-pack", true, true},
		{"/g/p.design.git/git-upload-pack", true, true},
		{"/snippets/5.git/git-upload-pack", true, true},
		{"/g/p/snippets/5.git/git-upload-pack", true, false},
		{"/g/p/-/create/main/x.git/git-upload-pack", false, false},
		{"/g/p/%2D/create/main/x.git/git-upload-pack", false, false},
		{"/g/p/_delete/main/git-upload-pack", false, false},
		{"/g/p/_upload/main/x.git/git-upload-pack", true, false}, // GitLab has no such page
		{"/g/p/../q.git/git-upload-pack", false, false},
		{"/g/p.git/git-receive-pack", false, false},
		{"/.git/git-upload-pack", false, false},
		{"/git-upload-pack", false, false},
		{"git-upload-pack", false, false},
		{"", false, false},
	} {
		if got := LayoutOf(routes.ForgeGitLab).IsFetch([]byte(c.path)); got != c.gitlab {
			t.Errorf("%s at GitLab: %v", c.path, got)
		}
		if got := LayoutOf(routes.ForgeGitea).IsFetch([]byte(c.path)); got != c.other {
			t.Errorf("%s at Gitea: %v", c.path, got)
		}
	}
}
