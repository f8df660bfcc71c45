package params

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"patgate/routes"
	"patgate/routes/params/refusal"
)

func TestQueryIsReadStrictly(t *testing.T) {
	row := plainRow(map[string]routes.ParamRule{
		"milestone_id": routes.ParamPass, "not.author_id": routes.ParamPass, ":action": routes.ParamPass,
		"classifiers": routes.ParamRepeat, "project_urls": routes.ParamRepeat, "token": routes.ParamPass,
		"include_ancestor_groups": routes.ParamRefuse, "$filter": routes.ParamPass, "sudo": routes.ParamPass,
		"open.*": routes.ParamPass, "*": routes.ParamUndeclared,
	})
	row.Targets = []routes.Target{
		{Param: "to_project_id", Ref: routes.RefProject},
		{Param: "group_ids[]", Ref: routes.RefGroup},
	}
	row.Force = []routes.Forced{{Name: "with_shared", Value: "false"}}
	secret := "patgate_0123456789abcdefghij"
	for _, c := range []struct {
		name, query string
		want        refusal.Code
	}{
		{"nothing", "", refusal.CodeNone},
		{"ordinary parameters", "page=1&per_page=100&state=opened&search=a+b%2Fc&order_by=created_at&id_after=7", refusal.CodeNone},
		{"a name without a value", "recursive", refusal.CodeNone},
		{"an empty value", "search=", refusal.CodeNone},
		{"empty pairs", "&&page=1&", refusal.CodeNone},
		{"an equals sign in a value", "search=a=b", refusal.CodeNone},
		{"a semicolon in a value", "search=a;sudo=1", refusal.CodeNone},
		{"a semicolon in a name", "a;b=1", refusal.CodeName},
		{"a per cent sign that remains", "search=%2525", refusal.CodeNone},
		{"UTF-8", "search=%C3%A9%F0%9F%98%80", refusal.CodeNone},

		{"half an escape", "search=%4", refusal.CodeEscape},
		{"no escape", "search=%zz", refusal.CodeEscape},
		{"half an escape in a name", "a%4=1", refusal.CodeEscape},
		{"invalid UTF-8", "search=%ff", refusal.CodeUTF8},
		{"overlong UTF-8", "search=%c0%af", refusal.CodeUTF8},
		{"a surrogate", "search=%ed%a0%80", refusal.CodeUTF8},
		{"NUL", "search=%00", refusal.CodeControl},
		{"a line end", "search=a%0Ab", refusal.CodeControl},
		{"DEL", "search=%7f", refusal.CodeControl},
		{"a line end in a name", "sudo%0A=1", refusal.CodeControl},

		{"no name", "=1", refusal.CodeName},
		{"capitals", "Page=1", refusal.CodeName},
		{"a leading space", "+page=1", refusal.CodeName},
		{"a leading space, encoded", "%20sudo=root", refusal.CodeName},
		{"a leading bracket", "[sudo]=root", refusal.CodeName},
		{"two leading brackets", "[[sudo]]=root", refusal.CodeName},
		{"a trailing bracket", "sudo]=root", refusal.CodeName},
		{"an open bracket", "a[b=1", refusal.CodeName},
		{"a dot", "file.path=1", refusal.CodeName},
		{"a long name", strings.Repeat("a", 257) + "=1", refusal.CodeName},
		{"brackets as deep as allowed", "a" + strings.Repeat("[b]", 32) + "=1", refusal.CodeNone},
		{"brackets too deep", "a" + strings.Repeat("[b]", 33) + "=1", refusal.CodeTooDeep},

		{"a duplicate", "page=1&page=2", refusal.CodeDuplicate},
		{"a duplicate, one encoded", "page=1&p%61ge=2", refusal.CodeDuplicate},
		{"a duplicate of the same value", "page=1&page=1", refusal.CodeDuplicate},
		{"a duplicate in brackets", "a[b]=1&a[b]=2", refusal.CodeDuplicate},
		{"a list", "labels[]=1&labels[]=2", refusal.CodeNone},
		{"a list of objects", "a[][b]=1&a[][c]=2&a[][b]=3", refusal.CodeNone},
		{"a value and a list", "labels=1&labels[]=2", refusal.CodeShape},
		{"a list and an object", "labels[]=1&labels[x]=2", refusal.CodeShape},
		{"a value and an object", "labels[x]=1&labels=2", refusal.CodeShape},
		{"an object and a deeper object", "a[b]=1&a[b][c]=2", refusal.CodeShape},
		{"different members", "a[b]=1&a[c]=2", refusal.CodeNone},
		{"repeated as declared", "classifiers=a&classifiers=b&project_urls=x&project_urls=y", refusal.CodeNone},
		{"repeated as declared and as a list", "classifiers=a&classifiers[]=b", refusal.CodeShape},

		{"private_token", "private_token=x", refusal.CodeReserved},
		{"private_token, encoded", "private%5Ftoken=x", refusal.CodeReserved},
		{"access_token", "access_token=x", refusal.CodeReserved},
		{"sudo, even when declared", "sudo=root", refusal.CodeReserved},
		{"sudo, encoded", "%73udo=root", refusal.CodeReserved},
		{"sudo as a list", "sudo[]=root", refusal.CodeReserved},
		{"sudo as an object", "sudo[x]=root", refusal.CodeReserved},
		{"sudo as a member", "x[sudo]=root", refusal.CodeReserved},
		{"_method", "_method=DELETE", refusal.CodeReserved},
		{"_json", "_json=1", refusal.CodeReserved},
		{"_json in brackets", "_json[][query]=1", refusal.CodeName},
		{"go-get", "go-get=1", refusal.CodeReserved},
		{"format", "format=xml", refusal.CodeReserved},
		{"the declared token", "token=x", refusal.CodeNone},
		{"the declared token as a list", "token[]=x", refusal.CodeReserved},
		{"a declared odd name", ":action=file_upload", refusal.CodeNone},
		{"another declared odd name", "$filter=x", refusal.CodeNone},
		{"an odd name", ":other=file_upload", refusal.CodeName},
		{"a reserved name below an open container", "open[sudo]=1&open[some_id]=2", refusal.CodeNone},

		{"a patgate token in a value", "search=" + secret, refusal.CodeSecret},
		{"a patgate token in a value, encoded", "search=x%70atgate_0123456789abcdefghij", refusal.CodeSecret},
		{"a patgate token as a name", secret + "=1", refusal.CodeSecret},
		{"less than a token", "search=" + secret[:27], refusal.CodeNone},

		{"an identifier", "author_id=1", refusal.CodeIdentifier},
		{"an identifier as a list", "iids[]=1", refusal.CodeIdentifier},
		{"an identifier in brackets", "not[milestone_id]=1", refusal.CodeIdentifier},
		{"a container by name", "namespace[name]=1", refusal.CodeIdentifier},
		{"a declared identifier", "milestone_id=1&not[author_id]=2", refusal.CodeNone},
		{"a declared identifier as a list", "milestone_id[]=1&milestone_id[]=2", refusal.CodeNone},
		{"a refused parameter", "include_ancestor_groups=true", refusal.CodeDeclaredRefused},
		{"a refused parameter as a list", "include_ancestor_groups[]=true", refusal.CodeDeclaredRefused},

		{"the forced value", "with_shared=false", refusal.CodeNone},
		{"another than the forced value", "with_shared=true", refusal.CodeForced},
		{"the forced name without a value", "with_shared", refusal.CodeForced},
		{"the forced name as a list", "with_shared[]=false", refusal.CodeForced},

		{"a target", "to_project_id=5", refusal.CodeNone},
		{"a target by path", "to_project_id=g%2fp", refusal.CodeNone},
		{"a target with a sign", "to_project_id=%2B5", refusal.CodeReference},
		{"a target with a leading zero", "to_project_id=05", refusal.CodeReference},
		{"a target with a space", "to_project_id=+5", refusal.CodeReference},
		{"a target with an underscore", "to_project_id=1_0", refusal.CodeReference},
		{"a target with a fraction", "to_project_id=7.9", refusal.CodeReference},
		{"two ids in a target", "to_project_id=1,2", refusal.CodeReference},
		{"an empty target", "to_project_id=", refusal.CodeReference},
		{"a target without a value", "to_project_id", refusal.CodeReference},
		{"a target as a list", "to_project_id[]=5", refusal.CodeShape},
		{"a target as an object", "to_project_id[x]=5", refusal.CodeShape},
		{"a list of targets", "group_ids[]=1&group_ids[]=g%2Fh", refusal.CodeNone},
		{"a list of targets as a value", "group_ids=1", refusal.CodeShape},
		{"a list of targets, numbered", "group_ids[0]=1", refusal.CodeShape},

		{"the path's id", "id=1&project_id=1", refusal.CodeNone},
		{"the path's other capture", "issue_iid=5", refusal.CodeNone},
		{"another id than the path's", "id=2", refusal.CodePathDiffers},
		{"the path's id in another spelling", "id=01", refusal.CodePathDiffers},
		{"the path's id with a line", "project_id=1x", refusal.CodePathDiffers},
		{"a path beside the path's id", "id=g%2Fp", refusal.CodePathDiffers},
		{"another capture than the path's", "issue_iid=6", refusal.CodePathDiffers},
		{"the id of another kind", "group_id=1", refusal.CodeIdentifier},
		{"the path's id as a list", "id[]=1", refusal.CodeIdentifier},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSet(row, projectPath("1"))
			r := wantCode(t, s.Query([]byte(c.query)), c.want)
			if r != nil && strings.Contains(r.Error()+r.Param, secret) {
				t.Error("the refusal repeats the token")
			}
		})
	}
}

