package filter

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/go-json-experiment/json/jsontext"
)

func entriesOf(t *testing.T, e Entries, src io.Reader) ([]string, error) {
	t.Helper()
	out := []string{}
	err := e.Each(src, func(entry jsontext.Value) error {
		out = append(out, string(entry))
		return nil
	})
	return out, err
}

func TestEntriesAreReadOneByOne(t *testing.T) {
	for _, c := range []struct{ name, at, in, want string }{
		{"none", "", `[]`, ""},
		{"some", "", ` [ {"id":1} , {"id":2,"a":[1,{"b":2}]},null,3 ] `, `{"id":1}|{"id":2,"a":[1,{"b":2}]}|null|3`},
		{"names that stand twice", "", `[{"id":1,"id":2}]`, `{"id":1,"id":2}`},
		{"below a key", "data", `{"ok":true,"data":[{"id":1}],"more":{"data":[2]}}`, `{"id":1}`},
		{"below a key that is escaped", "data", `{"d\u0061ta":[1]}`, `1`},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, src := range []io.Reader{strings.NewReader(c.in), iotest.OneByteReader(strings.NewReader(c.in))} {
				got, err := entriesOf(t, Entries{At: c.at, Most: 100}, src)
				if err != nil || strings.Join(got, "|") != c.want {
					t.Errorf("got %q, %v", got, err)
				}
			}
		})
	}
}

func TestEntriesRefuseWhatIsNoList(t *testing.T) {
	for _, c := range []struct{ name, at, in string }{
		{"nothing", "", ``}, {"an object", "", `{"id":1}`}, {"a null", "", `null`}, {"a text", "", `"[]"`}, {"markup", "", `<html>`},
		{"cut off", "", `[{"id":1}`}, {"cut off in an entry", "", `[{"id":`}, {"text behind", "", `[]x`}, {"two lists", "", `[][]`},
		{"a comma too many", "", `[1,]`}, {"invalid UTF-8", "", "[\"\xff\"]"}, {"a list instead of an object", "data", `[1]`},
		{"an object without its list", "data", `{"ok":true}`}, {"a list that is none", "data", `{"data":{}}`},
		{"a list that stands twice", "data", `{"data":[1],"d\u0061ta":[2]}`}, {"an object that is cut off", "data", `{"data":[1]`},
		{"an entry that is too long", "", `["` + strings.Repeat("a", 101) + `"]`},
		{"an entry that is far too long", "", `["` + strings.Repeat("a", 1<<20) + `"]`},
		{"a value beside the list that is far too long", "data", `{"x":"` + strings.Repeat("a", 1<<20) + `","data":[]}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got, err := entriesOf(t, Entries{At: c.at, Most: 100}, strings.NewReader(c.in)); !errors.Is(err, ErrIllegible) {
				t.Errorf("got %.100q, %v", got, err)
			}
		})
	}
	t.Run("the source fails", func(t *testing.T) {
		gone := errors.New("gone")
		_, err := entriesOf(t, Entries{Most: 100}, io.MultiReader(strings.NewReader(`[1,`), iotest.ErrReader(gone)))
		if !errors.Is(err, gone) || errors.Is(err, ErrIllegible) {
			t.Errorf("got %v", err)
		}
	})
}

func TestEntriesNeedLittleMemory(t *testing.T) {
	one := `{"id":1,"name":"some project with a name"},`
	long := io.MultiReader(strings.NewReader("["), &repeated{text: one, left: 200_000}, strings.NewReader("{}]"))
	n := 0
	if err := (Entries{Most: 1 << 10}).Each(long, func(jsontext.Value) error { n++; return nil }); err != nil || n != 200_001 {
		t.Errorf("%d entries, %v", n, err)
	}
}

// repeated is a text, many times.
type repeated struct {
	text, rest string
	left       int
}

func (r *repeated) Read(p []byte) (int, error) {
	if r.rest == "" {
		if r.left == 0 {
			return 0, io.EOF
		}
		r.left, r.rest = r.left-1, r.text
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

func TestMembers(t *testing.T) {
	const object = `{"id":7,"n":null,"namespace":{"id":8,"a.b":1},"id_":9,"text":"x","id\u0032":10}`
	for path, want := range map[string]string{"id": "7", "namespace.id": "8", "n": "", "none": "", "namespace.none": "", "text": `"x"`,
		"text.id": "", "namespace": `{"id":8,"a.b":1}`, "id2": "10", "n.id": ""} {
		if got := string(Member(jsontext.Value(object), path)); got != want {
			t.Errorf("%s is %q, want %q", path, got, want)
		}
	}
	for text, want := range map[string]int64{"1": 1, "9223372036854775807": 9223372036854775807, "0": 0, "-1": 0, "1.0": 0, "1e3": 0,
		`"1"`: 0,
		"":    0, "9223372036854775808": 0, "[1]": 0, "true": 0} {
		if id, ok := ID(jsontext.Value(text)); ok != (want != 0) || ok && id != want {
			t.Errorf("%s is %d, %v", text, id, ok)
		}
	}
	for text, want := range map[string]bool{`{"a":1}`: true, `{"a":1,"a":1}`: false, `{"a":{"b":1,"\u0062":2}}`: false,
		`{"a":[{"b":1,"b":1}]}`: false,
		`[]`:                    false, `1`: false} {
		if Unambiguous(jsontext.Value(text)) != want {
			t.Errorf("%s is unambiguous: %v", text, !want)
		}
	}
}

// FuzzEntries compares with the standard library: the same entries of what both read, and the same ids in them.
func FuzzEntries(f *testing.F) {
	for _, seed := range []string{`[]`, `[{"id":1},{"id":"x"}]`, `[{"a":{"id":3}}]`, `{"id":1}`, `[1,2`, `[{"id":1,"id":2}]`,
		`[{"\u0069d":5}]`, ` [ {} ]`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		var got []jsontext.Value
		err := Entries{Most: 1 << 20}.Each(bytes.NewReader(in), func(entry jsontext.Value) error {
			got = append(got, entry.Clone())
			return nil
		})
		if err != nil {
			return // stricter than the library: invalid UTF-8
		}
		var want []json.RawMessage
		if err := json.Unmarshal(in, &want); err != nil || len(got) != len(want) {
			t.Fatalf("%q has %d entries, %d are read (%v)", in, len(want), len(got), err)
		}
		for i := range want {
			if !bytes.Equal(got[i], want[i]) {
				t.Fatalf("entry %d of %q is %q", i, in, got[i])
			}
			if !Unambiguous(got[i]) {
				continue
			}
			var object map[string]json.RawMessage
			if json.Unmarshal(want[i], &object) != nil {
				t.Fatalf("%q is no object", want[i])
			}
			var id int64
			if json.Unmarshal(object["id"], &id) != nil || id <= 0 {
				id = 0
			}
			if read, ok := ID(Member(got[i], "id")); ok != (id > 0) || ok && read != id {
				t.Fatalf("the id of %q is %d, want %d", want[i], read, id)
			}
		}
	})
}
