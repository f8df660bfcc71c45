package filter

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
)

func TestFilterRemovesNamedMembers(t *testing.T) {
	filter := NewFilter([]string{"runners_token", "secret"})
	for _, c := range []struct{ name, in, want string }{
		{"nothing", ``, ``},
		{"nothing to remove", `{"id":1,"name":"x"}`, `{"id":1,"name":"x"}`},
		{"first", `{"runners_token":"t","id":1}`, `{"id":1}`},
		{"last", `{"id":1,"runners_token":"t"}`, `{"id":1}`},
		{"the only one", `{"runners_token":"t"}`, `{}`},
		{"two in a row", `{"a":1,"runners_token":"t","secret":"s","b":2}`, `{"a":1,"b":2}`},
		{"in a list", `[{"runners_token":"t"},{"id":2,"secret":null}]`, `[{},{"id":2}]`},
		{"deep inside", `{"a":[{"b":{"runners_token":"t","c":[1]}}]}`, `{"a":[{"b":{"c":[1]}}]}`},
		{"with a value that is a container", `{"runners_token":{"a":[1,{"secret":2}]},"b":2}`, `{"b":2}`},
		{"escaped", `{"runners\u005ftoken":"t","a":1}`, `{"a":1}`},
		{"twice", `{"secret":1,"secret":2,"a":3}`, `{"a":3}`},
		{"the same text as a value", `{"a":"runners_token","b":["secret"]}`, `{"a":"runners_token","b":["secret"]}`},
		{"another name", `{"runners_token_expires_at":"x","Runners_Token":1}`, `{"runners_token_expires_at":"x","Runners_Token":1}`},
		{"spelling is kept", `{"a" : 1.50 , "b":"\u003cb\u003e\/\u00e9", "c":1E+2,"d":123456789012345678901234567890}`,
			`{"a":1.50,"b":"\u003cb\u003e\/\u00e9","c":1E+2,"d":123456789012345678901234567890}`},
		{"a scalar", ` true `, `true`},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, src := range []io.Reader{strings.NewReader(c.in), iotest.OneByteReader(strings.NewReader(c.in))} {
				var out bytes.Buffer
				if err := filter.Copy(&out, src); err != nil {
					t.Fatal(err)
				}
				if got := strings.TrimSuffix(out.String(), "\n"); got != c.want {
					t.Errorf("got %s, want %s", got, c.want)
				}
				read, err := io.ReadAll(filter.Reader(strings.NewReader(c.in)))
				if err != nil || string(read) != out.String() {
					t.Errorf("the reader gives %s, %v", read, err)
				}
			}
		})
	}
}

func TestFilterRemovesWhatIsRendered(t *testing.T) {
	filter := NewFilter([]string{"secret"}).WithoutRendered()
	const in = `{"description":"a","description_html":"b","c":[{"note\u005fhtml":1,"secret":2,"html":3,"html_url":"d","_html":4}]}`
	var out bytes.Buffer
	if err := filter.Copy(&out, strings.NewReader(in)); err != nil || out.String() != `{"description":"a","c":[{"html":3,"html_url":"d"}]}`+"\n" {
		t.Errorf("got %s, %v", out.String(), err)
	}
}

func TestFilterRefusesWhatIsNotJSON(t *testing.T) {
	filter := NewFilter([]string{"secret"})
	for _, c := range []struct{ name, in string }{
		{"text", `<html>`}, {"cut off", `{"a":1`}, {"cut off in what is removed", `{"secret":"x`}, {"cut off behind a removed name", `{"secret"`},
		{"two values", `{} {}`}, {"text behind", `{}x`}, {"a trailing comma", `[1,]`}, {"a comment", `{/**/}`}, {"invalid UTF-8", "\"\xff\""},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out bytes.Buffer
			if err := filter.Copy(&out, strings.NewReader(c.in)); !errors.Is(err, ErrIllegible) {
				t.Errorf("got %v after %s", err, out.String())
			}
			if read, err := io.ReadAll(filter.Reader(strings.NewReader(c.in))); !errors.Is(err, ErrIllegible) {
				t.Errorf("the reader gives %s, %v", read, err)
			}
		})
	}
	t.Run("the source fails", func(t *testing.T) {
		gone := errors.New("gone")
		err := filter.Copy(io.Discard, io.MultiReader(strings.NewReader(`{"a":`), iotest.ErrReader(gone)))
		if !errors.Is(err, gone) || errors.Is(err, ErrIllegible) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("the destination fails", func(t *testing.T) {
		if err := filter.Copy(closed{}, strings.NewReader(`{"a":1}`)); !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("got %v", err)
		}
	})
}

