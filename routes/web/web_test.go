package web

import (
	"errors"
	"strings"
	"testing"

	"patgate/routes"
	"patgate/routes/load"
)

func table(t testing.TB) *routes.Table {
	t.Helper()
	table, problems := load.Table(load.Options{Table: routes.GitLabFiles()})
	for _, p := range problems {
		t.Fatal(p)
	}
	return table
}

// TestClassify reads web paths, each in one way.
func TestClassify(t *testing.T) {
	tab := table(t)
	for _, c := range []struct{ name, target, row, container, sent string }{
		{"an archive", "/g/p/-/archive/main/p-main.tar.gz", "GET /{project}/-/archive/{archive}", "g/p", ""},
		{"of a branch with slashes", "/g/s/p/-/archive/bot/x/y.zip?ref_type=heads", "GET /{project}/-/archive/{archive}", "g/s/p", ""},
		{"of a folder", "/g/p/-/archive/main/p.zip?path=sub/dir&append_sha=false", "GET /{project}/-/archive/{archive}", "g/p", ""},
		{"of a ref that must be escaped", "/g/p/-/archive/fix%23%37/p.zip", "GET /{project}/-/archive/{archive}", "g/p", "/g/p/-/archive/fix%237/p.zip"},
		{"in letters of any language", "/g/p/-/archive/gr%c3%bcn/p.zip", "GET /{project}/-/archive/{archive}", "g/p", "/g/p/-/archive/gr%C3%BCn/p.zip"},
		{"a ref that looks like another path", "/g/p/-/archive/downloads/-/raw/x.atom.zip", "GET /{project}/-/archive/{archive}", "g/p", ""},
		{"a release's asset", "/g/p/-/releases/v1.0/downloads/bin/app", "GET /{project}/-/releases/{tag}/downloads/{file}", "g/p", ""},
		{"of a tag with a slash", "/g/p/-/releases/app/v1/downloads/app", "GET /{project}/-/releases/{tag}/downloads/{file}", "g/p", ""},
		{"of the latest release", "/g/p/-/releases/permalink/latest/downloads/app", "GET /{project}/-/releases/permalink/latest/downloads/{file}", "g/p", ""},
		{"issues", "/g/p/-/issues.atom?state=opened&sort=created_date", "GET /{project}/-/issues.atom", "g/p", ""},
		{"a calendar", "/g/p/-/work_items.ics", "GET /{project}/-/work_items.ics", "g/p", ""},
		{"merge requests of a group", "/groups/g/s/-/merge_requests.atom", "GET /groups/{group}/-/merge_requests.atom", "g/s", ""},
		{"commits", "/g/p/-/commits/bot/x?format=atom", "GET /{project}/-/commits/{ref}?format=atom", "g/p", ""},
		{"tags", "/g/p/-/tags?format=atom", "GET /{project}/-/tags?format=atom", "g/p", ""},
		{"releases", "/g/p/-/releases.atom", "GET /{project}/-/releases.atom", "g/p", ""},
		{"activity", "/g/p.atom", "GET /{project}.atom", "g/p", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, method := range []string{"GET", "HEAD"} {
				var op routes.Operation
				var r Request
				if err := Classify(tab, &op, &r, method, []byte(c.target)); err != nil {
					t.Fatal(err)
				}
				if c.sent == "" {
					c.sent = c.target
				}
				sent := strings.ReplaceAll(string(r.AppendTarget(nil, c.container)), "%2F", "/")
				if row := op.Route.Method + " " + op.Route.Path; row != c.row || string(op.Captures()[0].Value) != c.container || sent != c.sent {
					t.Errorf("%s %s, sent %s", row, op.Captures()[0].Value, sent)
				}
			}
		})
	}
	for _, c := range []struct{ name, target, text string }{
		{"a page", "/g/p", "Web pages"},
		{"a file's page", "/g/p/-/blob/main/x", "Web pages"},
		{"raw", "/g/p/-/raw/main/x", "files/:file_path/raw"},
		{"raw, named like a repository", "/g/p/-/raw/main/x.git/y", "files/:file_path/raw"},
		{"a page that names an archive", "/g/p/-/blob/main/-/archive/x.zip", "Web pages"},
		{"a page that names a download", "/g/p/-/blob/main/downloads/x.atom", "Web pages"},
		{"an archive without a format", "/g/p/-/archive/main", ".tar.gz"},
		{"an archive of another format", "/g/p/-/archive/main/p.rar", ".tar.gz"},
		{"an old archive", "/g/p/repository/archive.zip", "Web pages"},
		{"an archive of a group", "/groups/g/-/archive/main/p.zip", "Web pages"},
		{"an encoded project", "/g%2Fp/-/archive/main/p.zip", "full path"},
		{"an id", "/5/-/archive/main/p.zip", "full path"},
		{"an organization", "/o/org/g/p/-/archive/main/p.zip", "full path"},
		{"a dot segment", "/g/../h/p/-/archive/main/p.zip", "full path"},
		{"a dot segment behind", "/g/p/-/archive/../../../h/q/-/archive/main/p.zip", "dot segment"},
		{"an escaped dot segment", "/g/p/-/archive/%2E%2e/p.zip", "dot segment"},
		{"an escaped slash", "/g/p/-/archive/a%2Fb/p.zip", "dot segment"},
		{"a dot segment, twice", "/g/p/-/archive/a%252F%252e%252E/p.zip", "dot segment"},
		{"an empty segment", "/g/p/-/archive//p.zip", "dot segment"},
		{"a backslash", "/g/p/-/archive/a%5Cb/p.zip", "dot segment"},
		{"a line feed", "/g/p/-/archive/a%0Ab/p.zip", "dot segment"},
		{"a parameter of the router's", "/g/p/-/archive/main/p.zip?project_id=q", "query"},
		{"a format besides", "/g/p/-/archive/main/p.zip?format=atom", "query"},
		{"a parameter twice", "/g/p/-/archive/main/p.zip?path=a&path=b", "query"},
		{"an escaped parameter", "/g/p/-/archive/main/p.zip?%70ath=a", "query"},
		{"a folder above", "/g/p/-/archive/main/p.zip?path=../x", "dot segment"},
		{"a release's page", "/g/p/-/releases/v1", "Web pages"},
		{"the latest release's page", "/g/p/-/releases/permalink/latest", "Web pages"},
		{"the latest release, escaped", "/g/p/-/releases/%70ermalink/latest/downloads/y", "does not need"},
		{"what the router takes for the latest release", "/g/p/-/releases/permalink/latestx/downloads/y", "Web pages"},
		{"a feed in another project's name", "/g/p/-/issues.atom?project_id=7", "query"},
		{"a feed with more formats", "/g/p/-/tags?format=atom&format=html", "Web pages"},
		{"a feed by its page", "/g/p/-/issues?format=atom", "Web pages"},
		{"a group's activity", "/groups/g.atom", "share with the group"},
		{"a group's or user's feed", "/g.atom", "not passed on"},
		{"a dashboard", "/dashboard/issues.atom", "everything"},
		{"the owner's tokens", "/-/user_settings/personal_access_tokens.ics", "everything"},
		{"designs", "/g/p/-/design_management/designs/1/raw_image", "Designs"},
		{"a doubled slash", "//g/p/-/archive/main/p.zip", "full path"},
		{"a trailing slash", "/g/p/-/issues.atom/", "Web pages"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var op routes.Operation
			var r Request
			var refusal *routes.Refusal
			if err := Classify(tab, &op, &r, "GET", []byte(c.target)); !errors.As(err, &refusal) || !strings.Contains(refusal.Message, c.text) {
				t.Errorf("%v, %+v", err, op.Route)
			}
		})
	}
	t.Run("other methods", func(t *testing.T) {
		var op routes.Operation
		var r Request
		if err := Classify(tab, &op, &r, "POST", []byte("/g/p/-/archive/main/p.zip")); err == nil {
			t.Error("POST passes")
		}
	})
}

// FuzzClassify holds what is sent to its promise: it is read as the same request.
func FuzzClassify(f *testing.F) {
	tab := table(f)
	for _, target := range []string{"/g/p/-/archive/main/p.tar.gz?path=a/b", "/g/p/-/releases/v1/downloads/x", "/groups/g/-/issues.atom", "/g/p.atom", "/g/p/-/commits/a%23?format=atom"} {
		f.Add(target)
	}
	f.Fuzz(func(t *testing.T, target string) {
		var op, again routes.Operation
		var r, second Request
		if Classify(tab, &op, &r, "GET", []byte(target)) != nil {
			return
		}
		sent := string(r.AppendTarget(nil, string(op.Captures()[0].Value)))
		if err := Classify(tab, &again, &second, "GET", []byte(sent)); err != nil || again.Route != op.Route || second != r || strings.ContainsAny(sent, " \r\n\\#;") {
			t.Fatalf("%q is sent as %q: %v", target, sent, err)
		}
	})
}
