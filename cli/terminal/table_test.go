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
	if err := tab.Write(&wide, 0); err != nil || !strings.Contains(wide.String(), strings.Repeat("ü", 100)) {
		t.Errorf("%v:\n%s", err, wide.String())
	}
	if err := tab.Write(&narrow, 80); err != nil {
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
