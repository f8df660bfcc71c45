package terminal

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/term"
)

// Table prints rows. On a terminal it prints columns, and shortens the widest until a row fits. Elsewhere it prints a row on a
// line, with a tab between two cells, whole and without padding, for cut, awk and grep.
type Table struct {
	Head []string // nil: none
	Wide bool     // on a terminal too, nothing is shortened
	Red  []string // words that are red on a terminal
	rows [][]string
}

// Add adds a row. What would turn the direction of its text is shown as U+FFFD.
func (t *Table) Add(cells ...string) {
	row := make([]string, len(cells))
	for i, cell := range cells {
		row[i] = Straight(cell)
	}
	t.rows = append(t.rows, row)
}

// Straight makes a text fit for a line of a terminal: no character of it moves what stands beside it.
func Straight(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Bidi_Control, r) {
			return utf8.RuneError
		}
		return r
	}, text)
}

// Empty tells whether there is no row yet.
func (t *Table) Empty() bool { return len(t.rows) == 0 }

// all gives the heading, if there is one, and the rows.
func (t *Table) all() [][]string {
	if t.Head == nil {
		return t.rows
	}
	return append([][]string{t.Head}, t.rows...)
}

// Write prints the table.
func (t *Table) Write(w io.Writer) error {
	width := columns(w)
	switch {
	case width == 0:
		return t.plain(w)
	case t.Wide:
		width = 0
	}
	return t.padded(w, width)
}

// plain prints the table for programs. White space within a cell is one space, so that a tab always ends a cell.
func (t *Table) plain(w io.Writer) error {
	for _, row := range t.all() {
		cells := make([]string, len(row))
		for i, cell := range row {
			cells[i] = strings.Join(strings.Fields(cell), " ")
		}
		if _, err := fmt.Fprintln(w, strings.Join(cells, "\t")); err != nil {
			return err
		}
	}
	return nil
}

// padded prints the table in columns. width 0 is no limit.
func (t *Table) padded(w io.Writer, width int) error {
	if len(t.all()) == 0 {
		return nil
	}
	widths := make([]int, len(t.all()[0]))
	for _, row := range t.all() {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	shrink(widths, t.Head, width)
	red := Red(w)
	for _, row := range t.all() {
		var line strings.Builder
		for i, cell := range row {
			cell = shorten(cell, widths[i])
			line.WriteString(cell)
			if i < len(row)-1 {
				line.WriteString(strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell)+2))
			}
		}
		text := strings.TrimRight(line.String(), " ")
		for _, word := range t.Red {
			text = strings.ReplaceAll(text, word, red(word))
		}
		if _, err := fmt.Fprintln(w, text); err != nil {
			return err
		}
	}
	return nil
}

// shrink takes from the widest column, one place at a time, but leaves room for each heading and for an id or a date.
func shrink(widths []int, head []string, width int) {
	const least = 16
	for width > 0 {
		total, widest := -2, -1
		for i, w := range widths {
			total += w + 2
			if (i >= len(head) || w > len(head[i])) && w > least && (widest < 0 || w > widths[widest]) {
				widest = i
			}
		}
		if total <= width || widest < 0 {
			return
		}
		widths[widest]--
	}
}

// shorten cuts a cell to a width, with an ellipsis.
func shorten(s string, width int) string {
	if utf8.RuneCountInString(s) <= width {
		return s
	}
	r := []rune(s)
	return string(r[:max(0, width-1)]) + "…"
}

// columns gives the width that w has as a terminal, or what COLUMNS says; 0 when it is no terminal.
func columns(w io.Writer) int {
	if n, err := strconv.Atoi(os.Getenv("COLUMNS")); err == nil && n > 0 {
		return n
	}
	if !Is(w) {
		return 0
	}
	width, _, err := term.GetSize(int(w.(*os.File).Fd()))
	if err != nil || width <= 0 {
		return 80 // one that does not say how wide it is
	}
	return width
}

// Is tells whether what is written to w is read by a person.
func Is(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
