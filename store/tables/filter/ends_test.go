package filter_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"patgate/routes"
	"patgate/store"
	"patgate/store/tables/filter"
)

// A page is not looked for at an end of the order of last use where the filter leaves no token.
func TestEndsThatAreEmpty(t *testing.T) {
	const total = 50_000
	used30 := store.Span{Before: time.UnixMilli(30)}
	for name, tc := range map[string]struct {
		f    store.Filter
		want string
	}{
		"all, the latest first":                {store.Filter{Sort: store.SortLastUsedDesc}, "highest"},
		"all, those never used first":          {store.Filter{Sort: store.SortLastUsedAsc}, "unused and lowest"},
		"never used, the latest first":         {store.Filter{Sort: store.SortLastUsedDesc, NeverUsed: true}, ""},
		"never used, those never used first":   {store.Filter{Sort: store.SortLastUsedAsc, NeverUsed: true}, "unused"},
		"marked as never used":                 {store.Filter{Sort: store.SortLastUsedDesc, Mark: store.MarkNeverUsed}, ""},
		"marked as unused":                     {store.Filter{Sort: store.SortLastUsedDesc, Mark: store.MarkUnused}, "highest"},
		"marked as unused, nothing is known":   {store.Filter{Sort: store.SortLastUsedDesc, Mark: store.MarkUnused, Unobserved: true}, ""},
		"last used before, the earliest first": {store.Filter{Sort: store.SortLastUsedAsc, LastUsed: used30}, ""},
		"last used before, the latest first":   {store.Filter{Sort: store.SortLastUsedDesc, LastUsed: used30}, "highest"},
		"by blast radius, the highest first":   {store.Filter{Sort: store.SortReachDesc}, "highest"},
		"by blast radius, the lowest first":    {store.Filter{Sort: store.SortReachAsc}, "lowest"},
	} {
		tc.f.Limit, tc.f.CountTo = 20, 2000 // there are more: only one end is near
		var all []string
		for _, end := range filter.Of(tc.f, filter.Dialect{Loose: true, Marked: true}).Ends(total) {
			var parts []string
			for _, part := range []struct{ of, text string }{
				{"unused", "NOT EXISTS (SELECT 1 FROM token_uses n WHERE n.token_id = t.id"},
				{"lowest", "token_id LIMIT ?)"},
				{"highest", "token_id DESC LIMIT ?)"},
			} {
				if strings.Contains(end.Query, part.text) {
					parts = append(parts, part.of)
				}
			}
			all = append(all, strings.Join(parts, " and "))
		}
		if got := strings.Join(all, ", "); got != tc.want {
			t.Errorf("%s is looked for at %q, want %q", name, got, tc.want)
		}
	}
	lowest := store.Filter{Sort: store.SortReachAsc, Limit: 20, CountTo: 2000}
	if ends := filter.Of(lowest, filter.Dialect{Loose: true}).Ends(total); len(ends) > 0 {
		t.Errorf("while tokens lack marks, the lowest blast radius is looked for at %q", ends[0].Query)
	}
}

// However few the filter leaves of those with a rank, not all of the index are gone through. Each argument is where its question mark
// is.
func TestEndsAreBounded(t *testing.T) {
	filtered := []any{int64(7), "%abc%", "%abc%"}
	ranked := slices.Concat([]any{1160}, filtered, []any{20, 40})
	unused := slices.Concat(filtered, []any{60, 1160}, filtered, []any{60, 20, 40})
	for sort, want := range map[store.Sort][]any{store.SortReachDesc: ranked, store.SortLastUsedDesc: ranked, store.SortReachAsc: ranked,
		store.SortLastUsedAsc: unused} {
		f := store.Filter{Sort: sort, State: store.StateRevoked, Search: "abc", CredentialID: 7, Limit: 20, Offset: 40, CountTo: 2000}
		ends := filter.Of(f, filter.Dialect{Loose: true, Marked: true}).Ends(50_000)
		if len(ends) != 1 {
			t.Fatalf("%d ends", len(ends))
		}
		end := ends[0]
		if bound := " LIMIT ?) "; strings.Count(end.Query, "?") != len(want) || !strings.Contains(end.Query, bound) ||
			!slices.Equal(end.Args, want) {
			t.Errorf("%s\n%v, want %v", end.Query, end.Args, want)
		}
	}
}

