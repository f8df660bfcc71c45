package git

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
)

const (
	zero = "0000000000000000000000000000000000000000"
	one  = "1111111111111111111111111111111111111111"
	two  = "2222222222222222222222222222222222222222"
	caps = "\x00 report-status-v2 side-band-64k object-format=sha1 agent=git/2.47"
)

// packet writes pkt-lines; an empty text is a flush.
func packet(texts ...string) string {
	var b strings.Builder
	for _, text := range texts {
		if text == "" {
			b.WriteString("0000")
			continue
		}
		fmt.Fprintf(&b, "%04x%s", len(text)+4, text)
	}
	return b.String()
}

// TestReadPush reads lists of commands as git sends them, leaves the pack alone, and writes them anew.
func TestReadPush(t *testing.T) {
	const written = "\x00 report-status-v2 side-band-64k object-format=sha1 agent=git/2.47"
	for _, c := range []struct {
		name, body string
		updates    string
		options    []string
		again      string // empty: as it came
	}{
		{"nothing, to try the credential out", packet(""), "", nil, ""},
		{"a move", packet(one+" "+two+" refs/heads/main"+caps, ""), "move refs/heads/main", nil, ""},
		{"a new ref and a delete, with newlines", packet(zero+" "+two+" refs/heads/a"+caps+"\n", one+" "+zero+" refs/tags/v1\n", ""),
			"create refs/heads/a, delete refs/tags/v1", nil, packet(zero+" "+two+" refs/heads/a"+written, one+" "+zero+" refs/tags/v1", "")},
		{"from a shallow clone", packet("shallow "+one, one+" "+two+" refs/heads/a"+caps, ""), "move refs/heads/a", nil, ""},
		{"shallow lines behind a command", packet(one+" "+two+" refs/heads/a"+caps, "shallow "+one+"\n", ""), "move refs/heads/a", nil,
			packet("shallow "+one, one+" "+two+" refs/heads/a"+written, "")},
		{"push options", packet(one+" "+two+" refs/heads/a"+caps+" push-options", "", "ci.skip", "merge_request.create\n", ""),
			"move refs/heads/a", []string{"ci.skip", "merge_request.create"}, packet(one+" "+two+" refs/heads/a"+written+" push-options", "", "ci.skip", "merge_request.create", "")},
		{"a list of no push options", packet(one+" "+two+" refs/heads/a"+caps+" push-options", "", ""), "move refs/heads/a", nil,
			packet(one+" "+two+" refs/heads/a"+written, "")},
		{"SHA-256", packet(strings.Repeat("1", 64)+" "+strings.Repeat("2", 64)+" refs/heads/a\x00 object-format=sha256", ""), "move refs/heads/a", nil, ""},
		{"words that say nothing", packet(one+" "+two+" refs/heads/a\x00ofs-delta  delete-refs quiet atomic", ""), "move refs/heads/a", nil,
			packet(one+" "+two+" refs/heads/a\x00 quiet atomic", "")},
		{"no words", packet(one+" "+two+" refs/heads/a\x00", ""), "move refs/heads/a", nil, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			body := strings.NewReader(c.body + "PACKdata")
			p, err := ReadPush(body, 1<<20)
			if err != nil {
				t.Fatal(err)
			}
			if got, want := fmt.Sprint(described(p), p.Options), fmt.Sprint(c.updates, c.options); got != want {
				t.Errorf("read %s, want %s", got, want)
			}
			if rest, _ := io.ReadAll(body); string(rest) != "PACKdata" {
				t.Errorf("%q is left", rest)
			}
			if c.again == "" {
				c.again = c.body
			}
			if again := string(p.AppendHead(nil, p.Options)); again != c.again {
				t.Errorf("written anew as %q, want %q", again, c.again)
			}
		})
	}
}

// described says what a push does, in words.
func described(p *Push) string {
	var all []string
	for _, u := range p.Updates {
		what := "move "
		switch {
		case u.Create:
			what = "create "
		case u.Delete:
			what = "delete "
		}
		all = append(all, what+string(u.Name))
	}
	return strings.Join(all, ", ")
}

