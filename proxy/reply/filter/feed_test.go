package filter

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func TestFeedLosesWhatIsRendered(t *testing.T) {
	const head = `<?xml version="1.0" encoding="UTF-8"?>` + "\n" + `<feed xmlns="http://www.w3.org/2005/Atom">`
	for _, c := range []struct{ name, in, want string }{
		{"nothing to remove", `<entry><title>A &amp; B</title><link href="x" type="text/html"/><content>plain</content></entry>`,
			`<entry><title>A &amp; B</title><link href="x" type="text/html"/><content>plain</content></entry>`},
		{"html", `<entry><content type="html">&lt;a title="secret"&gt;</content><id>1</id></entry>`, `<entry><id>1</id></entry>`},
		{"xhtml", `<summary type='xhtml'><div><p>x</p><p/>secret</div></summary><id>1</id>`, `<id>1</id>`},
		{"nested in its like", `<content type="html"><content type="html">secret</content>secret</content>x`, `x`},
		{"a media type", `<content type="text/HTML; charset=utf-8">secret</content>x`, `x`},
		{"empty", `<content type="html"/><id>1</id>`, `<id>1</id>`},
		{"an escaped type", `<content type="&#104;tml">secret</content><id>1</id>`, `<id>1</id>`},
		{"a prefix", `<a:content xmlns:a="http://www.w3.org/2005/Atom" a:type="html">secret</a:content><id>1</id>`, `<id>1</id>`},
		{"a section", `<content type="html"><![CDATA[</content>secret]]></content><id><![CDATA[<content type="html">]]></id>`,
			`<id><![CDATA[<content type="html">]]></id>`},
		{"a comment", `<content type="html"><!-- </content> secret --></content><!-- x -->`, `<!-- x -->`},
	} {
		t.Run(c.name, func(t *testing.T) {
			in, want := head+c.in+"</feed>\n", head+c.want+"</feed>\n"
			for _, src := range []io.Reader{strings.NewReader(in), iotest.OneByteReader(strings.NewReader(in))} {
				var out bytes.Buffer
				if err := (Feed{}).Copy(&out, src); err != nil || out.String() != want {
					t.Errorf("got %s, %v, want %s", out.String(), err, want)
				}
			}
		})
	}
}

func TestFeedThatCannotBeRead(t *testing.T) {
	for name, in := range map[string]string{
		"cut off":          `<feed><content type="html">x`,
		"crossed elements": `<feed><content type="html"></feed></content>`,
		"HTML":             `<p>x<br></p>`,
		"an open quote":    `<feed a="x>`,
		"another charset":  `<?xml version="1.0" encoding="UTF-7"?><feed/>`,
	} {
		t.Run(name, func(t *testing.T) {
			if err := (Feed{}).Copy(io.Discard, strings.NewReader(in)); !errors.Is(err, ErrIllegible) {
				t.Errorf("%v", err)
			}
		})
	}
	gone := errors.New("gone")
	if err := (Feed{}).Copy(io.Discard, io.MultiReader(strings.NewReader("<feed>"), iotest.ErrReader(gone))); !errors.Is(err, gone) || errors.Is(err, ErrIllegible) {
		t.Errorf("a forge that breaks off: %v", err)
	}
	if err := (Feed{}).Copy(brokenWriter{gone}, strings.NewReader("<feed/>")); !errors.Is(err, gone) {
		t.Errorf("a client that is gone: %v", err)
	}
}

// brokenWriter fails.
type brokenWriter struct{ err error }

func (b brokenWriter) Write([]byte) (int, error) { return 0, b.err }
