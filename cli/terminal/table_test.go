package terminal

import (
	"strings"
	"testing"
)

func TestATableFitsTheTerminal(t *testing.T) {
	tab := Table{Head: []string{"ID", "NAME", "SCOPES"}}
	tab.Add("1000000000000", "nightly", strings.Repeat("read_job on project 6; ", 20))
	tab.Add("1000000000001", strings.Repeat("ü", 100), "x")
	var wide, narrow strings.Builder
	if err := tab.padded(&wide, 0); err != nil || !strings.Contains(wide.String(), strings.Repeat("ü", 100)) {
		t.Errorf("%v:\n%s", err, wide.String())
	}
	if err := tab.padded(&narrow, 80); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(narrow.String()) {
		if n := len([]rune(strings.TrimRight(line, "\n"))); n > 80 {
			t.Errorf("%d columns: %s", n, line)
		}
	}
	if !strings.Contains(narrow.String(), "1000000000000") {
		t.Error("an id was cut")
	}
}

// A program that reads the table gets every cell whole, and no more tabs than there are columns.
func TestATableInAPipeIsNotPadded(t *testing.T) {
	t.Setenv("COLUMNS", "")
	tab := Table{Head: []string{"ID", "NAME", "SCOPES"}}
	tab.Add("1", "two\twords\nand a line", strings.Repeat("x", 500))
	var out strings.Builder
	if err := tab.Write(&out); err != nil {
		t.Fatal(err)
	}
	if want := "ID\tNAME\tSCOPES\n1\ttwo words and a line\t" + strings.Repeat("x", 500) + "\n"; out.String() != want {
		t.Errorf("got %q", out.String())
	}
}

// What was stored before such names were refused, or is another program's, turns no row around.
func TestACellTurnsNoRowAround(t *testing.T) {
	tab := Table{Head: []string{"NAME", "SCOPES"}}
	tab.Add("a\u202eb", "\u05e9 x")
	for _, width := range []int{0, 40} {
		var out strings.Builder
		err := tab.padded(&out, width)
		if text := out.String(); err != nil || !strings.Contains(text, "a\uFFFDb") || !strings.Contains(text, "\u05e9 x") {
			t.Errorf("%v %q", err, text)
		}
	}
}
