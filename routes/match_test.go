package routes_test

import (
	"errors"
	"strings"
	"testing"

	"patgate/routes"
	"patgate/routes/load"
	"patgate/routes/pattern"
)

// tableForTest builds a table of "METHOD PATH [after=METHOD_PATH]" rows.
func tableForTest(t testing.TB, rows ...string) *routes.Table {
	t.Helper()
	classes := map[string]string{"tag_name": "text", "file_path": "text", "job_id": "int", "sha": "hex", "prefix": "/[a-z0-9_-]{2}/", "prefix_2": "/[a-z0-9_-]{2}/", "forked_from_id": "project"}
	var all []*routes.Route
	for i, row := range rows {
		method, path, _ := strings.Cut(row, " ")
		path, after, _ := strings.Cut(path, " after=")
		path, slash := strings.CutSuffix(path, " slash")
		path, formats, _ := strings.Cut(path, " formats=")
		r := &routes.Route{Kind: routes.KindPermission, Method: method, Path: path, Source: routes.Source{File: "test.yaml", Line: i + 1}}
		if after != "" {
			r.After = []string{strings.Replace(after, "_", " ", 1)}
		}
		spec := routes.PatternSpec{Base: "/api/v4", Classes: classes, Slash: slash}
		if formats != "" {
			spec.Formats = strings.Split(formats, ",")
		}
		p, err := routes.ParsePattern(path, spec)
		if err != nil {
			t.Fatal(err)
		}
		r.Pattern = p
		all = append(all, r)
	}
	table, problems := routes.New(routes.Parts{Base: "/api/v4", Version: 1, Routes: all})
	for _, p := range problems {
		t.Fatalf("building the table: %s", p.Message)
	}
	return table
}

func exampleTable(t testing.TB) *routes.Table {
	return tableForTest(t,
		"GET /projects/{project}",
		"GET /projects",
		"GET /projects/{project}/jobs/{job_id}",
		"GET /projects/{project}/jobs/{job_id}/artifacts/{*artifact_path}",
		"GET /projects/{project}/jobs/artifacts/{tag_name}/raw/{*artifact_path}",
		"GET /projects/{project}/repository/tags/{tag_name}",
		"GET /projects/{project}/repository/files/{file_path}/raw",
		"GET /projects/{project}/repository/commits/{sha}",
		"GET /projects/{project}/repository/archive formats=zip,tar.gz",
		"GET /group/{group}/p2/{*package_name} formats=json",
		"GET /projects/{project}/(-/)search",
		"GET /projects/{project}/packages/npm/{*package_name}",
		"GET /projects/{project}/packages/npm/{*package_name}/-/{*file_name}",
		"GET /projects/{project}/packages/pypi/simple/{*package_name} slash",
		"GET /projects/{project}/packages/go/{*module_name}/@v/{module_version: text}.info",
		"GET /projects/{project}/packages/cargo/{prefix}/{prefix_2}/{package_name: text}",
		"GET /projects/{project}/packages/cargo/{package_name: text}/{package_version: text}/download",
		`GET /projects/{project}/packages/nuget/v2/Packages\(Id='{*package_name}',Version='{*package_version}'\)`,
		"GET /personal_access_tokens/{token_id}",
		"GET /personal_access_tokens/self",
		"GET /users/{user}",
		"GET /users/{user}/custom_attributes/{key: text}",
		"POST /projects/{project}/access_requests",
		"POST /projects/{project}/fork",
		"POST /projects/{project}/fork/{forked_from_id}",
		"POST /projects/user/{user} after=POST_/projects/{project}/access_requests",
		"GET /api/scim/{version: text}/Users",
	)
}

