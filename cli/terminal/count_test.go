package terminal_test

import (
	"testing"

	"patgate/cli/terminal"
)

func TestCount(t *testing.T) {
	for n, want := range map[int64]string{0: "0 tokens are", 1: "1 token is", 2: "2 tokens are"} {
		if got := terminal.Count(n, "token is", "tokens are"); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
