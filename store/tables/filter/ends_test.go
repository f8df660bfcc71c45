package filter_test

import (
	"strings"
	"testing"
	"time"

	"patgate/store"
	"patgate/store/tables/filter"
)

// A page is not looked for at an end of the order of last use where the filter leaves no token.
func TestEndsThatAreEmpty(t *testing.T) {
	const total, used, unused = 50_000, "u.last_used_at > 0", "NOT EXISTS (SELECT 1 FROM token_uses n"
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
			text, order, _ := strings.Cut(end.Query, " ORDER BY ")
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