func TestClassifyMatchesTheForgesRoute(t *testing.T) {
	table := exampleTable(t)
	for _, c := range []struct{ name, method, target, path, captures, canonical string }{
		{"a numeric project", "GET", "/api/v4/projects/7", "/projects/{project}", "project=7", ""},
		{"HEAD is read as GET", "HEAD", "/api/v4/projects/7", "/projects/{project}", "project=7", ""},
		{"a project by path", "GET", "/api/v4/projects/g%2Fp", "/projects/{project}", "project=g/p", ""},
		{"a lower-case escape is spelled in upper case", "GET", "/api/v4/projects/g%2fp", "/projects/{project}", "project=g/p", "/api/v4/projects/g%2Fp"},
		{"client-go writes every dot as %2E", "GET", "/api/v4/projects/g%2Fmy%2Eproj", "/projects/{project}", "project=g/my.proj", "/api/v4/projects/g%2Fmy.proj"},
		{"the query is kept apart", "GET", "/api/v4/projects?page=2", "/projects", "", "/api/v4/projects"},
		{"a tag with a slash and dots", "GET", "/api/v4/projects/1/repository/tags/rel%2F1%2E2", "/projects/{project}/repository/tags/{tag_name}", "project=1 tag_name=rel/1.2", "/api/v4/projects/1/repository/tags/rel%2F1.2"},
		{"a file in a folder", "GET", "/api/v4/projects/1/repository/files/src%2Fmain.go/raw", "/projects/{project}/repository/files/{file_path}/raw", "project=1 file_path=src/main.go", ""},
		{"a splat over two segments", "GET", "/api/v4/projects/1/jobs/5/artifacts/a/b.txt", "/projects/{project}/jobs/{job_id}/artifacts/{*artifact_path}", "project=1 job_id=5 artifact_path=a/b.txt", ""},
		{"literal before capture", "GET", "/api/v4/projects/1/jobs/artifacts/main/raw/a/b", "/projects/{project}/jobs/artifacts/{tag_name}/raw/{*artifact_path}", "project=1 tag_name=main artifact_path=a/b", ""},
		{"self is a literal", "GET", "/api/v4/personal_access_tokens/self", "/personal_access_tokens/self", "", ""},
		{"an optional part present", "GET", "/api/v4/projects/1/-/search", "/projects/{project}/(-/)search", "project=1", ""},
		{"an optional part absent", "GET", "/api/v4/projects/1/search", "/projects/{project}/(-/)search", "project=1", ""},
		{"a declared format", "GET", "/api/v4/projects/1/repository/archive.tar.gz", "/projects/{project}/repository/archive", "project=1", ""},
		{"a format behind a splat of one segment", "GET", "/api/v4/group/1/p2/lib.json", "/group/{group}/p2/{*package_name}", "group=1 package_name=lib", ""},
		{"a format behind a splat of several segments", "GET", "/api/v4/group/1/p2/shop/lib.json", "/group/{group}/p2/{*package_name}", "group=1 package_name=shop/lib", ""},
		{"no format", "GET", "/api/v4/projects/1/repository/archive", "/projects/{project}/repository/archive", "project=1", ""},
		{"a scoped npm name", "GET", "/api/v4/projects/1/packages/npm/@g%2fdemo", "/projects/{project}/packages/npm/{*package_name}", "project=1 package_name=@g/demo", "/api/v4/projects/1/packages/npm/@g%2Fdemo"},
		{"a splat before a literal before a splat", "GET", "/api/v4/projects/1/packages/npm/@g/demo/-/@g/demo-1.0.tgz", "/projects/{project}/packages/npm/{*package_name}/-/{*file_name}", "project=1 package_name=@g/demo file_name=@g/demo-1.0.tgz", ""},
		{"an undeclared trailing slash", "GET", "/api/v4/projects/1/", "/projects/{project}", "project=1", "/api/v4/projects/1"},
		{"a declared trailing slash", "GET", "/api/v4/projects/1/packages/pypi/simple/demo/", "/projects/{project}/packages/pypi/simple/{*package_name}", "project=1 package_name=demo", ""},
		{"a literal suffix in the segment", "GET", "/api/v4/projects/1/packages/go/example.com/m/@v/v1.2.3.info", "/projects/{project}/packages/go/{*module_name}/@v/{module_version: text}.info", "project=1 module_name=example.com/m module_version=v1.2.3", ""},
		{"a narrower class before a wider one", "GET", "/api/v4/projects/1/packages/cargo/ab/cd/download", "/projects/{project}/packages/cargo/{prefix}/{prefix_2}/{package_name: text}", "project=1 prefix=ab prefix_2=cd package_name=download", ""},
		{"the wider one where the narrow class does not fit", "GET", "/api/v4/projects/1/packages/cargo/demo/1.0.0/download", "/projects/{project}/packages/cargo/{package_name: text}/{package_version: text}/download", "project=1 package_name=demo package_version=1.0.0", ""},
		{"captures between literals", "GET", "/api/v4/projects/1/packages/nuget/v2/Packages(Id='a.b',Version='1.0')", `/projects/{project}/packages/nuget/v2/Packages\(Id='{*package_name}',Version='{*package_version}'\)`, "project=1 package_name=a.b package_version=1.0", ""},
		{"a row that the forge tries later", "POST", "/api/v4/projects/user/7", "/projects/user/{user}", "user=7", ""},
		{"a literal that the forge tries first as well", "POST", "/api/v4/projects/user/fork", "/projects/user/{user}", "user=fork", ""},
		{"a second reference", "POST", "/api/v4/projects/1/fork/g%2Fq", "/projects/{project}/fork/{forked_from_id}", "project=1 forked_from_id=g/q", ""},
		{"a path outside the base", "GET", "/api/scim/v2/Users", "/api/scim/{version: text}/Users", "version=v2", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			var op routes.Operation
			if err := table.Classify(&op, c.method, []byte(c.target)); err != nil {
				t.Fatal(err)
			}
			if op.Route.Path != c.path {
				t.Fatalf("matched %s, want %s", op.Route.Path, c.path)
			}
			if got := captureText(&op); got != c.captures {
				t.Errorf("captures %q, want %q", got, c.captures)
			}
			want := c.canonical
			if want == "" {
				want = c.target
			}
			if got := string(op.AppendPath(nil)); got != want {
				t.Errorf("canonical %q, want %q", got, want)
			}
		})
	}
}