type closed struct{}

func (closed) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

// endless is a list of n objects, made as it is read.
type endless struct {
	n    int
	rest string
}

func (e *endless) Read(p []byte) (int, error) {
	if e.rest == "" {
		switch e.n--; {
		case e.n > 0:
			e.rest = `{"id":1,"secret":{"a":[1,2,3]},"name":"some project with a name","runners_token":"0123456789"},`
		case e.n == 0:
			e.rest = `{}]`
		default:
			return 0, io.EOF
		}
	}
	n := copy(p, e.rest)
	e.rest = e.rest[n:]
	return n, nil
}

func TestFilterNeedsLittleMemoryForLargeLists(t *testing.T) {
	filter := NewFilter([]string{"secret", "runners_token"})
	for name, run := range map[string]func() error{
		"Copy": func() error { return filter.Copy(io.Discard, &endless{n: 200_000, rest: "["}) },
		"Reader": func() error {
			_, err := io.Copy(io.Discard, filter.Reader(&endless{n: 200_000, rest: "["}))
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			if err := run(); err != nil {
				t.Fatal(err)
			}
			runtime.ReadMemStats(&after)
			if used := after.TotalAlloc - before.TotalAlloc; used > 1<<20 {
				t.Errorf("allocated %d bytes for an answer of 20 MB", used)
			}
		})
	}
}

// removeNaively does the same with the standard library's values.
func removeNaively(v any, names []string) any {
	switch v := v.(type) {
	case map[string]any:
		for _, n := range names {
			delete(v, n)
		}
		for k := range v {
			v[k] = removeNaively(v[k], names)
		}
	case []any:
		for i := range v {
			v[i] = removeNaively(v[i], names)
		}
	}
	return v
}

func FuzzFilter(f *testing.F) {
	for _, seed := range []string{
		``, `{}`, `[]`, `{"secret":1}`, `{"a":{"secret":[{}]},"b":2}`, `[{"secret":"x"},1,null]`, `{"s\u0065cret":1}`, `{"secret"`, `{"a":1}{}`, `{"a":"secret"}`, ` `,
	} {
		f.Add([]byte(seed))
	}
	names := []string{"secret", "a"}
	f.Fuzz(func(t *testing.T, in []byte) {
		var out bytes.Buffer
		if err := NewFilter(names).Copy(&out, bytes.NewReader(in)); err != nil {
			return
		}
		if out.Len() == 0 {
			if len(bytes.TrimSpace(in)) != 0 {
				t.Fatalf("%q became nothing", in)
			}
			return
		}
		decode := func(text []byte) (v any) {
			dec := json.NewDecoder(bytes.NewReader(text))
			dec.UseNumber()
			if err := dec.Decode(&v); err != nil {
				t.Fatalf("%q: %v", text, err)
			}
			return v
		}
		if got, want := decode(out.Bytes()), removeNaively(decode(in), names); !reflect.DeepEqual(got, want) {
			t.Fatalf("%q became %q", in, out.Bytes())
		}
	})
}

func BenchmarkFilter(b *testing.B) {
	one := `{"id":1,"runners_token":"x","name":"some project","namespace":{"id":2,"path":"g"},"_links":{"self":"https://forge/api/v4/projects/1"}},`
	in := []byte("[" + strings.Repeat(one, 100) + "{}]")
	filter := NewFilter([]string{"runners_token"})
	b.SetBytes(int64(len(in)))
	for b.Loop() {
		if err := filter.Copy(io.Discard, bytes.NewReader(in)); err != nil {
			b.Fatal(err)
		}
	}
}