func TestQueryAndBodyShareNoName(t *testing.T) {
	for _, c := range []struct {
		name, query, form string
		want              refusal.Code
	}{
		{"different names", "a=1", "b=1", refusal.CodeNone},
		{"the same name", "a=1", "a=1", refusal.CodePlaces},
		{"a list in one", "a=1", "a[]=1", refusal.CodePlaces},
		{"different members", "a[b]=1", "a[c]=1", refusal.CodePlaces},
		{"a longer name", "a=1", "ab=1", refusal.CodeNone},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSet(plainRow(nil), nil)
			wantCode(t, s.Query([]byte(c.query)), refusal.CodeNone)
			wantCode(t, s.Form([]byte(c.form)), c.want)
		})
	}
}

func TestFormTakesLineEnds(t *testing.T) {
	s := newSet(plainRow(nil), nil)
	wantCode(t, s.Form([]byte("description=a%0D%0Ab%09c\n")), refusal.CodeNone)
	got, err := s.AppendForm(nil)
	if err != nil || string(got) != "description=a%0D%0Ab%09c%0A" {
		t.Errorf("got %s, %v", got, err)
	}
	wantCode(t, newSet(plainRow(nil), nil).Form([]byte("description=%1b")), refusal.CodeControl)
	wantCode(t, newSet(plainRow(nil), nil).Form([]byte("a%0a=1")), refusal.CodeControl)
}