func captureText(op *routes.Operation) string {
	var parts []string
	for _, c := range op.Captures() {
		parts = append(parts, c.Name+"="+string(c.Value))
	}
	return strings.Join(parts, " ")
}

func TestClassifyRefusesWhatCouldBeReadInAnotherWay(t *testing.T) {
	table := exampleTable(t)
	for _, c := range []struct {
		name, method, target string
		code                 routes.RefusalCode
	}{
		{"an unknown path", "GET", "/api/v4/nothing", routes.CodeNoRoute},
		{"the root", "GET", "/", routes.CodeNoRoute},
		{"an unknown method", "TRACE", "/api/v4/projects", routes.CodeMethod},
		{"an overridden method name in lower case", "get", "/api/v4/projects", routes.CodeMethod},
		{"absolute form", "GET", "http://x/api/v4/projects", routes.CodeTarget},
		{"asterisk form", "GET", "*", routes.CodeTarget},
		{"an empty target", "GET", "", routes.CodeTarget},
		{"a doubled slash", "GET", "/api/v4//projects", routes.CodeAmbiguousPath},
		{"a leading doubled slash", "GET", "//api/v4/projects", routes.CodeAmbiguousPath},
		{"a dot segment", "GET", "/api/v4/./projects", routes.CodeAmbiguousPath},
		{"a dot-dot segment", "GET", "/api/v4/projects/2/../1", routes.CodeAmbiguousPath},
		{"an encoded dot-dot segment", "GET", "/api/v4/projects/%2e%2e", routes.CodeAmbiguousPath},
		{"dot-dot inside a capture", "GET", "/api/v4/projects/1/repository/tags/a%2F..%2Fb", routes.CodeAmbiguousPath},
		{"an encoded backslash", "GET", "/api/v4/projects/1/repository/tags/a%5Cb", routes.CodeAmbiguousPath},
		{"a raw backslash", "GET", `/api/v4/projects/1/repository/tags/a\b`, routes.CodeTarget},
		{"a doubled encoding", "GET", "/api/v4/projects/g%252Fp", routes.CodeAmbiguousPath},
		{"a newline in an id", "GET", "/api/v4/projects/1%0Afoo%2Fbar", routes.CodeAmbiguousPath},
		{"a NUL", "GET", "/api/v4/projects/1%00", routes.CodeAmbiguousPath},
		{"overlong UTF-8", "GET", "/api/v4/projects/1/repository/tags/%C0%AF", routes.CodeAmbiguousPath},
		{"a cut escape", "GET", "/api/v4/projects/1/repository/tags/a%2", routes.CodeAmbiguousPath},
		{"an escape that is none", "GET", "/api/v4/projects/1/repository/tags/a%zz", routes.CodeAmbiguousPath},
		{"raw UTF-8", "GET", "/api/v4/projects/1/repository/tags/é", routes.CodeTarget},
		{"a space", "GET", "/api/v4/projects/1 ", routes.CodeTarget},
		{"an encoded letter of a literal", "GET", "/api/v4/%70rojects/1", routes.CodeNoRoute},
		{"an encoded literal that fits a capture", "GET", "/api/v4/personal_access_tokens/%73elf", routes.CodeAmbiguousPath},
		{"an upper-case literal", "GET", "/api/v4/Projects/1", routes.CodeNoRoute},
		{"an undeclared format", "GET", "/api/v4/projects/1/jobs/5.json", routes.CodeAmbiguousPath},
		{"a declared format behind a splat, encoded", "GET", "/api/v4/group/1/p2/shop/lib%2Ejson", routes.CodeAmbiguousPath},
		{"an undeclared format, encoded", "GET", "/api/v4/projects/1/jobs/5%2Ejson", routes.CodeAmbiguousPath},
		{"an undeclared format after a literal", "GET", "/api/v4/projects/1/search.json", routes.CodeAmbiguousPath},
		{"a format of the archive that is not declared", "GET", "/api/v4/projects/1/repository/archive.foo", routes.CodeAmbiguousPath},
		{"a username with a dot", "GET", "/api/v4/users/john.doe/custom_attributes/a", routes.CodeReference},
		{"two slashes at the end", "GET", "/api/v4/projects/1//", routes.CodeAmbiguousPath},
		{"a semicolon in a literal", "GET", "/api/v4/projects;x", routes.CodeNoRoute},
		{"a bare project name", "GET", "/api/v4/projects/demo", routes.CodeReference},
		{"a leading zero", "GET", "/api/v4/projects/05", routes.CodeReference},
		{"a plus sign", "GET", "/api/v4/projects/+5", routes.CodeReference},
		{"an id beyond 64 bits", "GET", "/api/v4/projects/9223372036854775808", routes.CodeReference},
		{"a space after an id", "GET", "/api/v4/projects/1%20", routes.CodeReference},
		{"a job that is no number", "GET", "/api/v4/projects/1/jobs/x", routes.CodeValue},
		{"a sha that is no sha", "GET", "/api/v4/projects/1/repository/commits/xyz", routes.CodeValue},
		{"the access request of a project called user", "POST", "/api/v4/projects/user/access_requests", routes.CodeReference},
		{"too long a target", "GET", "/api/v4/projects/1?" + strings.Repeat("a", routes.MaxTarget), routes.CodeTarget},
		{"too many segments", "GET", "/api/v4" + strings.Repeat("/a", pattern.MaxSegments), routes.CodeTarget},
	} {
		t.Run(c.name, func(t *testing.T) {
			var op routes.Operation
			err := table.Classify(&op, c.method, []byte(c.target))
			var refusal *routes.Refusal
			if !errors.As(err, &refusal) {
				t.Fatalf("got %v with route %v, want a refusal", err, op.Route)
			}
			if refusal.Code != c.code {
				t.Errorf("refused as %s (%s), want %s", refusal.Code, refusal.Message, c.code)
			}
		})
	}
}

