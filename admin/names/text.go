package names

import (
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"patgate/routes"
	"patgate/store"
)

// StaleAfter is for how long a name counts as the present one: when it was not seen for longer, it is said as of when it was.
const StaleAfter = 30 * 24 * time.Hour

// longest is the longest path that is kept, in bytes.
const longest = 1024

// Clean makes a path from a forge or another patgate fit to be stored and shown: letters, digits and the signs of paths stay,
// anything else becomes U+FFFD, and a path that is too long is cut.
func Clean(path string) string {
	cut := ""
	if len(path) > longest {
		path, cut = path[:longest], string(utf8.RuneError)
		for !utf8.ValidString(path) && len(path) > longest-utf8.UTFMax {
			path = path[:len(path)-1]
		}
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("/_.-+~", r) {
			return r
		}
		return utf8.RuneError
	}, path) + cut
}

// Book says what places are called, at an instant. The zero value knows none.
type Book struct {
	named store.Named
	now   time.Time
	fresh time.Duration // for how long a name counts as the present one
}

// FormAge is StaleAfter for forms: their users grant by the names of places.
const FormAge = 24 * time.Hour

// Of makes a book of the names of a token.
func Of(named store.Named, now time.Time) Book { return Book{named, now, StaleAfter} }

// ForForm gives a book whose names count as the present ones for FormAge.
func (b Book) ForForm() Book { return Book{b.named, b.now, FormAge} }

// Since gives a book of those that were seen since an instant, and are not gone.
func (b Book) Since(at time.Time) Book {
	fresh := maps.Clone(b.named)
	maps.DeleteFunc(fresh, func(_ store.Place, n store.Name) bool { return n.Seen.Before(at) || !n.Gone.IsZero() })
	return Book{fresh, b.now, b.fresh}
}

// Path gives the path of a place as it was last seen; empty when it never was.
func (b Book) Path(p store.Place) string { return Clean(b.named[p].Path) }

// Mark qualifies a name: "gone", "as of 3 March", or nothing.
func (b Book) Mark(p store.Place) string { return mark(b.named[p], b.now, b.fresh) }

// mark says "gone" when the forge said that the place is not there, or not for the owner; "as of 3 March" when the name was not
// seen for longer than fresh; else nothing.
func mark(n store.Name, now time.Time, fresh time.Duration) string {
	switch {
	case !n.Gone.IsZero():
		return "gone"
	case n.Path == "" || now.Sub(n.Seen) <= fresh:
		return ""
	case n.Seen.UTC().Year() == now.UTC().Year():
		return "as of " + n.Seen.UTC().Format("2 January")
	}
	return "as of " + n.Seen.UTC().Format("2 January 2006")
}

// Short names a place by its path, else by its kind and id, with the name's mark: "acme/website (gone)".
func (b Book) Short(p store.Place) string {
	text := b.Path(p)
	if text == "" {
		text = fmt.Sprintf("%s %d", Kind(p.Kind), p.ID)
	}
	if mark := b.Mark(p); mark != "" {
		text += " (" + mark + ")"
	}
	return text
}

// Full names a place by its path and id: "acme/website (501, gone)", or by its id alone.
func (b Book) Full(p store.Place) string {
	path, mark := b.Path(p), b.Mark(p)
	if mark != "" {
		mark = ", " + mark
	}
	if path != "" {
		return fmt.Sprintf("%s (%d%s)", path, p.ID, mark)
	}
	if mark != "" {
		return fmt.Sprintf("%d (%s)", p.ID, mark[2:])
	}
	return fmt.Sprint(p.ID)
}

// Naming reads a filter for a list: tokens that name a project or group, by its id, its full path or that of a group above it.
// The error is for the author of the text.
func Naming(kind routes.RefKind, text string) (store.Naming, error) {
	if id, err := strconv.ParseInt(text, 10, 64); err == nil && id > 0 {
		return store.Naming{Kind: kind, ID: id}, nil
	}
	path := strings.Trim(text, "/")
	if path == "" || Clean(path) != path {
		return store.Naming{}, fmt.Errorf("%q is neither an id nor a full path (group/subgroup/project)", text)
	}
	return store.Naming{Kind: kind, Path: path}, nil
}

// Kind is how the kind of a place is called: project or group.
func Kind(k routes.RefKind) string {
	if k == routes.RefGroup {
		return "group"
	}
	return "project"
}