func TestQueryIsWrittenInOneForm(t *testing.T) {
	row := plainRow(nil)
	row.Force = []routes.Forced{{Name: "with_shared", Value: "false"}, {Name: "x", Value: "a b"}}
	for _, c := range []struct{ query, want string }{
		{"", "with_shared=false&x=a%20b"},
		{"page=1", "page=1&with_shared=false&x=a%20b"},
		{"with_shared=false&x=a+b&page", "with_shared=false&x=a%20b&page"},
		{"&search=a;b%3d%26c&labels[]=%c3%a9&", "search=a%3Bb%3D%26c&labels%5B%5D=%C3%A9&with_shared=false&x=a%20b"},
	} {
		t.Run(c.query, func(t *testing.T) {
			s := newSet(row, nil)
			wantCode(t, s.Query([]byte(c.query)), refusal.CodeNone)
			got, err := s.AppendQuery(nil)
			if err != nil || string(got) != c.want {
				t.Errorf("got %s, %v", got, err)
			}
		})
	}
}

func TestQueryLimits(t *testing.T) {
	many := func(n int) []byte {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "a%d=1&", i)
		}
		return []byte(b.String())
	}
	wantCode(t, newSet(plainRow(nil), nil).Query(many(MaxPairs)), refusal.CodeNone)
	wantCode(t, newSet(plainRow(nil), nil).Query(many(MaxPairs+1)), refusal.CodeTooMany)
}

func TestAnOrdinaryQueryAllocatesNothing(t *testing.T) {
	row := &routes.Route{Method: "GET", Path: "/projects/{project}/issues",
		Params: map[string]routes.ParamRule{"milestone_id": routes.ParamPass, "iids": routes.ParamPass},
		Force:  []routes.Forced{{Name: "with_shared", Value: "false"}}}
	captures := projectPath("g/p")
	query := []byte("page=2&per_page=100&state=opened&search=a%20b&labels[]=x&labels[]=y&iids[]=1&id=77")
	s, dst := new(Set), make([]byte, 0, 512)
	if n := testing.AllocsPerRun(100, func() {
		s.Reset(row, captures)
		if s.Query(query) != nil || s.Complete() != nil || s.Resolve(77, nil) != nil {
			t.Fatal("refused")
		}
		dst, _ = s.AppendQuery(dst[:0])
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestASetForgetsOnReset(t *testing.T) {
	s := newSet(moveRow(), projectPath("1"))
	wantCode(t, s.Query([]byte("to_project_id=7&x=1&id=1")), refusal.CodeNone)
	wantCode(t, s.Resolve(1, texts("7")), refusal.CodeNone)
	s.Reset(plainRow(nil), nil)
	if got, err := s.AppendQuery(nil); err != nil || len(got) != 0 || len(s.Targets) != 0 || s.Undeclared != 0 {
		t.Errorf("still holds %s, %v", got, err)
	}
	wantCode(t, s.Query([]byte("x=1")), refusal.CodeNone)
}

func BenchmarkQuery(b *testing.B) {
	row := &routes.Route{Method: "GET", Path: "/projects/{project}/issues", Params: map[string]routes.ParamRule{"milestone_id": routes.ParamPass}}
	query, captures, s, dst := []byte("page=2&per_page=100&state=opened&search=a%20b"), projectPath("1"), new(Set), make([]byte, 0, 256)
	b.ReportAllocs()
	for b.Loop() {
		s.Reset(row, captures)
		if err := s.Query(query); err != nil {
			b.Fatal(err)
		}
		dst, _ = s.AppendQuery(dst[:0])
	}
}

func TestEveryCodeHasAName(t *testing.T) {
	if len(refusal.CodeNames) != int(refusal.CodeTable)+1 {
		t.Fatalf("%d names for %d codes", len(refusal.CodeNames), refusal.CodeTable+1)
	}
	sorted := slices.Sorted(slices.Values(refusal.CodeNames[:]))
	if len(slices.Compact(sorted)) != len(refusal.CodeNames) {
		t.Error("two codes have one name")
	}
	if refusal.Code(200).String() != "code(200)" {
		t.Error(refusal.Code(200))
	}
}
