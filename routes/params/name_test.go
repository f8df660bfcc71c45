package params

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
			got, _, ok := appendCanonical(nil, []byte(c.sent))
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
		_, _, ok := appendCanonical(nil, []byte(prefix))
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
			if conflicting([]byte(c.a), []byte(c.b)) != c.want || conflicting([]byte(c.b), []byte(c.a)) != c.want {
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
			if sameButShape([]byte(c.a), c.b) != c.want {
				t.Errorf("want %v", c.want)
			}
		})
	}
}

func TestCutLast(t *testing.T) {
	for name, want := range map[string]string{"a": "", "a[]": "a", "a.b": "a", "a[].b": "a[]", "a.b[]": "a.b", "a[][]": "a[]"} {
		if got := string(cutLast([]byte(name))); got != want {
			t.Errorf("%s without its last component is %q, want %q", name, got, want)
		}
	}
}

func TestIdentifierLike(t *testing.T) {
	for _, name := range []string{
		"id", "ids", "iid", "iids[]", "project_id", "to_project_id", "path", "file_path", "namespace", "target_namespace",
		"project", "group", "user", "owner", "url", "import_url", "redirect_uri", "key_id", "page_id", "api_token",
		"entities[].destination_namespace", "not.author_id", "projectId", "toProjectID", "IDs", "project-id", "groups[].name",
		"skip_groups", "a.b.c_id", "organization_id",
	} {
		t.Run("caught "+name, func(t *testing.T) {
			if !IdentifierLike(name) {
				t.Error("passed")
			}
		})
	}
	for _, name := range []string{
		"search", "order_by", "state", "sort", "page", "per_page", "ref", "name", "title", "description", "cursor",
		"pagination", "id_after", "id_before", "owned", "membership", "page_token", "paid", "valid", "uuid", "grid",
		"labels", "scope", "status", "sha", "username", "author_username", "visibility", "with_custom_attributes", "",
	} {
		t.Run("left alone "+name, func(t *testing.T) {
			if IdentifierLike(name) {
				t.Error("caught")
			}
		})
	}
}

func TestReserved(t *testing.T) {
	for _, name := range []string{"private_token", "sudo", "_method", "a.sudo", "a[].access_token", "token", "format", "go-get"} {
		if !Reserved(name) {
			t.Errorf("%s is not reserved", name)
		}
	}
	for _, name := range []string{"page_token", "method", "json", "formats", "a.tokens"} {
		if Reserved(name) {
			t.Errorf("%s is reserved", name)
		}
	}
}

func TestHoldsToken(t *testing.T) {
	secret := "patgate_" + strings.Repeat("aZ0_", 5)
	for text, want := range map[string]bool{
		secret: true, "x " + secret + " y": true, "patgate_patgate_" + strings.Repeat("a", 12): true,
		secret[:27]: false, "patgate_": false, "": false, "Patgate_" + strings.Repeat("a", 20): false,
		"patgate_aaaa-" + strings.Repeat("a", 20): false, "patgate_short " + secret: true,
	} {
		if holdsToken([]byte(text)) != want {
			t.Errorf("%q: want %v", text, want)
		}
	}
}
