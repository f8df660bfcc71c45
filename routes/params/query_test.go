package params

import (
	"fmt"
	"math/rand/v2"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"patgate/routes"
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
		want        Code
	}{
		{"nothing", "", CodeNone},
		{"ordinary parameters", "page=1&per_page=100&state=opened&search=a+b%2Fc&order_by=created_at&id_after=7", CodeNone},
		{"a name without a value", "recursive", CodeNone},
		{"an empty value", "search=", CodeNone},
		{"empty pairs", "&&page=1&", CodeNone},
		{"an equals sign in a value", "search=a=b", CodeNone},
		{"a semicolon in a value", "search=a;sudo=1", CodeNone},
		{"a semicolon in a name", "a;b=1", CodeName},
		{"a per cent sign that remains", "search=%2525", CodeNone},
		{"UTF-8", "search=%C3%A9%F0%9F%98%80", CodeNone},

		{"half an escape", "search=%4", CodeEscape},
		{"no escape", "search=%zz", CodeEscape},
		{"half an escape in a name", "a%4=1", CodeEscape},
		{"invalid UTF-8", "search=%ff", CodeUTF8},
		{"overlong UTF-8", "search=%c0%af", CodeUTF8},
		{"a surrogate", "search=%ed%a0%80", CodeUTF8},
		{"NUL", "search=%00", CodeControl},
		{"a line end", "search=a%0Ab", CodeControl},
		{"DEL", "search=%7f", CodeControl},
		{"a line end in a name", "sudo%0A=1", CodeControl},

		{"no name", "=1", CodeName},
		{"capitals", "Page=1", CodeName},
		{"a leading space", "+page=1", CodeName},
		{"a leading space, encoded", "%20sudo=root", CodeName},
		{"a leading bracket", "[sudo]=root", CodeName},
		{"two leading brackets", "[[sudo]]=root", CodeName},
		{"a trailing bracket", "sudo]=root", CodeName},
		{"an open bracket", "a[b=1", CodeName},
		{"a dot", "file.path=1", CodeName},
		{"a long name", strings.Repeat("a", 257) + "=1", CodeName},
		{"brackets as deep as allowed", "a" + strings.Repeat("[b]", 32) + "=1", CodeNone},
		{"brackets too deep", "a" + strings.Repeat("[b]", 33) + "=1", CodeTooDeep},

		{"a duplicate", "page=1&page=2", CodeDuplicate},
		{"a duplicate, one encoded", "page=1&p%61ge=2", CodeDuplicate},
		{"a duplicate of the same value", "page=1&page=1", CodeDuplicate},
		{"a duplicate in brackets", "a[b]=1&a[b]=2", CodeDuplicate},
		{"a list", "labels[]=1&labels[]=2", CodeNone},
		{"a list of objects", "a[][b]=1&a[][c]=2&a[][b]=3", CodeNone},
		{"a value and a list", "labels=1&labels[]=2", CodeShape},
		{"a list and an object", "labels[]=1&labels[x]=2", CodeShape},
		{"a value and an object", "labels[x]=1&labels=2", CodeShape},
		{"an object and a deeper object", "a[b]=1&a[b][c]=2", CodeShape},
		{"different members", "a[b]=1&a[c]=2", CodeNone},
		{"repeated as declared", "classifiers=a&classifiers=b&project_urls=x&project_urls=y", CodeNone},
		{"repeated as declared and as a list", "classifiers=a&classifiers[]=b", CodeShape},

		{"private_token", "private_token=x", CodeReserved},
		{"private_token, encoded", "private%5Ftoken=x", CodeReserved},
		{"access_token", "access_token=x", CodeReserved},
		{"sudo, even when declared", "sudo=root", CodeReserved},
		{"sudo, encoded", "%73udo=root", CodeReserved},
		{"sudo as a list", "sudo[]=root", CodeReserved},
		{"sudo as an object", "sudo[x]=root", CodeReserved},
		{"sudo as a member", "x[sudo]=root", CodeReserved},
		{"_method", "_method=DELETE", CodeReserved},
		{"_json", "_json=1", CodeReserved},
		{"_json in brackets", "_json[][query]=1", CodeName},
		{"go-get", "go-get=1", CodeReserved},
		{"format", "format=xml", CodeReserved},
		{"the declared token", "token=x", CodeNone},
		{"the declared token as a list", "token[]=x", CodeReserved},
		{"a declared odd name", ":action=file_upload", CodeNone},
		{"another declared odd name", "$filter=x", CodeNone},
		{"an odd name", ":other=file_upload", CodeName},
		{"a reserved name below an open container", "open[sudo]=1&open[some_id]=2", CodeNone},

		{"a patgate token in a value", "search=" + secret, CodeSecret},
		{"a patgate token in a value, encoded", "search=x%70atgate_0123456789abcdefghij", CodeSecret},
		{"a patgate token as a name", secret + "=1", CodeSecret},
		{"less than a token", "search=" + secret[:27], CodeNone},

		{"an identifier", "author_id=1", CodeIdentifier},
		{"an identifier as a list", "iids[]=1", CodeIdentifier},
		{"an identifier in brackets", "not[milestone_id]=1", CodeIdentifier},
		{"a container by name", "namespace[name]=1", CodeIdentifier},
		{"a declared identifier", "milestone_id=1&not[author_id]=2", CodeNone},
		{"a declared identifier as a list", "milestone_id[]=1&milestone_id[]=2", CodeNone},
		{"a refused parameter", "include_ancestor_groups=true", CodeDeclaredRefused},
		{"a refused parameter as a list", "include_ancestor_groups[]=true", CodeDeclaredRefused},

		{"the forced value", "with_shared=false", CodeNone},
		{"another than the forced value", "with_shared=true", CodeForced},
		{"the forced name without a value", "with_shared", CodeForced},
		{"the forced name as a list", "with_shared[]=false", CodeForced},

		{"a target", "to_project_id=5", CodeNone},
		{"a target by path", "to_project_id=g%2fp", CodeNone},
		{"a target with a sign", "to_project_id=%2B5", CodeReference},
		{"a target with a leading zero", "to_project_id=05", CodeReference},
		{"a target with a space", "to_project_id=+5", CodeReference},
		{"a target with an underscore", "to_project_id=1_0", CodeReference},
		{"a target with a fraction", "to_project_id=7.9", CodeReference},
		{"two ids in a target", "to_project_id=1,2", CodeReference},
		{"an empty target", "to_project_id=", CodeReference},
		{"a target without a value", "to_project_id", CodeReference},
		{"a target as a list", "to_project_id[]=5", CodeShape},
		{"a target as an object", "to_project_id[x]=5", CodeShape},
		{"a list of targets", "group_ids[]=1&group_ids[]=g%2Fh", CodeNone},
		{"a list of targets as a value", "group_ids=1", CodeShape},
		{"a list of targets, numbered", "group_ids[0]=1", CodeShape},

		{"the path's id", "id=1&project_id=1", CodeNone},
		{"the path's other capture", "issue_iid=5", CodeNone},
		{"another id than the path's", "id=2", CodePathDiffers},
		{"the path's id in another spelling", "id=01", CodePathDiffers},
		{"the path's id with a line", "project_id=1x", CodePathDiffers},
		{"a path beside the path's id", "id=g%2Fp", CodePathDiffers},
		{"another capture than the path's", "issue_iid=6", CodePathDiffers},
		{"the id of another kind", "group_id=1", CodeIdentifier},
		{"the path's id as a list", "id[]=1", CodeIdentifier},
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
		want              Code
	}{
		{"different names", "a=1", "b=1", CodeNone},
		{"the same name", "a=1", "a=1", CodePlaces},
		{"a list in one", "a=1", "a[]=1", CodePlaces},
		{"different members", "a[b]=1", "a[c]=1", CodePlaces},
		{"a longer name", "a=1", "ab=1", CodeNone},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSet(plainRow(nil), nil)
			wantCode(t, s.Query([]byte(c.query)), CodeNone)
			wantCode(t, s.Form([]byte(c.form)), c.want)
		})
	}
}