// TestReadPushRefuses reads what no git sends, or what a server could read differently.
func TestReadPushRefuses(t *testing.T) {
	for name, body := range map[string]string{
		"an end in the middle":               packet(one + " " + two + " refs/heads/main" + caps),
		"an end in a packet":                 "00ff" + one,
		"a length in upper case":             "00FF" + strings.Repeat("x", 251),
		"a length that is none":              "zzzz",
		"an empty packet":                    "0004" + packet(""),
		"a delimiter":                        "0001" + packet(""),
		"a packet that is too long":          "fff1" + strings.Repeat("x", 70000),
		"no capabilities":                    packet(one+" "+two+" refs/heads/main", ""),
		"capabilities on the second command": packet(one+" "+two+" refs/heads/a"+caps, one+" "+two+" refs/heads/b\x00push-options", ""),
		"a ref twice":                        packet(one+" "+two+" refs/heads/a"+caps, zero+" "+two+" refs/heads/a", ""),
		"HEAD":                               packet(one+" "+two+" HEAD"+caps, ""),
		"a ref with dots":                    packet(one+" "+two+" refs/heads/bot/../main"+caps, ""),
		"a ref with a lock":                  packet(one+" "+two+" refs/heads/a.lock"+caps, ""),
		"a ref with a space":                 packet(one+" "+two+" refs/heads/a b"+caps, ""),
		"a ref with a control character":     packet(one+" "+two+" refs/heads/a\nrefs/heads/b"+caps, ""),
		"a ref with a doubled slash":         packet(one+" "+two+" refs/heads//a"+caps, ""),
		"an object in upper case":            packet(strings.Repeat("A", 40)+" "+two+" refs/heads/a"+caps, ""),
		"objects of two formats":             packet(one+" "+strings.Repeat("2", 64)+" refs/heads/a"+caps, ""),
		"nothing to nothing":                 packet(zero+" "+zero+" refs/heads/a"+caps, ""),
		"a signed push":                      packet("push-cert"+caps, ""),
		"a broken shallow line":              packet("shallow x", ""),
		"SHA-256 without saying so":          packet(strings.Repeat("1", 64)+" "+strings.Repeat("2", 64)+" refs/heads/a\x00", ""),
		"SHA-1 in a push of SHA-256":         packet(one+" "+two+" refs/heads/a\x00object-format=sha256", ""),
		"a newline before the capabilities":  packet(one+" "+two+" refs/heads/a\n\x00quiet", ""),
		"options by a value":                 packet(one+" "+two+" refs/heads/a\x00push-options=1", "", "mr.create", ""),
		"options by a value that is empty":   packet(one+" "+two+" refs/heads/a\x00push-options=", "", "mr.create", ""),
		"options in front of a NUL":          packet(one+" "+two+" refs/heads/a\x00push-options\x00x", "", "mr.create", ""),
		"options behind a NUL":               packet(one+" "+two+" refs/heads/a\x00quiet\x00push-options", "", "mr.create", ""),
		"options behind a tabulator":         packet(one+" "+two+" refs/heads/a\x00quiet\tpush-options", "", "mr.create", ""),
		"options behind a space of Unicode":  packet(one+" "+two+" refs/heads/a\x00quiet\u00a0push-options", "", "mr.create", ""),
		"an option with a NUL":               packet(one+" "+two+" refs/heads/a\x00push-options", "", "ci.skip\x00", ""),
		"an option of two lines":             packet(one+" "+two+" refs/heads/a\x00push-options", "", "ci.skip\nmr.create", ""),
		"options twice":                      packet(one+" "+two+" refs/heads/a\x00push-options push-options", "", "mr.create", ""),
		"a capability that nobody knows":     packet(one+" "+two+" refs/heads/a\x00push-cert=x", ""),
		"two formats of objects":             packet(one+" "+two+" refs/heads/a\x00object-format=sha1 object-format=sha256", ""),
		"a format of objects that is none":   packet(one+" "+two+" refs/heads/a\x00object-format=sha1x", ""),
		"an agent without a value":           packet(one+" "+two+" refs/heads/a\x00agent", ""),
	} {
		t.Run(name, func(t *testing.T) {
			if p, err := ReadPush(strings.NewReader(body), 1<<20); !errors.Is(err, ErrMalformedPush) {
				t.Errorf("%+v, %v", p, err)
			}
		})
	}
	t.Run("more than may be read", func(t *testing.T) {
		body := packet(one+" "+two+" refs/heads/a"+caps, one+" "+two+" refs/heads/b", "")
		if p, err := ReadPush(strings.NewReader(body), 150); !errors.Is(err, ErrPushTooLong) {
			t.Errorf("%+v, %v", p, err)
		}
	})
}

// TestReport reads the answer to a refused push as a client does.
func TestReport(t *testing.T) {
	p := &Push{Capabilities: Capabilities{SideBand: true, Report: true}, Updates: []Update{{Name: []byte("refs/heads/main")}}}
	got := string(p.AppendReport(nil, "Access denied", func(int) string { return "not allowed\nsecond line" }))
	want := packet("\x02Access denied\n", "\x01"+packet("unpack ok\n", "ng refs/heads/main not allowed\n", ""), "")
	if got != want {
		t.Errorf("%q, want %q", got, want)
	}
	p.Capabilities.SideBand = false
	if got := string(p.AppendReport(nil, "x", func(int) string { return "no" })); got != packet("unpack ok\n", "ng refs/heads/main no\n", "") {
		t.Errorf("without bands: %q", got)
	}
}

// FuzzReadPush makes sure that a list that is read is written in one way: every ref is a full name, named once, and not a
// byte of the pack is taken.
func FuzzReadPush(f *testing.F) {
	f.Add([]byte(packet(one+" "+two+" refs/heads/main"+caps, zero+" "+two+" refs/tags/v1", "") + "PACK"))
	f.Add([]byte(packet(one+" "+two+" refs/heads/a"+caps+" push-options", "", "ci.skip", "")))
	f.Add([]byte("0000"))
	f.Fuzz(func(t *testing.T, body []byte) {
		r := bytes.NewReader(body)
		p, err := ReadPush(r, 1<<16)
		if err != nil {
			return
		}
		read := len(body) - r.Len()
		if again, err := ReadPush(bytes.NewReader(body[:read]), 1<<16); err != nil || described(again) != described(p) {
			t.Fatalf("what was read is not the list: %v", err)
		}
		written := p.AppendHead(nil, p.Options)
		again, err := ReadPush(bytes.NewReader(written), 1<<17)
		if err != nil || described(again) != described(p) || !slices.Equal(again.Options, p.Options) || !bytes.Equal(again.AppendHead(nil, p.Options), written) {
			t.Fatalf("%q was written anew as %q: %v", body[:read], written, err)
		}
		for _, u := range p.Updates {
			if !bytes.HasPrefix(u.Name, []byte("refs/")) || bytes.ContainsAny(u.Name, "\x00\n \\*") || u.Create && u.Delete {
				t.Fatalf("%q", u.Name)
			}
		}
	})
}
