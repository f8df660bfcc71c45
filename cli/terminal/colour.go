package terminal

import (
	"io"
	"os"
)

// Red gives what has a text stand out where w is a terminal that shows colours, and leaves it as it is elsewhere: in a pipe, with
// NO_COLOR (no-color.org), on a terminal that is dumb. Nothing is said by colour alone: what is red has words that say why.
func Red(w io.Writer) func(string) string {
	if !Is(w) || os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" {
		return func(text string) string { return text }
	}
	return func(text string) string { return "\x1b[31m" + text + "\x1b[0m" }
}