func TestFormTakesLineEnds(t *testing.T) {
	s := newSet(plainRow(nil), nil)
	wantCode(t, s.Form([]byte("description=a%0D%0Ab%09c\n")), CodeNone)
	got, err := s.AppendForm(nil)
	if err != nil || string(got) != "description=a%0D%0Ab%09c%0A" {
		t.Errorf("got %s, %v", got, err)
	}
	wantCode(t, newSet(plainRow(nil), nil).Form([]byte("description=%1b")), CodeControl)
	wantCode(t, newSet(plainRow(nil), nil).Form([]byte("a%0a=1")), CodeControl)
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
			wantCode(t, s.Query([]byte(c.query)), CodeNone)
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
	wantCode(t, newSet(plainRow(nil), nil).Query(many(MaxPairs)), CodeNone)
	wantCode(t, newSet(plainRow(nil), nil).Query(many(MaxPairs+1)), CodeTooMany)
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
	wantCode(t, s.Query([]byte("to_project_id=7&x=1&id=1")), CodeNone)
	wantCode(t, s.Resolve(1, texts("7")), CodeNone)
	s.Reset(plainRow(nil), nil)
	if got, err := s.AppendQuery(nil); err != nil || len(got) != 0 || len(s.Targets) != 0 || s.Undeclared != 0 {
		t.Errorf("still holds %s, %v", got, err)
	}
	wantCode(t, s.Query([]byte("x=1")), CodeNone)
}

