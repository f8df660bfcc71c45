package percent_test

import (
	"fmt"
	"net/url"
	"testing"

	"patgate/routes/percent"
)

func TestDecode(t *testing.T) {
	for c := range 256 {
		for _, format := range []string{"%%%02X", "%%%02x", "%%%02Xrest"} {
			text := fmt.Sprintf(format, c)
			if got, ok := percent.Decode(text); !ok || int(got) != c {
				t.Errorf("%q is %#x, %v", text, got, ok)
			}
		}
	}
	for _, text := range []string{"", "%", "%4", "%4g", "%g4", "%-1", "%+1", "% 1", "%\x801", "%%41"} {
		if c, ok := percent.Decode([]byte(text)); ok {
			t.Errorf("%q is %#x", text, c)
		}
	}
}

func TestDecodeInPlace(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "plain": "plain", "%41": "A", "a%2Fb%2fc": "a/b/c", "%2541": "%41", "%": "%", "%4": "%4", "%zz%41": "%zzA", "100%": "100%",
	} {
		b := []byte(text)
		if got := string(b[:percent.DecodeInPlace(b)]); got != want {
			t.Errorf("%q is %q, not %q", text, got, want)
		}
	}
}

// FuzzAppendText: what is written holds nothing but unreserved characters and escapes, and is read as the same text.
func FuzzAppendText(f *testing.F) {
	for _, text := range []string{"", "group/project", "a b%\x00\xff~._-"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		written := string(percent.AppendText(nil, text))
		if read, err := url.PathUnescape(written); err != nil || read != text {
			t.Errorf("%q is written %q and read %q, %v", text, written, read, err)
		}
		for i := range len(written) {
			if c := written[i]; c != '%' && !percent.Unreserved(c) {
				t.Errorf("%q is written %q", text, written)
			}
		}
	})
}
