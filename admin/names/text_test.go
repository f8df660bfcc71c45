package names_test

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"patgate/admin/names"
	"patgate/routes"
	"patgate/store"
)

var now = time.Date(2026, 4, 10, 12, 0, 0, 0, time.UTC)

// A forge's text never reaches a terminal, a page or a database but as the letters and signs of paths.
func TestClean(t *testing.T) {
	for _, c := range []struct{ name, path, want string }{
		{"a path", "acme/web-site_2.x", "acme/web-site_2.x"},
		{"letters of another script", "größe/проект", "größe/проект"},
		{"a terminal's control sequence", "acme/\x1b[31mred", "acme/\uFFFD\uFFFD31mred"},
		{"a line end", "acme/a\nScope 1", "acme/a\uFFFDScope\uFFFD1"},
		{"NUL", "acme/\x00", "acme/\uFFFD"},
		{"no UTF-8", "acme/\xff", "acme/\uFFFD"},
		{"text that runs backwards", "acme/\u202Egpj", "acme/\uFFFDgpj"},
		{"markup", "acme/<b>", "acme/\uFFFDb\uFFFD"},
		{"nothing", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := names.Clean(c.path); got != c.want || names.Clean(got) != got {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
	for _, long := range []string{strings.Repeat("a", 5000), strings.Repeat("ö", 1000) + "a", "a" + strings.Repeat("日", 1000)} {
		if got := names.Clean(long); len(got) > 1030 || !utf8.ValidString(got) || !strings.HasSuffix(got, "\uFFFD") ||
			strings.Count(got, "\uFFFD") != 1 || names.Clean(got) != got {
			t.Errorf("%q", got)
		}
	}
}

func TestWhatAPlaceIsCalled(t *testing.T) {
	p := store.Place{Kind: routes.RefProject, ID: 501}
	const day = 24 * time.Hour
	for _, c := range []struct {
		name        string
		n           store.Name
		short, full string
	}{
		{"never seen", store.Name{}, "project 501", "501"},
		{"seen", store.Name{Path: "acme/website", Seen: now.Add(-30 * day)}, "acme/website", "acme/website (501)"},
		{"stale", store.Name{Path: "acme/website", Seen: now.Add(-30*day - 1)}, "acme/website (as of 11 March)",
			"acme/website (501, as of 11 March)"},
		{"stale since another year", store.Name{Path: "acme/website", Seen: now.AddDate(-1, 0, 0)},
			"acme/website (as of 10 April 2025)", "acme/website (501, as of 10 April 2025)"},
		{"gone", store.Name{Path: "acme/website", Seen: now.AddDate(-1, 0, 0), Gone: now}, "acme/website (gone)",
			"acme/website (501, gone)"},
		{"gone before it was seen", store.Name{Gone: now}, "project 501 (gone)", "501 (gone)"},
		{"stored by somebody else", store.Name{Path: "a\x1b[2J", Seen: now}, "a\uFFFD\uFFFD2J", "a\uFFFD\uFFFD2J (501)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := names.Of(store.Named{p: c.n}, now)
			if short, full := b.Short(p), b.Full(p); short != c.short || full != c.full {
				t.Errorf("%q and %q, want %q and %q", short, full, c.short, c.full)
			}
		})
	}
	if got := names.Of(nil, now).Short(store.Place{Kind: routes.RefGroup, ID: 9}); got != "group 9" {
		t.Errorf("an empty book says %q", got)
	}
	old := names.Of(store.Named{p: {Path: "acme/website", Seen: now.Add(-time.Hour)}}, now)
	if old.Since(now.Add(-time.Minute)).Path(p) != "" || old.Since(now.Add(-2*time.Hour)).Path(p) == "" {
		t.Error("Since keeps what is older, or drops what is not")
	}
}

func TestWhatAListIsNarrowedTo(t *testing.T) {
	for _, c := range []struct {
		text string
		want store.Naming
		ok   bool
	}{
		{"501", store.Naming{Kind: routes.RefProject, ID: 501}, true},
		{"acme/website", store.Naming{Kind: routes.RefProject, Path: "acme/website"}, true},
		{"/acme/website/", store.Naming{Kind: routes.RefProject, Path: "acme/website"}, true},
		{"-5", store.Naming{Kind: routes.RefProject, Path: "-5"}, true},
		{"", store.Naming{}, false},
		{"///", store.Naming{}, false},
		{"acme website", store.Naming{}, false},
		{"acme\x00", store.Naming{}, false},
		{"acme/\xff", store.Naming{}, false},
		{strings.Repeat("a", 2000), store.Naming{}, false},
	} {
		if got, err := names.Naming(routes.RefProject, c.text); got != c.want || (err == nil) != c.ok {
			t.Errorf("%q: %+v, %v", c.text, got, err)
		}
	}
}