// judgePairsNaively is the same judgement on a row without declarations, with the standard library's decoder, the
// documented grammar as an expression, and maps. It gives the pairs in their order.
func judgePairsNaively(raw string, body bool) (pairs [][2]string, ok bool) {
	grammar := regexp.MustCompile(`^[a-z][a-z0-9_]*(\[[a-z0-9_]*\])*$`)
	component := regexp.MustCompile(`[a-z0-9_]+`)
	control := "\x00-\x1f\x7f"
	if body {
		control = `\x00-\x08\x0b\x0c\x0e-\x1f\x7f`
	}
	controls := regexp.MustCompile("[" + control + "]")
	for _, pair := range strings.Split(raw, "&") {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		name, err1 := url.QueryUnescape(name)
		value, err2 := url.QueryUnescape(value)
		if err1 != nil || err2 != nil || !utf8.ValidString(value) || controls.MatchString(value) || !grammar.MatchString(name) ||
			strings.Contains(name, "[][]") || len(name) > MaxName || strings.Count(name, "[") > MaxDepth || holdsToken([]byte(name)) || holdsToken([]byte(value)) {
			return nil, false
		}
		for _, word := range component.FindAllString(name, -1) {
			if Reserved(word) || IdentifierLike(word) {
				return nil, false
			}
		}
		pairs = append(pairs, [2]string{name, value})
	}
	tree := map[string]any{}
	for _, p := range pairs {
		if !putNaively(tree, component.FindString(p[0]), strings.TrimLeft(p[0], "abcdefghijklmnopqrstuvwxyz0123456789_")) {
			return nil, false
		}
	}
	return pairs, len(pairs) <= MaxPairs
}

// putNaively builds the objects that a name describes and fails where two names do not fit. Elements of a list share one
// object, because only shapes are compared.
func putNaively(at map[string]any, word, rest string) bool {
	old, there := at[word]
	if rest == "" {
		if there && word != "[]" {
			return false
		}
		if there && old != nil {
			return false
		}
		at[word] = nil
		return true
	}
	if there && old == nil {
		return false
	}
	if !there {
		old = map[string]any{}
		at[word] = old
	}
	inner := old.(map[string]any)
	end := strings.IndexByte(rest, ']') + 1
	next := rest[:end]
	if next != "[]" {
		next = strings.Trim(next, "[]")
	}
	for other := range inner {
		if (other == "[]") != (next == "[]") {
			return false
		}
	}
	return putNaively(inner, next, rest[end:])
}

// insideList tells whether a name may repeat because a list stands in it: the naive tree cannot, as it merges elements.
func insideList(raw string) bool {
	name, err := url.QueryUnescape(raw)
	return err != nil || regexp.MustCompile(`\[\].*\[`).MatchString(name)
}

