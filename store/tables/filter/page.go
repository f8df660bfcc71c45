package filter

import (
	"cmp"
	"slices"
	"strings"

	"patgate/store"
)

// few is Dialect.Few where that is 0. Of those that an index gives all of, gathered are few.
const few, gathered = 2000, 6000

// near is how many tokens at an end of an order are looked at in any case, before what a filter leaves is put in order.
const near = 400

// from gives the tables of a statement, joined. The statement goes through the first of them.
func (q *Question) from(narrow, walks bool) (text string, args []any) {
	if q.d.Loose {
		return q.loosely(narrow)
	}
	var tables, joins []string
	first := ""
	join := func(table, id, index, within string) {
		if first == "" {
			table, first = table+index, id
		} else {
			table, joins = table+within, append(joins, id+" = "+first)
		}
		tables = append(tables, table)
	}
	if narrow {
		join("("+q.narrowed.query+") c", "c.id", "", "")
		args = slices.Clone(q.narrowed.args)
	}
	byUse := q.u && walks && q.column == "u.last_used_at"
	if byUse {
		join("token_uses u", "u.token_id", q.indexed("token_uses_by_time"), "")
	}
	if q.m {
		join("marks m", "m.token_id", q.marksIndex(walks), "")
	}
	if q.tokens(narrow) {
		told := ""
		if q.text != "" {
			told = q.indexed("tokens_told")
		}
		join("tokens t", "t.id", q.tokensIndex(walks), told)
	}
	if q.u && !byUse {
		join("token_uses u", "u.token_id", "", "")
	}
	text = " FROM " + strings.Join(tables, " CROSS JOIN ") // SQLite goes through them in this order
	for _, c := range q.where {
		if !narrow || !q.implied(c) {
			joins = append(joins, strings.ReplaceAll(c.text, "t.id", first)) // which is known before the token is read
			args = append(args, c.args...)
		}
	}
	if len(joins) > 0 {
		text += " WHERE " + strings.Join(joins, " AND ")
	}
	return text, args
}

// tokens tells whether the table tokens is needed.
func (q *Question) tokens(narrow bool) bool {
	return !q.m || q.d.Loose || q.column[0] != 'm' && q.column[0] != 'u' ||
		slices.ContainsFunc(q.where, func(c condition) bool { return c.tokens && !(narrow && q.implied(c)) })
}

// conditions are those of the WHERE clause, with their arguments.
func (q *Question) conditions() (text string, args []any) {
	var all []string
	for _, c := range q.where {
		all, args = append(all, c.text), append(args, c.args...)
	}
	return strings.Join(all, " AND "), args
}

// loosely is from, for a database that chooses its way itself, of all tokens, whatever else there is of them.
func (q *Question) loosely(narrow bool) (text string, args []any) {
	text = " FROM tokens t"
	if q.u {
		text += " LEFT JOIN token_uses u ON u.token_id = t.id"
	}
	if q.m {
		text += " LEFT JOIN marks m ON m.token_id = t.id"
	}
	of := *q
	if narrow {
		of.where = slices.DeleteFunc(slices.Clone(q.where), q.implied)
		of.add("t.id IN ("+q.narrowed.query+")", q.narrowed.args...)
	}
	if where, args := of.conditions(); where != "" {
		return text + " WHERE " + where, args
	}
	return text, nil
}

// tokensIndex says by which index the table tokens is gone through: that of the order, or of the state.
func (q *Question) tokensIndex(walks bool) string {
	f := &q.f
	if q.owned() || f.CredentialID != 0 || f.FamilyID != 0 || f.After != 0 || !walks && (f.OwnerID != 0 || !f.Naming.Empty()) {
		return ""
	}
	switch {
	case walks && q.column == "t.created_at":
		return q.indexed("tokens_by_creation")
	case walks && q.column == "lower(t.name)":
		return q.indexed("tokens_by_name")
	case f.Mark == store.MarkReports && !walks:
		return q.indexed("tokens_reporting")
	case f.State == store.StateActive || f.Mark != store.MarkNone:
		return q.indexed("tokens_live")
	case f.State == store.StatePaused:
		return q.indexed("tokens_paused")
	case f.State == store.StateExpired:
		return q.indexed("tokens_unrevoked")
	case f.State == store.StateRevoked:
		return q.indexed("tokens_revoked")
	case walks:
		return q.indexed("tokens_by_expiry")
	}
	return ""
}

