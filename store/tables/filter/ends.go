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

// looked is how many of the highest ranks, beyond twice those that are wanted, are looked at in vain, at most, where the filter
// leaves few or none of them.
const looked = 5000

// End asks for a page by one end of an order. What it gives is the page only if that is Full ids; else it lies elsewhere.
type End struct {
	Query    string
	Args     []any
	Full     int
	Reversed bool // they come in the opposite order
}

// Ends gives ways to a page, when there are so many tokens in all, that are quicker than Page: where Page puts all in order, and
// in a database where tokens may lack rows in marks and token_uses. There, tokens with a rank above 0 are the high end of the
// order. They are read by its index, and only some of them where the filter leaves few. The low end begins with the tokens that
// have no rank; those with the lowest ranks follow. An end is left out where the filter leaves none of its tokens.
func (q *Question) Ends(total int) (all []End) {
	f := &q.f
	byUse, byReach := q.byUse(), q.byReach()
	switch {
	case q.sorted(total) || f.After != 0:
		return nil
	case q.outlying() && (!q.d.Loose || !byUse && !byReach):
		return q.outset(total)
	case !q.d.Loose || !byUse && !byReach:
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
		text, args := q.ranked(rankOf(byUse), " DESC", fromHigh+full)
		all = append(all, End{"SELECT t.id" + text + " LIMIT ? OFFSET ?", append(args, full, fromHigh), full, ascending})
	}
	if fromLow < 0 || fromLow >= walked/4 {
		return all
	}
	switch {
	case byReach && q.d.Marked:
		text, args := q.ranked(rank{"marks", "m", "reach", ""}, "", fromLow+full)
		all = append(all, End{"SELECT t.id" + text + " LIMIT ? OFFSET ?", append(args, full, fromLow), full, !ascending})
	case byUse && f.LastUsed == (store.Span{}):
		text, args := q.longUnused(fromLow + full)
		all = append(all, End{text + " LIMIT ? OFFSET ?", append(args, full, fromLow), full, !ascending})
	}
	return all
}

func (q *Question) byUse() bool {
	return q.f.Sort == store.SortLastUsedAsc || q.f.Sort == store.SortLastUsedDesc
}

func (q *Question) byReach() bool {
	return q.f.Sort == store.SortReachAsc || q.f.Sort == store.SortReachDesc
}

// outlying tells whether what the filter leaves may all lie at the far end of the order, as broad tokens do in that by blast
// radius and what has a year in its name does in that by creation, and can be listed without going through the order. It is put
// in order then, unless the page is near to an end of the order.
func (q *Question) outlying() bool {
	f := &q.f
	begins := q.byUse() && (f.NeverUsed || !f.UnusedSince.IsZero() || f.LastUsed != (store.Span{})) // with what is left
	return f.After == 0 && q.column != "m.expires_at" && !begins && (q.narrows() || q.marksIndex(false) != "")
}

// outset asks for a page near to one end of an order, among the first tokens of the order: so many that it is there if what is
// left lies evenly, and if that is not less than an eighth of all where its number is not known.
func (q *Question) outset(total int) []End {
	limit, offset, reversed := q.part(total)
	full, most := limit, near+8*(offset+limit)
	if q.d.Loose {
		most += 4 * near // it looks at one more quickly
	}
	if q.narrowed.flows {
		most = min(near+32*(offset+limit), walked)
	}
	if q.exact(total) {
		full = max(0, min(limit, total-q.f.Offset))
		most = near + 2*(offset+limit)*q.d.Tokens/total
	}
	rows, id, ok := q.rows()
	if !ok || most > walked || q.exact(total) && most > 2*total {
		return nil
	}
	order, args := q.order(id, false, reversed), append(slices.Clone(rows.args), most)
	if q.d.Loose {
		text, more := q.loosely(false)
		text = strings.Replace(text, " FROM tokens t", " FROM (SELECT *"+rows.text+order+" LIMIT ?) t", 1)
		args = slices.Concat(args, more, []any{limit, offset})
		return []End{{"SELECT t.id" + text + order + " LIMIT ? OFFSET ?", args, full, reversed}}
	}
	compared, end := " <= ", "x'', 0" // no number and no text is greater
	if q.f.Sort.Ascending() == reversed {
		compared, end = " >= ", "-1, 0"
	}
	last := " FROM (SELECT * FROM (SELECT " + q.column + " AS place, " + id + " AS id" + rows.text + order +
		" LIMIT 1 OFFSET ?) UNION ALL SELECT " + end + " LIMIT 1))"
	of := *q
	of.where = []condition{{text: "(" + q.column + ", " + id + ")" + compared + "(SELECT place, id" + last, args: args}}
	if id == "t.id" { // SQLite takes no pair with an expression in it for a range of an index
		of.add(q.column+compared+"(SELECT place"+last, args...)
	}
	if q.narrows() && !q.narrowed.flows && offset+limit > near/2 { // it pays to have all candidates in memory
		of.where = append(of.where, q.held(id).where...)
	} else {
		of.where = append(of.where, q.where...)
	}
	from, args := of.from(false, true)
	query := "SELECT " + q.id(false) + from + q.order(q.id(false), false, reversed) + " LIMIT ? OFFSET ?"
	return []End{{query, append(args, limit, offset), full, reversed}}
}

