package filter_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"patgate/store"
	"patgate/store/tables/filter"
)

// A page is not looked for at an end of the order of last use where the filter leaves no token.
func TestEndsThatAreEmpty(t *testing.T) {
	const total, used = 50_000, "JOIN (SELECT * FROM token_uses WHERE last_used_at > 0 ORDER BY"
	const unused = "NOT EXISTS (SELECT 1 FROM token_uses n"
	used30 := store.Span{Before: time.UnixMilli(30)}
	for name, tc := range map[string]struct {
		f         store.Filter
		has, lack string
	}{
		"all, the latest first":                {store.Filter{Sort: store.SortLastUsedDesc}, used, ""},
		"all, those never used first":          {store.Filter{Sort: store.SortLastUsedAsc}, unused, ""},
		"never used, the latest first":         {store.Filter{Sort: store.SortLastUsedDesc, NeverUsed: true}, "", used},
		"never used, those never used first":   {store.Filter{Sort: store.SortLastUsedAsc, NeverUsed: true}, unused, used},
		"marked as never used":                 {store.Filter{Sort: store.SortLastUsedDesc, Mark: store.MarkNeverUsed}, "", used},
		"marked as unused":                     {store.Filter{Sort: store.SortLastUsedDesc, Mark: store.MarkUnused}, used, ""},
		"marked as unused, nothing is known":   {store.Filter{Sort: store.SortLastUsedDesc, Mark: store.MarkUnused, Unobserved: true}, "", used},
		"last used before, the earliest first": {store.Filter{Sort: store.SortLastUsedAsc, LastUsed: used30}, "", unused},
		"last used before, the latest first":   {store.Filter{Sort: store.SortLastUsedDesc, LastUsed: used30}, used, unused},
	} {
		tc.f.Limit = 20
		var orders []string
		for _, end := range filter.Of(tc.f, filter.Dialect{Loose: true}).Ends(total) {
			text, order := cutLast(end.Query, " ORDER BY ")
			of := unused
			if strings.HasPrefix(order, "u.") {
				of = used
			}
			if !strings.Contains(text, of) {
				t.Errorf("%s: %s", name, end.Query)
			}
			orders = append(orders, of)
		}
		all := strings.Join(orders, ", ")
		if tc.has != "" && !strings.Contains(all, tc.has) || tc.lack != "" && strings.Contains(all, tc.lack) || tc.has == "" && all != "" {
			t.Errorf("%s is looked for among those with %q", name, all)
		}
	}
}

func cutLast(text, at string) (before, after string) {
	i := strings.LastIndex(text, at)
	return text[:i], text[i+len(at):]
}

// However few of the highest the filter leaves, not all of the index are gone through. Each argument is where its question mark is.
func TestEndsAreBounded(t *testing.T) {
	for sort, table := range map[store.Sort]string{store.SortReachDesc: "marks", store.SortLastUsedDesc: "token_uses"} {
		f := store.Filter{Sort: sort, State: store.StateRevoked, Search: "abc", CredentialID: 7, Limit: 20, Offset: 40}
		ends := filter.Of(f, filter.Dialect{Loose: true}).Ends(50_000)
		if len(ends) != 1 {
			t.Fatalf("%d ends", len(ends))
		}
		end := ends[0]
		bound := strings.Index(end.Query, "FROM "+table+" WHERE ")
		want := []any{5120, int64(7), "%abc%", "%abc%", 20, 40}
		if bound < 0 || strings.Index(end.Query, "?") < bound || !slices.Equal(end.Args, want) ||
			strings.Count(end.Query, "?") != len(want) {
			t.Errorf("%s\n%v, want %v", end.Query, end.Args, want)
		}
	}
}