func checkPairs(t *testing.T, raw string, body bool) {
	t.Helper()
	s := newSet(plainRow(nil), nil)
	read, write := s.Query, s.AppendQuery
	if body {
		read, write = s.Form, s.AppendForm
	}
	err := read([]byte(raw))
	pairs, ok := judgePairsNaively(raw, body)
	if (err == nil) != ok && !insideList(raw) {
		t.Fatalf("%q: read %v, naively %v", raw, err, ok)
	}
	if err != nil {
		return
	}
	out, err := write(nil)
	if err != nil {
		t.Fatal(err)
	}
	values, err := url.ParseQuery(string(out))
	if err != nil {
		t.Fatalf("net/url does not read %s: %v", out, err)
	}
	want := url.Values{}
	for _, p := range pairs {
		want.Add(p[0], p[1])
	}
	if ok && !reflect.DeepEqual(values, want) {
		t.Fatalf("%q became %s, which reads %v", raw, out, values)
	}
	again := newSet(plainRow(nil), nil)
	read, write = again.Query, again.AppendQuery
	if body {
		read, write = again.Form, again.AppendForm
	}
	if err := read(out); err != nil {
		t.Fatalf("%s: read again: %v", out, err)
	}
	if twice, _ := write(nil); string(twice) != string(out) {
		t.Fatalf("%s written again is %s", out, twice)
	}
}

func TestRandomPairsAgreeWithTheNaiveJudgement(t *testing.T) {
	parts := []string{"a", "b", "=", "&", "[", "]", "[]", "[b]", "%", "%5B", "%5D", "+", "%20", ";", "sudo", "_id", "id", "token", "1", "%0A", "%c3%a9", "\xff", "&a=", "&b[c]="}
	r := rand.New(rand.NewPCG(1, 2))
	for range 100_000 {
		var b strings.Builder
		for range r.IntN(9) {
			b.WriteString(parts[r.IntN(len(parts))])
		}
		checkPairs(t, b.String(), r.IntN(2) == 0)
	}
}

var pairSeeds = []string{
	"", "page=1&per_page=20", "a[]=1&a[]=2", "a[b]=1&a[c]=2", "a=1& sudo=root", "[sudo]=root", "%73udo=1", "a=1&a=2", "a=%zz", "=", "&&",
	"to_project_id=5", "to_project_id=g%2Fp&id=1", "group_ids[]=1&group_ids[]=2", "with_shared=false", "x=patgate_01234567890123456789", "a;b=1", "a=b;c=d",
}

func FuzzQuery(f *testing.F) { fuzzPairs(f, false) }

func FuzzForm(f *testing.F) { fuzzPairs(f, true) }

func fuzzPairs(f *testing.F, body bool) {
	for _, seed := range pairSeeds {
		f.Add(seed)
	}
	row := plainRow(map[string]routes.ParamRule{"classifiers": routes.ParamRepeat})
	row.Targets = []routes.Target{{Param: "to_project_id", Ref: routes.RefProject}, {Param: "group_ids[]", Ref: routes.RefGroup}}
	if !body {
		row.Force = []routes.Forced{{Name: "with_shared", Value: "false"}}
	}
	f.Fuzz(func(t *testing.T, raw string) {
		checkPairs(t, raw, body)
		read := func(raw string) (*Set, error) {
			s := newSet(row, projectPath("1"))
			if body {
				return s, s.Form([]byte(raw))
			}
			return s, s.Query([]byte(raw))
		}
		s, err := read(raw)
		if err != nil {
			return
		}
		var with [][]byte
		for i := range s.Targets {
			with = append(with, strconv.AppendInt(nil, int64(1000+i), 10))
		}
		if err := s.Resolve(1, with); err != nil {
			t.Fatal(err)
		}
		write := s.AppendQuery
		if body {
			write = s.AppendForm
		}
		out, err := write(nil)
		if err != nil {
			t.Fatal(err)
		}
		again, err := read(string(out))
		if err != nil || len(again.Targets) != len(s.Targets) || again.Undeclared != s.Undeclared {
			t.Fatalf("%q became %s: %v", raw, out, err)
		}
		for i, v := range again.Targets {
			if v.Ref.ID != int64(1000+i) || v.Name != s.Targets[i].Name {
				t.Fatalf("target %d is %+v", i, v)
			}
		}
		if !body && strings.Count("&"+string(out), "&with_shared=false") != 1 {
			t.Fatalf("%s lacks what is forced", out)
		}
	})
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
	if len(codeNames) != int(CodeTable)+1 {
		t.Fatalf("%d names for %d codes", len(codeNames), CodeTable+1)
	}
	sorted := slices.Sorted(slices.Values(codeNames[:]))
	if len(slices.Compact(sorted)) != len(codeNames) {
		t.Error("two codes have one name")
	}
	if Code(200).String() != "code(200)" {
		t.Error(Code(200))
	}
}