// held is the question with all candidates in memory, against which what is gone through is held. The first condition stays: an
// index may have only what fulfils it.
func (q *Question) held(id string) *Question {
	of := *q
	of.where = []condition{{text: id + " IN (SELECT id FROM (" + q.narrowed.query + "))", args: q.narrowed.args}}
	of.where = append(append(of.where, q.where[0]), slices.DeleteFunc(slices.Clone(q.where[1:]), q.implied)...)
	return &of
}

// rows gives the FROM clause of what has an index in the order, and its column with ids. Not ok: another order is gone through.
func (q *Question) rows() (from condition, id string, ok bool) {
	switch {
	case q.byUse():
		return condition{text: " FROM token_uses u"}, "u.token_id", true
	case q.byReach():
		return condition{text: " FROM marks m"}, "m.token_id", true
	}
	from = condition{text: " FROM tokens t" + q.tokensIndex(true)}
	if q.f.State != store.StateAny || q.f.Mark != store.MarkNone {
		from = condition{text: from.text + " WHERE " + q.where[0].text, args: q.where[0].args}
	}
	return from, "t.id", q.d.Loose || !q.m && q.tokensIndex(true) != ""
}

// rank is what an order goes by: a table, what it is called in statements, the column, and which rows have a rank.
type rank struct{ table, as, column, where string }

// rankOf is that of the tokens with a last use, or with a blast radius.
func rankOf(byUse bool) rank {
	if byUse {
		return rank{"token_uses", "u", "last_used_at", " WHERE last_used_at > 0"}
	}
	return rank{"marks", "m", "reach", " WHERE reach > 0"}
}

// ranked gives the tables and the order of those of the highest or lowest ranks that the filter leaves, when so many of them are
// wanted.
func (q *Question) ranked(by rank, direction string, wanted int) (text string, args []any) {
	order := by.column + direction + ", token_id" + direction
	rows := "(SELECT * FROM " + by.table + by.where + " ORDER BY " + order + " LIMIT ?)"
	text, args = q.loosely(false)
	text = strings.Replace(text, "LEFT JOIN "+by.table+" "+by.as, "JOIN "+rows+" "+by.as, 1)
	return text + " ORDER BY " + by.as + "." + by.column + direction + ", " + by.as + ".token_id" + direction,
		slices.Concat([]any{min(2*near+6*wanted, looked+2*wanted)}, args)
}

// longUnused asks for so many tokens that were never used, by id, whether they have a row in token_uses or not. Where there are
// fewer, those that were used the longest ago follow.
func (q *Question) longUnused(wanted int) (query string, args []any) {
	of := *q
	of.where = slices.Clone(q.where)
	of.add("NOT EXISTS (SELECT 1 FROM token_uses n WHERE n.token_id = t.id AND n.last_used_at > 0)")
	text, args := of.loosely(false)
	query = "SELECT t.id" + text + " ORDER BY t.id"
	if q.neverUsed() {
		return query, args
	}
	text, more := q.ranked(rankOf(true), "", wanted)
	query = "WITH unused AS MATERIALIZED (" + query + " LIMIT ?) SELECT id FROM (SELECT id, 0 AS place FROM unused UNION ALL " +
		"(SELECT t.id, u.last_used_at" + text + " LIMIT ? - (SELECT count(*) FROM unused))) AS low ORDER BY place, id"
	return query, slices.Concat(args, []any{wanted}, more, []any{wanted})
}

// neverUsed tells whether only tokens are left that were never used.
func (q *Question) neverUsed() bool {
	return q.f.NeverUsed || q.f.Mark == store.MarkNeverUsed || q.f.Mark == store.MarkUnused && q.f.Unobserved
}

// exact tells whether the number is that of all tokens.
func (q *Question) exact(total int) bool { return q.f.CountTo <= 0 || total <= q.f.CountTo }

// sorted tells whether so few tokens are left that they are put in order: an owner's, when it takes longer to go through those of
// all in the order of an index, where his lie evenly. An index that tells whose they are is read four times as quickly.
func (q *Question) sorted(total int) bool {
	if q.f.After != 0 || !q.exact(total) {
		return q.f.After == 0 && q.owned()
	}
	limit, offset, _ := q.part(total)
	quicker := 4
	if q.byUse() {
		quicker = 1
	}
	few := cmp.Or(q.d.Few, few)
	if q.d.Loose && q.f.Mark != store.MarkNone && q.byReach() { // an index gives all of them
		few = q.most()
	}
	return q.owned() || total <= few || q.f.OwnerID != 0 && (offset+limit)*q.d.Tokens/total > quicker*total
}
