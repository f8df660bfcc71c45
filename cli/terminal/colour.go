package terminal

import (
	"io"
	"os"
)

// Red gives a function that makes a text stand out when w is a terminal that shows colours. Elsewhere it leaves the text as it
// is: in a pipe, with NO_COLOR (no-color.org), on a dumb terminal. Colour alone says nothing: a red text has words that say why.
func Red(w io.Writer) func(string) string {
	if !Is(w) || os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" {
		return func(text string) string { return text }
	}
	return func(text string) string { return "\x1b[31m" + text + "\x1b[0m" }
}
