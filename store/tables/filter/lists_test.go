package filter_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"patgate/store"
	"patgate/store/tables/filter"
)

// Of several lists the shortest is gone through, if it is short, and else what is on all of them. What all on a list fulfil is not asked
// of each of them again. A list whose ids are not in order is looked at with others only where it is not long.
func TestCandidates(t *testing.T) {
	const text, rights = "SELECT rowid AS id FROM text MATCH ?", "token_rights WHERE permission = ? UNION"
	loosely := filter.Dialect{Loose: true}
	exactly := filter.Dialect{IndexedBy: func(index string) string { return " BY " + index }}
	var (
		both    = store.Filter{Search: "2026", Holds: "push_code"}
		revoked = store.Filter{Search: "2026", State: store.StateRevoked}
		broad   = store.Filter{Search: "2026", Mark: store.MarkBroad}
		soon    = store.Filter{Search: "2026", Mark: store.MarkSoon}
		owners  = store.Filter{OwnerID: 3, Search: "2026", Holds: "push_code"}
	)
	for name, tc := range map[string]struct {
		f         store.Filter
		d         filter.Dialect
		sizes     []int
		has, lack []string
	}{
		"one list":    {store.Filter{Search: "2026"}, exactly, nil, []string{"FROM (" + text + ") c"}, []string{"INTERSECT"}},
		"little text": {both, exactly, []int{12, 6001}, []string{"FROM (" + text + ") c", "r.permission = ?"}, []string{"INTERSECT"}},
		"few that may": {both, exactly, []int{6001, 12}, []string{rights, "lower(t.name)"},
			[]string{"INTERSECT", text, "r.permission"}},
		"many of both": {both, exactly, []int{6001, 6001}, []string{text + ") INTERSECT SELECT id FROM (", rights, "lower(t.name)"},
			[]string{"r.permission"}},
		"few revoked": {revoked, exactly, []int{6001, 12},
			[]string{"FROM (SELECT t.id FROM tokens t BY tokens_revoked WHERE t.revoked_at > 0) c", "lower(t.name)"}, []string{text}},
		"some revoked":          {revoked, exactly, []int{6001, 5000}, []string{text, "INTERSECT", "tokens_revoked"}, nil},
		"most revoked":          {revoked, exactly, []int{6001, 6001}, []string{text, "t.revoked_at > 0"}, []string{"tokens_revoked"}},
		"many that expire soon": {soon, exactly, []int{6001, 6001}, []string{text + ") INTERSECT", "tokens_live"}, []string{"c.id AND t.revoked_at"}},
		"few broad": {broad, exactly, []int{6001, 12},
			[]string{"m BY marks_broad CROSS JOIN tokens t BY tokens_told"}, []string{text}},
		"of an owner who has few": {owners, exactly, nil, nil, []string{text, rights}},

		"few revoked, in PostgreSQL":                {revoked, loosely, []int{6001, 12}, nil, []string{text}},
		"most revoked, in PostgreSQL":               {revoked, loosely, []int{6001, 6001}, []string{"t.id IN (" + text + ")"}, nil},
		"little text, expiring soon, in PostgreSQL": {soon, loosely, []int{12}, []string{"t.id IN (" + text + ")"}, nil},
		"common text, expiring soon, in PostgreSQL": {soon, loosely, []int{6001}, []string{"lower(t.name)"}, []string{text}},
		"many of both, in PostgreSQL":               {both, loosely, nil, []string{"t.id IN (" + text + ")", "r.permission = ?"}, nil},
	} {
		f := tc.f
		f.Now, f.Limit, f.CountTo = time.Now(), 20, 1000
		tc.d.Grams = func([]string) (string, any) { return text, "x" }
		query, args, columns := filter.Of(f, tc.d).Sizes()
		if columns != len(tc.sizes) || strings.Count(query, "?") != len(args) {
			t.Errorf("%s: sizes of %d lists are asked for by %s with %v", name, columns, query, args)
		}
		tc.d.Sizes = tc.sizes
		q := filter.Of(f, tc.d)
		few, fewArgs, _ := q.Few()
		count, countArgs := q.Count()
		for query, args := range map[string][]any{few: fewArgs, count: countArgs} {
			inQuery(t, name, query, args, tc.has, tc.lack)
		}
	}
}