// What has an index of its own and may lie at the far end of the order is looked for among the first tokens of the order, and else
// put in order. Only the table that a statement begins with is read by such an index: others are looked up by the id of the token.
func TestWhatLiesAtTheFarEnd(t *testing.T) {
	d := filter.Dialect{IndexedBy: func(index string) string { return " BY " + index },
		Grams: func([]string) (string, any) { return "SELECT text", "x" }, Tokens: 100_000}
	place := &store.Reach{Places: []store.Place{{Kind: routes.RefProject, ID: 7}}}
	month := time.Now().Add(-30 * 24 * time.Hour)
	const total = 5000
	for _, tc := range []struct {
		f             store.Filter
		outset, index string
	}{
		{store.Filter{Mark: store.MarkBroad, Sort: store.SortReachAsc}, "marks m BY marks_by_reach", "marks m BY marks_broad"},
		{store.Filter{Mark: store.MarkBroad, Sort: store.SortLastUsedDesc},
			"token_uses u BY token_uses_by_time CROSS JOIN marks m", "marks m BY marks_broad"},
		{store.Filter{State: store.StateActive, Holds: "push_code", Sort: store.SortReachAsc}, "marks m BY marks_by_reach", "(SELECT"},
		{store.Filter{State: store.StateActive, Reach: place, Sort: store.SortLastUsedAsc},
			"token_uses u BY token_uses_by_time", "(SELECT"},
		{store.Filter{State: store.StateActive, Search: "2026", Sort: store.SortCreatedAsc},
			"tokens t BY tokens_by_creation", "tokens t BY tokens_by_creation WHERE t.id IN (SELECT id FROM (SELECT text"},
		{store.Filter{State: store.StateActive, Search: "2026", Sort: store.SortExpiresAsc},
			"tokens t BY tokens_live", "tokens t BY tokens_live WHERE t.id IN (SELECT id FROM (SELECT text"},
		{store.Filter{State: store.StateActive, Search: "2026", Sort: store.SortNameDesc},
			"tokens t BY tokens_by_name", "tokens t BY tokens_by_name WHERE t.id IN (SELECT id FROM (SELECT text"},
		{store.Filter{State: store.StateActive, Search: "2026", CredentialID: 3, Sort: store.SortNameDesc}, "", "(SELECT text) c"},
		{store.Filter{UnusedSince: month, Sort: store.SortLastUsedDesc}, "", "token_uses u BY token_uses_by_time"},
		{store.Filter{Mark: store.MarkBroad, Sort: store.SortNameAsc}, "", "marks m BY marks_broad"},
		{store.Filter{State: store.StateInactive, Sort: store.SortReachAsc}, "", "marks m BY marks_by_reach"},
	} {
		f := tc.f
		f.Now, f.Limit, f.Offset = time.Now(), 20, 40
		q := filter.Of(f, d)
		ends := q.Ends(total)
		if len(ends) > 0 != (tc.outset != "") {
			t.Errorf("%+v: %d ends", tc.f, len(ends))
			continue
		}
		for _, end := range ends {
			read := end.Query[strings.Index(end.Query, " FROM "):strings.Index(end.Query, " WHERE ")]
			if !strings.HasPrefix(read, " FROM "+tc.outset) || strings.Count(read, " BY ") != 1 || !slices.Contains(end.Args, any(2800)) ||
				end.Full != 20 || strings.Count(end.Query, "?") != len(end.Args) {
				t.Errorf("%+v: %s %v", tc.f, end.Query, end.Args)
			}
		}
		if query, _, _ := q.Page(total); !strings.Contains(query, " FROM "+tc.index) {
			t.Errorf("%+v: a page is %s, want it by %s", tc.f, query, tc.index)
		}
	}
}

// Far inside an order, what is looked at is held against the candidates in memory, and not asked one by one what these fulfil.
func TestDeepPages(t *testing.T) {
	d := filter.Dialect{IndexedBy: func(index string) string { return " BY " + index }, Tokens: 100_000}
	for _, sort := range []store.Sort{store.SortExpiresAsc, store.SortLastUsedDesc, store.SortReachAsc, store.SortNameAsc} {
		f := store.Filter{State: store.StateActive, Holds: "push_code", Sort: sort, Now: time.Now(), Limit: 20, CountTo: 1000}
		for offset, want := range map[int]bool{0: false, 180: false, 181: true, 980: true} {
			f.Offset = offset
			ends := filter.Of(f, d).Ends(1001)
			if len(ends) != 1 {
				t.Fatalf("%s at %d: %d ends", sort, offset, len(ends))
			}
			query := ends[0].Query
			if strings.Contains(query, " IN (SELECT id FROM (SELECT token_id AS id FROM token_rights") != want ||
				strings.Contains(query, "EXISTS (SELECT 1 FROM token_rights") == want || strings.Count(query, "?") != len(ends[0].Args) {
				t.Errorf("%s at %d: %s", sort, offset, query)
			}
		}
	}
}

// The tokens of an owner who has few are put in order. Those of one who has many are gone through in the order of an index, unless the
// page is so far inside that it would be read for longer than they take to be put in order.
func TestOwnersOfManyTokens(t *testing.T) {
	d := filter.Dialect{IndexedBy: func(index string) string { return " BY " + index }}
	for _, tc := range []struct {
		owned, total, offset int
		sort                 store.Sort
		want                 string
	}{
		{0, 200, 0, store.SortNameAsc, "tokens t WHERE"},
		{2000, 2000, 0, store.SortNameAsc, "tokens t WHERE"},
		{50_000, 45_000, 0, store.SortNameAsc, "tokens t BY tokens_by_name"},
		{50_000, 45_000, 22_000, store.SortNameAsc, "tokens t BY tokens_by_name"},
		{50_000, 45_000, 44_900, store.SortCreatedDesc, "tokens t BY tokens_by_creation"},
		{50_000, 45_000, 22_000, store.SortLastUsedDesc, "tokens t CROSS JOIN token_uses u"},
		{3000, 2900, 0, store.SortReachDesc, "marks m BY marks_by_reach"},
		{3000, 2900, 1400, store.SortReachDesc, "marks m WHERE"},
	} {
		f := store.Filter{OwnerID: 7, State: store.StateActive, Sort: tc.sort, Limit: 20, Offset: tc.offset}
		if d.Owned, d.Tokens = tc.owned, 100_000; tc.owned == 0 {
			d.Tokens = 0
		}
		if query, _, _ := filter.Of(f, d).Page(tc.total); !strings.Contains(query, " FROM "+tc.want) {
			t.Errorf("a page at %d of %d, by %s, is %s, want it from %s", tc.offset, tc.total, tc.sort, query, tc.want)
		}
	}
}
