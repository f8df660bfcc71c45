package params

import (
	"math/rand/v2"
	"net/url"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"patgate/routes"
	"patgate/routes/params/refusal"
)

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
			strings.Contains(name, "[][]") || len(name) > MaxName || strings.Count(name, "[") > MaxDepth ||
			refusal.HoldsToken([]byte(name)) || refusal.HoldsToken([]byte(value)) {
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
	parts := []string{"a", "b", "=", "&", "[", "]", "[]", "[b]", "%", "%5B", "%5D", "+", "%20", ";", "sudo", "_id", "id", "token", "1",
		"%0A", "%c3%a9", "\xff", "&a=", "&b[c]="}
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
	"to_project_id=5", "to_project_id=g%2Fp&id=1", "group_ids[]=1&group_ids[]=2", "with_shared=false", "x=patgate_01234567890123456789",
	"a;b=1", "a=b;c=d",
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