// Where many tokens may name a place that a text means, these are not listed to the end: each is asked for its own places, and what else
// narrows the list is gone through.
func TestManyThatNameAPlace(t *testing.T) {
	const text, known, own = "SELECT rowid AS id FROM text MATCH ?", "FROM known_paths k CROSS JOIN token_places", "WHERE p.token_id = "
	exactly := filter.Dialect{IndexedBy: func(index string) string { return " BY " + index }}
	for name, tc := range map[string]struct {
		f         store.Filter
		loose     bool
		sought    int
		lists     int // whose sizes are asked for
		has, lack []string
	}{
		"few":                 {store.Filter{}, false, 10, 0, []string{text + " UNION SELECT", "OR c.id IN ("}, []string{own}},
		"many":                {store.Filter{}, false, 6001, 0, []string{"SELECT DISTINCT id FROM (" + text + " UNION ALL SELECT", own}, nil},
		"many, who can push":  {store.Filter{Holds: "push_code"}, false, 6001, 0, []string{own, "token_rights"}, []string{text}},
		"many, broad ones":    {store.Filter{Mark: store.MarkBroad}, false, 6001, 0, []string{own, "m BY marks_broad"}, []string{text}},
		"many, revoked":       {store.Filter{State: store.StateRevoked}, false, 6001, 0, []string{own, "tokens_revoked"}, []string{text}},
		"many, in PostgreSQL": {store.Filter{}, true, 6001, 0, []string{own}, []string{text, "DISTINCT"}},
		"few, in PostgreSQL":  {store.Filter{}, true, 10, 0, []string{own, text}, []string{"DISTINCT"}},
	} {
		f, d := tc.f, exactly
		if d.Loose = tc.loose; d.Loose {
			d.IndexedBy = nil
		}
		f.Now, f.Limit, f.CountTo, f.Search, f.SearchPlaces = time.Now(), 20, 1000, "acme", true
		d.Grams = func([]string) (string, any) { return text, "x" }
		if query, _ := filter.Sought(&f, 6001); !strings.Contains(query, known) {
			t.Errorf("%s: asked for by %s", name, query)
		}
		d.Sought = tc.sought
		q := filter.Of(f, d)
		if _, _, columns := q.Sizes(); columns != tc.lists {
			t.Errorf("%s: sizes of %d lists are asked for", name, columns)
		}
		query, args, upTo := q.Few()
		if inQuery(t, name, query, args, tc.has, tc.lack); upTo != 1000 {
			t.Errorf("%s: up to %d are put in order", name, upTo)
		}
	}
}

// inQuery holds a query to what must be in it and what not, and to its arguments.
func inQuery(t *testing.T, name, query string, args []any, has, lack []string) {
	t.Helper()
	for _, part := range has {
		if !strings.Contains(query, part) {
			t.Errorf("%s: there is no %s in %s", name, part, query)
		}
	}
	for _, part := range lack {
		if strings.Contains(query, part) {
			t.Errorf("%s: there is %s in %s", name, part, query)
		}
	}
	if strings.Count(query, "?") != len(args) {
		t.Errorf("%s: %s has %d arguments", name, query, len(args))
	}
}

// Text is looked up by as few sequences of three characters as make it up, and a long one by some of them.
func TestGrams(t *testing.T) {
	gramsOf := func(text string) (got []string) {
		d := filter.Dialect{Grams: func(grams []string) (string, any) { got = grams; return "SELECT text", "x" }}
		filter.Of(store.Filter{Search: text}, d)
		return got
	}
	for text, want := range map[string]string{"ab": "", "abc": "abc", "abcd": "abc bcd", "renovate": "ren nov ate", "aaaaaa": "aaa"} {
		if got := strings.Join(gramsOf(text), " "); got != want {
			t.Errorf("%s is looked up by %q, want %q", text, got, want)
		}
	}
	long := ""
	for i := range 100 {
		long += strconv.Itoa(i * i)
	}
	if got := gramsOf(long + "end"); len(got) < 8 || len(got) > 16 || got[len(got)-1] != "end" {
		t.Errorf("a long text is looked up by %q", got)
	}
}