func TestAppendPathWritesTheCheckedId(t *testing.T) {
	table := exampleTable(t)
	var op routes.Operation
	if err := table.Classify(&op, "POST", []byte("/api/v4/projects/g%2Fp/fork/other%2Fq")); err != nil {
		t.Fatal(err)
	}
	op.SetID(0, 17)
	op.SetID(1, 18)
	if got := string(op.AppendPath(nil)); got != "/api/v4/projects/17/fork/18" {
		t.Errorf("got %s", got)
	}
}

func TestRowsThatMatchTheSameRequestsAreReported(t *testing.T) {
	a, b := &routes.Route{Method: "GET", Path: "/a/{x}"}, &routes.Route{Method: "GET", Path: "/a/{y}"}
	for _, r := range []*routes.Route{a, b} {
		p, err := routes.ParsePattern(r.Path, routes.PatternSpec{Base: "/api/v4"})
		if err != nil {
			t.Fatal(err)
		}
		r.Pattern = p
	}
	if _, problems := routes.New(routes.Parts{Base: "/api/v4", Version: 1, Routes: []*routes.Route{a, b}}); len(problems) != 1 {
		t.Fatalf("got %d problems, want 1", len(problems))
	}
	a.After = []string{"GET /nowhere"}
	if _, problems := routes.New(routes.Parts{Base: "/api/v4", Version: 1, Routes: []*routes.Route{a}}); len(problems) != 1 {
		t.Fatalf("got %d problems, want 1 for an `after` that names no row", len(problems))
	}
}

