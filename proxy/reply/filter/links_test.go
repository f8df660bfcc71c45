package filter

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"
)

var forgeHosts = []string{"gitlab.example.com", "gitlab.example.com:443", "gitlab.example.com:80", "10.0.0.7:8080"}

const ours = "https://patgate.test:8443"

func TestLinks(t *testing.T) {
	l := NewLinks(forgeHosts, []byte(ours))
	for _, c := range []struct{ name, in, out string }{
		{"an address", "https://gitlab.example.com/api/v4", ours + "/api/v4"},
		{"an origin alone", "https://gitlab.example.com", ours},
		{"plain http", "http://gitlab.example.com/a", ours + "/a"},
		{"letters of any case", "HTTPS://GitLab.Example.com/a", ours + "/a"},
		{"the scheme's own port", "https://gitlab.example.com:443/a", ours + "/a"},
		{"a second origin", "http://10.0.0.7:8080/a", ours + "/a"},
		{"HTML", `<a href="https://gitlab.example.com/x#sha256=1">x</a>`, `<a href="` + ours + `/x#sha256=1">x</a>`},
		{"XML", `<s xml:base='https://gitlab.example.com/v2'/>`, `<s xml:base='` + ours + `/v2'/>`},
		{"YAML", "urls:\n- https://gitlab.example.com/c.tgz\n", "urls:\n- " + ours + "/c.tgz\n"},
		{"the end of a sentence", "see https://gitlab.example.com.", "see " + ours + "."},
		{"several", "https://gitlab.example.com/a https://gitlab.example.com/b", ours + "/a " + ours + "/b"},
		{"behind another address", "ftp://x https://other.example https://gitlab.example.com/b", "ftp://x https://other.example " + ours +
			"/b"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := string(l.Append(nil, []byte(c.in))); got != c.out {
				t.Errorf("%q became %q, want %q", c.in, got, c.out)
			}
		})
	}
	for _, same := range []string{
		"", "no address", "://", "https://", "https://gitlab.example.com.evil.example/", "https://gitlab.example.com:8443/",
		"https://gitlab.example.community/",
		"https://gitlab.example.com+x@evil.example/", "https://gitlab.example.com~x/", "https://gitlab.example.com.@evil.example/",
		"https://gitlab.example.com@evil.example/", "https://gitlab.example.com-x.example/", "https://x.gitlab.example.com/",
		"ssh://gitlab.example.com/x",
	} {
		if got := string(l.Append(nil, []byte(same))); got != same {
			t.Errorf("%q became %q", same, got)
		}
	}
}

// TestLinksBelowAPath: a forge that lies under a path, beside something else on the same host.
func TestLinksBelowAPath(t *testing.T) {
	l := NewLinks([]string{"Host.example/gitlab", "host.example:443/gitlab", "host.example/a/B"}, []byte(ours+"/p"))
	for in, out := range map[string]string{
		"https://host.example/gitlab/x": "/p/x", "see https://HOST.example/gitlab.": "/p.", "(http://host.example/gitlab)": "/p)",
		"https://host.example:443/gitlab?a=b": "/p?a=b", "<https://host.example/a/B/c>": "/p/c>", "https://host.example/gitlab...": "/p...",
		"https://host.example/gitlab&quot;": "/p&quot;", "*https://host.example/gitlab*": "/p*",
	} {
		if got := string(l.Append(nil, []byte(in))); !strings.HasSuffix(got, ours+out) {
			t.Errorf("%s became %s", in, got)
		}
	}
	for _, same := range []string{
		"", "/", "/gitlab~x", "/gitlab+x", "/gitlab-x", "/gitlab_x", "/gitlab2", "/gitlab%32", "/gitlab.git", "/gitlab.~x", "/gitlab._x",
		"/gitlab=x", "/gitlab$x",
		"/gitlab:x", "/gitlab@x", "/gitlab\u00e9", "/GITLAB/x", "/GitLab", "/a/b/c", "/A/B", "/x/gitlab", "+x/gitlab", "~/gitlab",
	} {
		for _, scheme := range []string{"https://", "http://"} {
			in := scheme + "host.example" + same
			if got := string(l.Append(nil, []byte(in))); got != in {
				t.Errorf("%s became %s", in, got)
			}
		}
	}
}

// TestLinksInPieces: however a text arrives, it comes out as it would in one piece.
func TestLinksInPieces(t *testing.T) {
	l := NewLinks(forgeHosts, []byte(ours))
	rng := rand.New(rand.NewPCG(1, 2))
	words := []string{"https://", "http://", "gitlab.example.com", "10.0.0.7:8080", ":443", "/", ".", "x", "@", "\"", ":",
		strings.Repeat("y", 9000), "https://gitlab.example.com/"}
	for range 400 {
		var text strings.Builder
		for range rng.IntN(30) {
			text.WriteString(words[rng.IntN(len(words))])
		}
		want := string(l.Append(nil, []byte(text.String())))
		for name, copied := range map[string]func() (string, error){
			"a byte at a time": func() (string, error) {
				var out bytes.Buffer
				err := l.Copy(&out, iotest.OneByteReader(strings.NewReader(text.String())))
				return out.String(), err
			},
			"at once": func() (string, error) {
				var out bytes.Buffer
				err := l.Copy(&out, iotest.DataErrReader(strings.NewReader(text.String())))
				return out.String(), err
			},
		} {
			if got, err := copied(); err != nil || got != want {
				t.Fatalf("%s: %v\n%.200q\nbecame\n%.200q\nwant\n%.200q", name, err, text.String(), got, want)
			}
		}
	}
}

func TestLinksInJSON(t *testing.T) {
	f := NewFilter(nil).WithLinks(NewLinks(forgeHosts, []byte(ours)))
	for in, out := range map[string]string{
		`{"dist":{"tarball":"https://gitlab.example.com/a.tgz"},"n":1.50}`: `{"dist":{"tarball":"` + ours + `/a.tgz"},"n":1.50}`,
		`["https:\/\/gitlab.example.com\/a"]`:                              `["` + ours + `/a"]`,
		`["\u0068ttps://gitlab.example\u002ecom/a"]`:                       `["` + ours + `/a"]`,
		`["caf\u00e9 \/ other"]`:                                           `["caf\u00e9 \/ other"]`,
	} {
		var got bytes.Buffer
		if err := f.Copy(&got, strings.NewReader(in)); err != nil || strings.TrimSpace(got.String()) != out {
			t.Errorf("%s became %s (%v), want %s", in, got.String(), err, out)
		}
	}
	if err := f.Copy(&bytes.Buffer{}, strings.NewReader(`<html>`)); !errors.Is(err, ErrIllegible) {
		t.Error("what is no JSON passed:", err)
	}
}

func TestLinksTellWhoFailed(t *testing.T) {
	l := NewLinks(forgeHosts, []byte(ours))
	broken := fmt.Errorf("broken")
	if err := l.Copy(&bytes.Buffer{}, iotest.ErrReader(broken)); !errors.Is(err, broken) {
		t.Error(err)
	}
}
