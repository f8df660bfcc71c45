package snippet

import "testing"

// Nothing that was typed leaves its quotes.
func TestQuotes(t *testing.T) {
	for text, want := range map[string][2]string{
		"plain/path":          {"plain/path", `"plain/path"`},
		"":                    {"''", `""`},
		"it's $(here); rm -f": {`'it'\''s $(here); rm -f'`, `"it's $(here); rm -f"`},
		"${var.x} %{if} \"\\": {"'${var.x} %{if} \"\\'", `"$${var.x} %%{if} \"\\"`},
		"two\nlines":          {"'two\nlines'", `"two\nlines"`},
	} {
		if got := [2]string{Quote(text), HCL(text)}; got != want {
			t.Errorf("%q is written %q, want %q", text, got, want)
		}
	}
	if got := HCLList([]string{"a", `b"`}); got != `["a", "b\""]` {
		t.Error(got)
	}
}