// marksIndex says by which index the table marks is gone through.
func (q *Question) marksIndex(walks bool) string {
	switch {
	case q.owned():
		return q.indexed("marks_by_owner")
	case walks && q.column == "m.reach":
		return q.indexed("marks_by_reach")
	case q.f.Mark == store.MarkBroad && !q.f.ReportsAreBroad:
		return q.indexed("marks_broad")
	case q.f.Mark == store.MarkMints:
		return q.indexed("marks_mints")
	case q.f.Mark == store.MarkDangerous:
		return q.indexed("marks_dangerous")
	case q.f.Mark == store.MarkUnused, q.f.Mark == store.MarkNeverUsed:
		return q.indexed("marks_unused")
	}
	return ""
}

func (q *Question) indexed(index string) string {
	if q.d.IndexedBy == nil {
		return ""
	}
	return q.d.IndexedBy(index)
}

// id names a column that holds the id of a token.
func (q *Question) id(narrow bool) string {
	if q.tokens(narrow) {
		return "t.id"
	}
	return "m.token_id"
}

// Count asks how many there are. Of more than f.CountTo it tells that there are more.
func (q *Question) Count() (query string, args []any) {
	f := q.f
	f.Sort = store.SortExpiresAsc // an order may need a table that the number does not
	q = Of(f, q.d).brief()
	from, args := q.from(q.narrows() && !q.common(), false)
	if q.f.CountTo <= 0 {
		return "SELECT count(*)" + from, args
	}
	return "SELECT count(*) FROM (SELECT 1" + from + " LIMIT ?) AS found", append(args, q.f.CountTo+1)
}

// Few asks for a page and the number of all at once, where that is at most upTo: each row has the number and an id. Of an empty
// page, and of more than upTo, there is one row without an id: it is 0. No query: Count and Page have to be asked.
func (q *Question) Few() (query string, args []any, upTo int) {
	f := q.f
	if f.CountTo <= 0 || f.CountTo > cmp.Or(q.d.Few, few) || f.After != 0 || f.CountOnly {
		return "", nil, 0
	}
	if upTo = f.CountTo; q.gathers || q.several() && !q.d.Loose || q.common() && !q.narrowed.flows {
		upTo = q.most()
	}
	q = q.brief()
	narrow := q.narrows() && !q.common()
	from, args := q.from(narrow, false)
	by := func(of string) string {
		if f.Sort.Ascending() {
			return " ORDER BY " + of + "place, " + of + "id"
		}
		return " ORDER BY " + of + "place DESC, " + of + "id DESC"
	}
	return "WITH found (id, place) AS MATERIALIZED (SELECT " + q.id(narrow) + ", " + q.column + from + " LIMIT ?), " +
			"number (total) AS MATERIALIZED (SELECT count(*) FROM found) " +
			"SELECT number.total, coalesce(p.id, 0) FROM number LEFT JOIN (SELECT id, place FROM found " +
			"WHERE (SELECT total FROM number) <= ?" + by("") + " LIMIT ? OFFSET ?) AS p ON 1 = 1" + by("p."),
		append(args, upTo+1, upTo, f.Limit, f.Offset), upTo
}

