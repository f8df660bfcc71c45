package filter

import (
	"bytes"
	"encoding/json"
	"io"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

var addressFields = []string{"clone_url", "_links.*", ".url", "repo.url", "sources.url"}

func TestAddresses(t *testing.T) {
	f := NewFilter([]string{"secret"}).WithAddresses(NewAddresses(addressFields, forgeHosts, ours))
	const at, to = "https://gitlab.example.com", ours
	for _, c := range []struct{ name, in, out string }{
		{"a member by its name", `{"clone_url":"` + at + `/a.git"}`, `{"clone_url":"` + to + `/a.git"}`},
		{"at any depth", `[{"a":{"b":[{"clone_url":"` + at + `/a.git"}]}}]`, `[{"a":{"b":[{"clone_url":"` + to + `/a.git"}]}}]`},
		{"all members of an object", `{"_links":{"self":"` + at + `/1","x":"` + at + `/2"}}`, `{"_links":{"self":"` + to + `/1","x":"` +
			to + `/2"}}`},
		{"of the answer itself", `{"url":"` + at + `/1"}`, `{"url":"` + to + `/1"}`},
		{"of the list that it is", `[{"url":"` + at + `/1"},{"url":"` + at + `/2"}]`, `[{"url":"` + to + `/1"},{"url":"` + to + `/2"}]`},
		{"of what stands in a list", `{"assets":{"sources":[{"url":"` + at + `/1"}]}}`, `{"assets":{"sources":[{"url":"` + to + `/1"}]}}`},
		{"in another one's object", `{"head":{"url":"` + at + `/1","repo":{"url":"` + at + `/2"}}}`, `{"head":{"url":"` + at +
			`/1","repo":{"url":"` + to + `/2"}}}`},
		{"below such an object", `{"repo":{"owner":{"url":"` + at + `/1"},"url":"` + at + `/2"}}`, `{"repo":{"owner":{"url":"` + at +
			`/1"},"url":"` + to + `/2"}}`},
		{"behind a list that ended", `{"repo":{"a":[{}],"url":"` + at + `/2"}}`, `{"repo":{"a":[{}],"url":"` + to + `/2"}}`},
		{"an origin alone", `{"clone_url":"` + at + `"}`, `{"clone_url":"` + to + `"}`},
		{"plain http, any case", `{"clone_url":"HTTP://GitLab.Example.com:80/A"}`, `{"clone_url":"` + to + `/A"}`},
		{"another origin of the forge", `{"clone_url":"http://10.0.0.7:8080?x#y"}`, `{"clone_url":"` + to + `?x#y"}`},
		{"escaped slashes", `{"clone_url":"https:\/\/gitlab.example.com\/a"}`, `{"clone_url":"` + to + `/a"}`},
		{"escaped as numbers", `{"clone\u005furl":"\u0068ttps:\u002f\u002fgitlab.example\u002ecom\u002Fa"}`, `{"clone\u005furl":"` + to +
			`/a"}`},
		{"beside what is removed", `{"secret":{"clone_url":"x"},"clone_url":"` + at + `/1"}`, `{"clone_url":"` + to + `/1"}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, src := range []io.Reader{strings.NewReader(c.in), iotest.OneByteReader(strings.NewReader(c.in))} {
				var out bytes.Buffer
				if err := f.Copy(&out, src); err != nil || strings.TrimSpace(out.String()) != c.out {
					t.Errorf("got %s (%v), want %s", out.String(), err, c.out)
				}
			}
		})
	}
	for _, same := range []string{
		`{"web_url":"` + at + `/a"}`, `{"a":{"url":"` + at + `/a"}}`, `{"_links":{"a":{"self":"` + at + `/a"}}}`, `{"clone_url":["` + at +
			`/a"]}`,
		`{"clone_url":"see ` + at + `/a"}`, `{"clone_url":" ` + at + `/a"}`, `{"clone_url":"git@gitlab.example.com:a.git"}`,
		`{"clone_url":"ssh://gitlab.example.com/a.git"}`, `{"clone_url":"//gitlab.example.com/a.git"}`, `{"clone_url":"/a.git"}`,
		`{"clone_url":"https://gitlab.example.com.evil/"}`, `{"clone_url":"https://gitlab.example.com@evil/"}`,
		`{"clone_url":"https://gitlab.example.com\\@evil/"}`, `{"clone_url":"https://a:b@gitlab.example.com/"}`,
		`{"clone_url":"https://gitlab.example.com:8443/"}`, `{"clone_url":"https://gitlab.example.com:/"}`,
		`{"clone_url":"https:/gitlab.example.com/"}`,
		`{"clone_url":"https:\/\/other.example\/\u0061"}`, `{"clone_url":"https"}`, `{"clone_url":"https:"}`, `{"clone_url":":"}`,
		`{"clone_url":""}`,
		`{"clone_url":"xhttps://gitlab.example.com/"}`, `{"clone_url":null}`, `{"clone_url":1}`, `"` + at + `/a"`, `{"` + at +
			`":"clone_url"}`,
	} {
		var out bytes.Buffer
		if err := f.Copy(&out, strings.NewReader(same)); err != nil || strings.TrimSpace(out.String()) != same {
			t.Errorf("%s became %s (%v)", same, out.String(), err)
		}
	}
}

// TestAddressesBelowAPath: a forge that lies under a path, beside something else on the same host.
func TestAddressesBelowAPath(t *testing.T) {
	f := NewFilter(nil).WithAddresses(NewAddresses([]string{"u"}, []string{"host.example/git", "host.example/a/b"}, ours+"/p"))
	for in, out := range map[string]string{
		"https://host.example/git/x": ours + "/p/x", "https://host.example/git": ours + "/p", "https://HOST.example/git?x": ours + "/p?x",
		"http://host.example/a/b/c":   ours + "/p/c",
		"https://host.example/gitx/x": "", "https://host.example/": "", "https://host.example": "", "https://host.example/GIT/x": "",
		"https://host.example/a/x": "",
	} {
		if out == "" {
			out = in
		}
		var got bytes.Buffer
		if err := f.Copy(&got, strings.NewReader(`{"u":"`+in+`"}`)); err != nil || strings.TrimSpace(got.String()) != `{"u":"`+out+`"}` {
			t.Errorf("%s became %s (%v), want %s", in, got.String(), err, out)
		}
	}
}

// leadNaively does the same with the values of encoding/json and the addresses of net/url.
func leadNaively(v any, parent string) any {
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = leadNaively(v[i], parent)
		}
	case map[string]any:
		for name, value := range v {
			text, is := value.(string)
			named := slices.ContainsFunc(addressFields, func(f string) bool {
				return f == name || f == parent+"."+name || f == parent+".*"
			})
			if is && named {
				v[name] = ledNaively(text)
			} else if !is {
				v[name] = leadNaively(value, name)
			}
		}
	}
	return v
}

// ledNaively gives where an address leads now.
func ledNaively(text string) string {
	for _, scheme := range []string{"https://", "http://"} {
		if len(text) < len(scheme) || !strings.EqualFold(text[:len(scheme)], scheme) {
			continue
		}
		for _, host := range forgeHosts {
			for _, end := range []string{"", "/", "?", "#"} {
				prefix := scheme + host + end
				if len(text) >= len(prefix) && strings.EqualFold(text[:len(prefix)], prefix) && (end != "" || len(text) == len(prefix)) {
					return ours + text[len(scheme+host):]
				}
			}
		}
	}
	return text
}

func FuzzAddresses(f *testing.F) {
	for _, seed := range []string{
		``, `{}`, `[]`, `{"clone_url":"https://gitlab.example.com/a"}`, `[{"url":"http:\/\/10.0.0.7:8080\/"}]`,
		`{"repo":[[{"url":"https://gitlab.example.com"}]]}`,
		`{"_links":{"a":{"b":1},"c":"https://gitlab.example.com\u002fx"}}`, `{"":{"url":"https://gitlab.example.com:443/"}}`,
		`{"clone_url":"https://gitlab.example.com\\@x/"}`,
		`{"a":"https://gitlab.example.com/a"}`, `{"clone_url":"https://gitlab.example.com.evil/"}`,
		`{"repo":{"repo":{"url":"https://gitlab.example.com?"}},"url":""}`,
	} {
		f.Add([]byte(seed))
	}
	filter := NewFilter(nil).WithAddresses(NewAddresses(addressFields, forgeHosts, ours))
	f.Fuzz(func(t *testing.T, in []byte) {
		var out bytes.Buffer
		if err := filter.Copy(&out, bytes.NewReader(in)); err != nil || out.Len() == 0 {
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
		if got, want := decode(out.Bytes()), leadNaively(decode(in), ""); !reflect.DeepEqual(got, want) {
			t.Fatalf("%q became %q", in, out.Bytes())
		}
		every := func(v any) { // what leads to patgate has its authority for every reader
			text, _ := v.(string)
			if u, err := url.Parse(text); err == nil && strings.HasPrefix(text, ours) && !strings.Contains(string(in), ours) &&
				u.Host != strings.TrimPrefix(ours, "https://") {
				t.Fatalf("%q leads to %q", text, u.Host)
			}
		}
		walk(decode(out.Bytes()), every)
	})
}

// walk visits every value.
func walk(v any, visit func(any)) {
	visit(v)
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			walk(e, visit)
		}
	case map[string]any:
		for _, e := range v {
			walk(e, visit)
		}
	}
}

func BenchmarkAddresses(b *testing.B) {
	one := `{"id":1,"name":"some project","namespace":{"id":2,"path":"g"},"clone_url":"https://gitlab.example.com/g/p.git","_links":{"self":"https://gitlab.example.com/api/v4/projects/1"}},`
	in := []byte("[" + strings.Repeat(one, 100) + "{}]")
	filter := NewFilter(nil).WithAddresses(NewAddresses(addressFields, forgeHosts, ours))
	b.SetBytes(int64(len(in)))
	for b.Loop() {
		if err := filter.Copy(io.Discard, bytes.NewReader(in)); err != nil {
			b.Fatal(err)
		}
	}
}
