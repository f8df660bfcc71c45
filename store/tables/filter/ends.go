package filter

import (
	"cmp"
	"slices"
	"strings"

	"patgate/store"
)

// walked is how many tokens at most are gone through to get to a page from an end of an order. Beyond that it is as quick to put
// all of them in order.
const walked = 20_000

// looked is how many of the highest ranks are looked at in vain, at most, where the filter leaves few or none of them.
const looked = 5000

// End asks for a page by one end of an order. What it gives is the page only if that is Full ids; else it lies elsewhere.
type End struct {
	Query    string
	Args     []any
	Full     int
	Reversed bool // they come in the opposite order
}

// Ends gives ways to a page, when there are so many tokens in all, that are quicker than Page in a database where tokens may lack
// rows in marks and token_uses. Those with a rank above 0 have one: they are an end of the order, and are gone through by its
// index, not all of it where the filter leaves few. The other end are those never used, whether they have a row or not, by id. An
// end of which the filter leaves nothing is left out.
func (q *Question) Ends(total int) (all []End) {
	f := &q.f
	byUse := f.Sort == store.SortLastUsedAsc || f.Sort == store.SortLastUsedDesc
	byReach := f.Sort == store.SortReachAsc || f.Sort == store.SortReachDesc
	if !q.d.Loose || !byUse && !byReach || q.sorted(total) || f.After != 0 {
		return nil
	}
	ascending, full := f.Sort.Ascending(), f.Limit
	fromHigh, fromLow := f.Offset, -1
	if ascending {
		fromHigh, fromLow = -1, f.Offset
	}
	if q.exact(total) {
		full = max(0, min(f.Limit, total-f.Offset))
		if other := total - f.Offset - full; ascending {
			fromHigh = other
		} else {
			fromLow = other
		}
	}
	if 0 <= fromHigh && fromHigh < walked && !(byUse && q.neverUsed()) {
		table, as, rank := "marks", " m", "reach"
		if byUse {
			table, as, rank = "token_uses", " u", "last_used_at"
		}
		highest := "(SELECT * FROM " + table + " WHERE " + rank + " > 0 ORDER BY " + rank + " DESC, token_id DESC LIMIT ?)"
		from, args := q.loosely(false)
		from = strings.Replace(from, "LEFT JOIN "+table+as, "JOIN "+highest+as, 1)
		query := "SELECT t.id" + from + " ORDER BY" + as + "." + rank + " DESC," + as + ".token_id DESC LIMIT ? OFFSET ?"
		all = append(all, End{query, slices.Concat([]any{looked + 2*(fromHigh+full)}, args, []any{full, fromHigh}), full, ascending})
	}
	if byUse && 0 <= fromLow && fromLow < walked/4 && f.LastUsed == (store.Span{}) {
		of := *q
		of.where = append(slices.Clone(q.where),
			"NOT EXISTS (SELECT 1 FROM token_uses n WHERE n.token_id = t.id AND n.last_used_at > 0)")
		from, args := of.loosely(false)
		all = append(all, End{"SELECT t.id" + from + " ORDER BY t.id LIMIT ? OFFSET ?", append(args, full, fromLow), full, !ascending})
	}
	return all
}

// neverUsed tells whether only tokens are left that were never used.
func (q *Question) neverUsed() bool {
	return q.f.NeverUsed || q.f.Mark == store.MarkNeverUsed || q.f.Mark == store.MarkUnused && q.f.Unobserved
}

// exact tells whether the number is that of all tokens.
func (q *Question) exact(total int) bool { return q.f.CountTo <= 0 || total <= q.f.CountTo }

// sorted tells whether so few tokens are left that they are put in order.
func (q *Question) sorted(total int) bool {
	return q.f.After == 0 && (q.f.OwnerID != 0 || q.exact(total) && total <= cmp.Or(q.d.Few, few))
}