func TestParsePatternRefuses(t *testing.T) {
	for _, path := range []string{"projects", "/a//b", "/a/", "/a/{x", "/a/{X}", "/a/{x}{y}", "/a/{x}/{x}", "/a/(b", "/a/b)", "/a/((b))", "/a/{x: nonsense}"} {
		t.Run(path, func(t *testing.T) {
			if _, err := routes.ParsePattern(path, routes.PatternSpec{Base: "/api/v4"}); err == nil {
				t.Error("accepted")
			}
		})
	}
}

func TestClassifyDoesNotAllocate(t *testing.T) {
	if testing.Short() {
		t.Skip("short tests run under the race detector, where pools forget at random")
	}
	table, err := load.GitLab()
	if err != nil {
		t.Fatal(err)
	}
	var op routes.Operation
	dst := make([]byte, 0, 512)
	for _, target := range []string{
		"/api/v4/projects/7/jobs/5", "/api/v4/projects/g%2Fp/repository/tags/v1.2", "/api/v4/projects/g%2fmy%2Eproj", "/api/v4/nothing",
		"/api/v4/projects/7/packages/npm/@g%2Fp/-/@g/p-1.0.tgz", "/api/v4/projects/7/jobs/5/artifacts/-/work_items/7", "/api/v4/projects/7/-/work_items/7",
	} {
		raw := []byte(target)
		_ = table.Classify(&op, "GET", raw)
		if n := testing.AllocsPerRun(100, func() {
			if table.Classify(&op, "GET", raw) == nil {
				dst = op.AppendPath(dst[:0])
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations", target, n)
		}
	}
}

// FuzzClassify holds the promise that what is forwarded classifies to the very operation that was decided.
func FuzzClassify(f *testing.F) {
	table := exampleTable(f)
	for _, s := range []string{"/api/v4/projects/1", "/api/v4/projects/g%2Fp/repository/tags/a%2Eb", "/api/v4/projects/1/packages/npm/@g%2fd/-/x.tgz",
		"/api/v4/personal_access_tokens/%73elf", "/api/v4/projects/1/packages/pypi/simple/x/", "/api/v4/projects/1/packages/cargo/ab/cd/download",
		"/api/v4/projects/1/packages/nuget/v2/Packages(Id='a',Version='b')"} {
		f.Add("GET", s)
	}
	f.Add("POST", "/api/v4/projects/user/access_requests")
	f.Fuzz(func(t *testing.T, method, target string) {
		var op, again routes.Operation
		if table.Classify(&op, method, []byte(target)) != nil {
			if op.Route != nil && op.Query == nil {
				_ = op.Route // a refused operation may name the row that it would have been
			}
			return
		}
		canonical := op.AppendPath(nil)
		if err := table.Classify(&again, method, canonical); err != nil {
			t.Fatalf("%q was accepted as %s, but %q is refused: %v", target, op.Route.Path, canonical, err)
		}
		if again.Route != op.Route || !again.Same(&op) {
			t.Fatalf("%q is %s, but %q is %s", target, op.Route.Path, canonical, again.Route.Path)
		}
		if second := again.AppendPath(nil); string(second) != string(canonical) {
			t.Fatalf("canonical form is not stable: %q then %q", canonical, second)
		}
	})
}
