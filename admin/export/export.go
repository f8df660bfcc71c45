// Package export writes lists of tokens for other programs: CSV for spreadsheets, JSON as the API has it. It writes one token
// after the other, so that a list of any length takes no memory.
package export

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"patgate/admin/api"
	"patgate/admin/marks"
	"patgate/admin/names"
	"patgate/store"
)

// Formats are those that New takes.
func Formats() []string { return []string{"csv", "json"} }

// Pieces is how many tokens are read at a time.
const Pieces = 500

// Writer writes tokens.
type Writer struct {
	out   io.Writer
	table *csv.Writer // nil: JSON
	any   bool
	now   time.Time
	// Measure gives the blast radius of a token, for JSON, if it is set.
	Measure func(*store.Listed) *marks.Radius
}

// heads are the columns.
var heads = [...]string{"id", "name", "description", "owner", "state", "created_at", "expires_at", "last_used_at", "uses",
	"blast_radius", "credential_id", "networks", "access", "projects", "groups", "permissions", "reaches", "paths"}

// New begins a list in a format, of tokens as they are at a time.
func New(out io.Writer, format string, now time.Time) (*Writer, error) {
	w := &Writer{out: out, now: now}
	switch format {
	case "csv":
		w.table = csv.NewWriter(out)
		return w, w.table.Write(heads[:])
	case "json":
		_, err := io.WriteString(out, "[")
		return w, err
	}
	return nil, fmt.Errorf("unknown format %q: use %s", format, strings.Join(Formats(), " or "))
}

// Add writes a token. reaches is what lets it reach the place that the list is narrowed to, if it is narrowed to one.
func (w *Writer) Add(l *store.Listed, reaches string) error {
	if w.table != nil {
		return w.table.Write(w.row(l, reaches))
	}
	v := api.View(l, w.now)
	v.Reaches = reaches
	if w.Measure != nil {
		v.BlastRadiusParts = w.Measure(l)
	}
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	separator := "\n"
	if w.any {
		separator = ",\n"
	}
	w.any = true
	_, err = fmt.Fprintf(w.out, "%s%s", separator, data)
	return err
}

// Close ends the list.
func (w *Writer) Close() error {
	if w.table != nil {
		w.table.Flush()
		return w.table.Error()
	}
	_, err := io.WriteString(w.out, "\n]\n")
	return err
}

func (w *Writer) row(l *store.Listed, reaches string) []string {
	at := func(t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return t.UTC().Format(time.RFC3339)
	}
	state, _ := l.State(w.now)
	radius := ""
	if l.Kept.Under != 0 {
		radius = strconv.FormatInt(l.Kept.Reach, 10)
	}
	var accesses, projects, groups, permissions, paths []string
	each := func(into *[]string, text string) {
		if !slices.Contains(*into, text) {
			*into = append(*into, text)
		}
	}
	for i := range l.Scopes {
		s := &l.Scopes[i]
		each(&accesses, s.Access)
		for _, id := range s.ProjectIDs {
			each(&projects, strconv.FormatInt(id, 10))
		}
		for _, id := range s.GroupIDs {
			each(&groups, strconv.FormatInt(id, 10))
		}
		for _, name := range s.Permissions {
			each(&permissions, name)
		}
	}
	book := names.Of(l.Names, w.now)
	for _, p := range store.PlacesOf(l.Scopes) {
		if path := book.Path(p); path != "" {
			each(&paths, path)
		}
	}
	list := func(all []string) string { return strings.Join(all, " ") }
	row := []string{strconv.FormatInt(l.ID, 10), l.Name, l.Description, l.Owner.Username, state, at(l.CreatedAt), at(l.ExpiresAt),
		at(l.LastUsedAt), strconv.FormatInt(l.Uses, 10), radius, strconv.FormatInt(l.CredentialID, 10), list(l.Limits.Networks),
		list(accesses), list(projects), list(groups), list(permissions), reaches, list(paths)}
	for i := range row {
		row[i] = Cell(row[i])
	}
	return row
}

// Cell makes text safe to open in a spreadsheet: it puts a sign for text before anything that would be read as a formula. A
// formula begins at the start of a cell, or behind what may be read as the end of a cell, even with invisible characters between.
func Cell(text string) string {
	var safe strings.Builder
	begins, from := true, 0
	for i, r := range text {
		switch {
		case begins && strings.ContainsRune("=+-@＝＋－＠", r), i == 0 && strings.ContainsRune("\t\r\n", r):
			safe.WriteString(text[from:i] + "'")
			from = i
			begins = i == 0 && unicode.IsControl(r)
		case strings.ContainsRune(";|,\t\r\n", r):
			begins = true
		case r != '"' && !unicode.IsSpace(r) && !unicode.In(r, unicode.C, unicode.Z):
			begins = false
		}
	}
	return safe.String() + text[from:]
}
