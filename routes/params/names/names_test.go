package names

import (
	"regexp"
	"strings"
	"testing"
)

func TestCanonicalNames(t *testing.T) {
	for _, c := range []struct{ sent, want string }{
		{"a", "a"}, {"per_page", "per_page"}, {"a2", "a2"},
		{"a[]", "a[]"}, {"a[b]", "a.b"}, {"a[b][]", "a.b[]"}, {"a[][b]", "a[].b"}, {"a[0][b]", "a.0.b"},
		{"not[author_id]", "not.author_id"},
		{"", ""}, {"A", ""}, {"1a", ""}, {"_a", ""}, {" a", ""}, {"a ", ""}, {"[a]", ""}, {"a]", ""}, {"]a", ""},
		{"a[", ""}, {"a[b", ""}, {"a[b]c", ""}, {"a[[b]]", ""}, {"a[b]]", ""}, {"a[B]", ""}, {"a[][]", ""}, {"a.b", ""},
		{"a-b", ""}, {"a;b", ""}, {"a\x00", ""}, {"ä", ""},
	} {
		t.Run(c.sent, func(t *testing.T) {
			got, _, ok := AppendCanonical(nil, []byte(c.sent))
			if ok != (c.want != "") || ok && string(got) != c.want {
				t.Errorf("got %q, %v", got, ok)
			}
		})
	}
}

// The grammar as it is written down, against the reader that is used.
func TestTheGrammarIsTheDocumentedOne(t *testing.T) {
	grammar := regexp.MustCompile(`^[a-z][a-z0-9_]*(\[[a-z0-9_]*\])*$`)
	alphabet := "a_0[]A. "
	var all func(prefix string, n int)
	all = func(prefix string, n int) {
		_, _, ok := AppendCanonical(nil, []byte(prefix))
		if want := grammar.MatchString(prefix) && !strings.Contains(prefix, "[][]"); ok != want {
			t.Fatalf("%q: read %v, documented %v", prefix, ok, want)
		}
		if n == 0 {
			return
		}
		for _, c := range alphabet {
			all(prefix+string(c), n-1)
		}
	}
	all("", 6)
}

func TestConflictingShapes(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"a", "a[]", true}, {"a", "a.b", true}, {"a[]", "a.b", true}, {"a[]", "a[].b", true}, {"a.b", "a.b.c", true},
		{"a.b[]", "a.b.c", true}, {"a[].b", "a[].b[]", true},
		{"a.b", "a.c", false}, {"a[].b", "a[].c", false}, {"a.bb", "a.b", false}, {"a.b[].c", "a.b[].d", false},
	} {
		t.Run(c.a+" and "+c.b, func(t *testing.T) {
			if Conflicting([]byte(c.a), []byte(c.b)) != c.want || Conflicting([]byte(c.b), []byte(c.a)) != c.want {
				t.Errorf("want %v", c.want)
			}
		})
	}
}

func TestSameButShape(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"a.b", "a[].b", true}, {"a.0.b", "a[].b", true}, {"a[]", "a", true}, {"a[][].b", "a.b", true}, {"a.0", "a", true},
		{"a.b", "a.c", false}, {"ab", "a.b", false}, {"a.0x.b", "a.b", false}, {"a", "a.b", false},
	} {
		t.Run(c.a+" and "+c.b, func(t *testing.T) {
			if SameButShape([]byte(c.a), c.b) != c.want {
				t.Errorf("want %v", c.want)
			}
		})
	}
}

func TestCutLast(t *testing.T) {
	for name, want := range map[string]string{"a": "", "a[]": "a", "a.b": "a", "a[].b": "a[]", "a.b[]": "a.b", "a[][]": "a[]"} {
		if got := string(CutLast([]byte(name))); got != want {
			t.Errorf("%s without its last component is %q, want %q", name, got, want)
		}
	}
}