// byMarks gives the tables and the order of all candidates by their blast radius, in a database that chooses its way itself: it
// goes through marks in the order of their index, and reads tokens until a page is full.
func (q *Question) byMarks() (text string, args []any) {
	order := " ORDER BY m.reach, m.token_id"
	if !q.f.Sort.Ascending() {
		order = " ORDER BY m.reach DESC, m.token_id DESC"
	}
	of := *q
	of.m, of.where = false, slices.DeleteFunc(slices.Clone(q.where), q.implied)
	text, args = of.loosely(false)
	rows := " FROM (SELECT m.token_id, m.reach FROM marks m WHERE (m.token_id IN (" + q.narrowed.query + ")) IS TRUE" + order +
		" OFFSET 0) m JOIN tokens t ON t.id = m.token_id" // IS TRUE keeps it from joining these: it looks them up in memory
	return strings.Replace(text, " FROM tokens t", rows, 1) + order, slices.Concat(q.narrowed.args, args)
}

// brief is the question put to candidates and their marks alone, where these tell enough: marks are a quarter of tokens.
func (q *Question) brief() *Question {
	if f := &q.f; !q.d.Loose && !q.owned() && f.State == store.StateActive && f.Mark == store.MarkNone {
		if brief := of(*f, q.d, true); brief.narrows() && (!brief.tokens(true) || q.text != "") {
			return brief
		}
	}
	return q
}

// part is which part of an order a page is, from the end that it is nearer to.
func (q *Question) part(total int) (limit, offset int, reversed bool) {
	limit, offset = q.f.Limit, q.f.Offset
	if q.f.After == 0 && q.exact(total) && offset > total/2 {
		limit = max(0, min(limit, total-offset))
		return limit, max(0, total-offset-limit), true
	}
	return limit, offset, false
}

// Page asks for the ids of those of one page, when there are so many in all. reversed tells that they come in the opposite order.
func (q *Question) Page(total int) (query string, args []any, reversed bool) {
	limit, offset := q.f.Limit, q.f.Offset
	sorted := q.sorted(total)
	switch {
	case !sorted && q.outlying() && q.inOrder():
		q = q.held("t.id")
		limit, offset, reversed = q.part(total)
	case !sorted && q.outlying():
		q, sorted = q.brief(), true
	case !sorted:
		limit, offset, reversed = q.part(total)
	}
	narrow := q.narrows() && sorted && !q.common()
	if narrow && q.d.Loose && q.d.Marked && q.byReach() && q.f.Mark == store.MarkNone {
		from, args := q.byMarks()
		return "SELECT t.id" + from + " LIMIT ? OFFSET ?", append(args, limit, offset), false
	}
	from, args := q.from(narrow, !sorted)
	query = "SELECT " + q.id(narrow) + from + q.order(q.id(narrow), sorted, reversed) + " LIMIT ? OFFSET ?"
	return query, append(args, limit, offset), reversed
}

// inOrder tells whether an index of the table tokens, which tells the state of each too, gives the order: to go through it costs
// less than to read what candidates are put in order by.
func (q *Question) inOrder() bool {
	_, id, ok := q.rows()
	return ok && id == "t.id" && q.narrows() && !q.narrowed.flows && !q.d.Loose
}

// All gives the WHERE and ORDER BY of a statement of the caller's on tokens t, token_uses u and marks m.
func (q *Question) All() (text string, args []any) {
	if text, args = q.conditions(); text != "" {
		text = " WHERE " + text
	}
	return text + q.order("t.id", true, false), args
}

// order gives the ORDER BY clause, ids being in a column. sorted keeps the database from going through all tokens in the order of
// an index.
func (q *Question) order(id string, sorted, reversed bool) string {
	if q.f.After != 0 {
		return " ORDER BY t.id"
	}
	column, ascending := q.column, q.f.Sort.Ascending()
	switch {
	case sorted && column == "lower(t.name)":
		column += " || ''"
	case sorted:
		column = "+" + column
	case column[0] == 'u':
		id = "u.token_id"
	case column[0] == 'm':
		id = "m.token_id"
	}
	if ascending != reversed {
		return " ORDER BY " + column + ", " + id
	}
	return " ORDER BY " + column + " DESC, " + id + " DESC"
}
