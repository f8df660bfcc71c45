package filter

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"patgate/store"
	"patgate/token"
)

// Question asks which tokens a filter leaves. Its parts speak of the tables tokens as t, token_uses as u and marks as m.
type Question struct {
	f        store.Filter
	now      int64
	where    []condition
	u, m     bool   // which tables are needed
	column   string // what they are put in order by
	d        Dialect
	text     string // what is looked for in names and descriptions, as it is stored
	lists    []list
	on       []bool // the lists that all candidates are on
	narrowed list   // the candidates: no other tokens are looked at; without a query all are
	gathers  bool   // an index gives all tokens that are left, so that it costs little to put them in order
}

// condition is what tokens must fulfil.
type condition struct {
	text   string
	args   []any
	tokens bool // it speaks of the table tokens
	list   int  // all on the list of this number, from 1 on, fulfil it; 0: there is no such list
}

// Dialect is what databases say in ways of their own.
type Dialect struct {
	// Grams gives a query for the ids, under the name id, of the tokens whose names and descriptions have all of some sequences
	// of three characters, with its argument. Nil: text is looked for in the names and descriptions themselves.
	Grams func(grams []string) (query string, arg any)
	// Loose tells that a token may lack rows in token_uses and marks, and that marks repeats no columns of tokens.
	Loose bool
	// Marked tells that no token lacks a row in marks at this time, as far as is known.
	Marked bool
	// IndexedBy says, behind the name of a table, by which index it is read. A database that knows how much there is chooses
	// itself: then it is empty.
	IndexedBy func(index string) string
	// Within are the networks, as they are stored, that have the address of the filter.
	Within []string
	// Few is how many tokens are put in order rather than looked for in the order of an index; 2000 when it is 0.
	Few int
	// Owned is how many tokens the filter's owner has, of about so many Tokens in all. Where Tokens is 0 he has few.
	Owned, Tokens int
	// Sizes is what Question.Sizes asks for, if that was asked.
	Sizes []int
	// Sought and Named are what the queries of these names give.
	Sought, Named int
}

// Of gives the question of a filter.
func Of(f store.Filter, d Dialect) *Question { return of(f, d, false) }

// of gives it. A brief one reads the state of tokens in marks.
func of(f store.Filter, d Dialect, brief bool) *Question {
	q := &Question{f: f, now: millis(f.Now), d: d}
	q.m = brief || q.byReach()
	q.marked()
	q.orderBy()
	if f.OwnerID != 0 {
		q.ofOwner("", " = ?", f.OwnerID)
	}
	if f.CredentialID != 0 {
		q.about("t.credential_id = ?", f.CredentialID)
	}
	if f.FamilyID != 0 {
		q.about("t.family_id = ?", f.FamilyID)
	}
	if f.After != 0 {
		q.about("t.id > ?", f.After)
	}
	switch {
	case f.Revoked != nil && *f.Revoked:
		q.about("t.revoked_at > 0")
	case f.Revoked != nil:
		q.about("t.revoked_at = 0")
	}
	q.named()
	q.reaching()
	q.networked()
	q.unused()
	q.span("t.created_at", f.Created)
	q.span("t.expires_at", f.Expires)
	if !f.LastUsed.After.IsZero() || !f.LastUsed.Before.IsZero() {
		q.u = true
		q.add("u.last_used_at > 0")
		q.span("u.last_used_at", f.LastUsed)
	}
	q.standing()
	q.narrow()
	return q
}

// owned tells whether only the tokens of an owner who has few are gone through, by an index of his.
func (q *Question) owned() bool {
	return q.f.OwnerID != 0 && (q.d.Tokens == 0 || q.d.Owned <= cmp.Or(q.d.Few, few))
}

func (q *Question) add(text string, values ...any) {
	q.where = append(q.where, condition{text: text, args: values})
}

// about adds a condition about the table tokens.
func (q *Question) about(text string, values ...any) {
	q.where = append(q.where, condition{text: text, args: values, tokens: true})
}

// ofOwner adds a condition about the owner of a token, whose id stands between the two parts of its text.
func (q *Question) ofOwner(before, after string, values ...any) {
	if q.m && !q.d.Loose {
		q.add(before+"m.owner_id"+after, values...)
	} else {
		q.about(before+"t.owner_id"+after, values...)
	}
}

func (q *Question) span(column string, s store.Span) {
	add := q.add
	if column[0] == 't' {
		add = q.about
	}
	if !s.After.IsZero() {
		add(column+" > ?", millis(s.After))
	}
	if !s.Before.IsZero() {
		add(column+" < ?", millis(s.Before))
	}
}

// orderBy finds the column that the tokens are put in order by.
func (q *Question) orderBy() {
	switch q.f.Sort {
	case store.SortExpiresAsc, store.SortExpiresDesc:
		if q.column = "m.expires_at"; !q.m || q.d.Loose {
			q.column = "t.expires_at"
		}
	case store.SortLastUsedAsc, store.SortLastUsedDesc:
		q.column, q.u = "u.last_used_at", true
	case store.SortNameAsc, store.SortNameDesc:
		q.column = "lower(t.name)"
	case store.SortReachAsc, store.SortReachDesc:
		q.column = "m.reach"
	default:
		q.column = "t.created_at"
	}
	if q.d.Loose && (q.column[0] == 'u' || q.column[0] == 'm') {
		q.column = "coalesce(" + q.column + ", 0)"
	}
}

// reporting is the condition that a token is in report mode.
func (q *Question) reporting() (string, []any) {
	return "t.owners_word AND t.parent_id = 0 AND t.report_from > ? AND t.report_from <= ? AND t.report_until > ?",
		[]any{millis(q.f.Now.Add(-token.LongestReport)), q.now, q.now}
}

// marked adds what the state and the mark of tokens must be. Only active ones have marks.
func (q *Question) marked() {
	const live = "m.live = 1 AND m.expires_at > ?"
	const neverUsed = "m.never_used = 1 AND NOT EXISTS " +
		"(SELECT 1 FROM token_uses n WHERE n.token_id = m.token_id AND n.last_used_at > 0)"
	kept := func(condition string, values ...any) {
		if q.m = true; q.d.Loose {
			q.active()
			q.add(condition, values...)
			return
		}
		q.add(live+" AND "+condition, append([]any{q.now}, values...)...)
	}
	switch q.f.Mark {
	case store.MarkBroad:
		if !q.f.ReportsAreBroad {
			kept("m.broad = 1")
			return
		}
		reports, args := q.reporting()
		q.active()
		if q.d.Loose {
			q.about("(t.id IN (SELECT m.token_id FROM marks m WHERE m.broad = 1) OR "+reports+")", args...)
			return
		}
		q.about("(t.id IN (SELECT m.token_id FROM marks m WHERE m.live = 1 AND m.broad = 1 AND m.expires_at > ?) OR "+reports+")",
			append([]any{q.now}, args...)...)
	case store.MarkMints:
		kept("m.mints = 1")
	case store.MarkDangerous:
		kept("m.dangerous = 1")
	case store.MarkUnused:
		if !q.f.Unobserved {
			kept("m.unused_from > 0 AND m.unused_from <= ? AND (m.never_used = 0 OR "+neverUsed+")", q.now)
			return
		}
		fallthrough
	case store.MarkNeverUsed:
		kept("m.unused_from > 0 AND m.unused_from <= ? AND "+neverUsed, q.now)
	case store.MarkSoon:
		q.active()
		q.about("t.expires_at < ? AND (t.expires_at - CAST(? AS BIGINT)) * ? < t.expires_at - t.created_at",
			millis(q.f.Now.Add(store.SoonWithin)), q.now, store.SoonShare)
	case store.MarkHeldBack:
		q.active()
		q.about("t.table_version < ?", q.f.TableVersion)
	case store.MarkRests:
		q.active()
		q.about("t.credential_id IN (SELECT id FROM credentials WHERE status = 'invalid')")
	case store.MarkReports:
		reports, args := q.reporting()
		q.active()
		q.about("t.report_until > 0 AND "+reports, args...)
	default:
		q.state()
	}
}

func (q *Question) active() {
	q.about("t.revoked_at = 0 AND t.paused_at = 0 AND t.expires_at > ?", q.now)
}

func (q *Question) state() {
	switch q.f.State {
	case store.StateActive:
		if q.m && !q.d.Loose {
			q.add("m.live = 1 AND m.expires_at > ?", q.now)
			return
		}
		q.active()
	case store.StateInactive:
		q.about("(t.revoked_at > 0 OR t.paused_at > 0 OR t.expires_at <= ?)", q.now)
	case store.StateExpired:
		q.about("t.revoked_at = 0 AND t.expires_at <= ?", q.now)
	case store.StateRevoked:
		q.about("t.revoked_at > 0")
	case store.StatePaused:
		q.about("t.revoked_at = 0 AND t.paused_at > 0 AND t.expires_at > ?", q.now)
	}
}

// named adds what tokens must name, and be called.
func (q *Question) named() {
	f := q.f
	if !Searchable(f.Search) || !Searchable(f.Naming.Path) {
		q.about("1 = 0")
		return
	}
	switch {
	case f.Naming.Empty():
	case q.d.Named > q.most():
		text, values := q.names(f.Naming, false)
		q.about("("+text+")", values...)
	default:
		queries, values := naming(f.Naming, f.OwnerID, false, true)
		q.about("t.id IN ("+strings.Join(queries, " UNION ")+")", values...)
	}
	if f.Search == "" {
		return
	}
	q.text = lower(f.Search)
	pattern := Containing(f.Search)
	text, values := `lower(t.name) LIKE ? ESCAPE '\' OR lower(t.description) LIKE ? ESCAPE '\'`, []any{pattern, pattern}
	var candidates []string
	var within []any
	if len(q.text) > longestText {
		text, values, q.text = "1 = 0", nil, ""
	}
	if sequences := gramsOf(q.text); q.d.Grams != nil && len(sequences) > 0 {
		query, arg := q.d.Grams(sequences)
		candidates, within = append(candidates, query), append(within, arg)
	}
	flows := q.d.Sought > q.most()
	if n := searched(f.Search); f.SearchPlaces && !n.Empty() {
		if queries, more := naming(n, f.OwnerID, true, false); len(candidates) > 0 {
			candidates, within = append(candidates, queries...), append(within, more...)
		}
		if flows || q.d.Loose && len(candidates) > 0 { // of each candidate
			places, more := q.names(n, true)
			text, values = places+" OR "+text, append(more, values...)
		} else {
			queries, more := naming(n, f.OwnerID, true, true)
			text, values = text+" OR t.id IN ("+strings.Join(queries, ") OR t.id IN (")+")", append(values, more...)
		}
	}
	switch {
	case len(candidates) == 0:
	case flows:
		query := "SELECT DISTINCT id FROM (" + strings.Join(candidates, " UNION ALL ") + ") AS c"
		q.lists = append(q.lists, list{query: query, args: within, text: true, flows: true})
	default:
		q.lists = append(q.lists, list{query: strings.Join(candidates, " UNION "), args: within, text: true})
	}
	q.about("("+text+")", values...)
}

// Containing is the pattern, for LIKE with the escape sign \, of what contains a text, in small letters.
func Containing(text string) string {
	return "%" + strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(lower(text)) + "%"
}

// mostGrams is how many sequences of characters are looked up: they only narrow down where the text is looked for.
const mostGrams = 16

// gramsOf gives sequences of three characters that a text is made of, each once and none for a shorter one: of a long text, from
// all over it.
func gramsOf(text string) (all []string) {
	runes := []rune(text)
	last := len(runes) - 3
	if last < 0 {
		return nil
	}
	n := min(last/3+1, mostGrams-1)
	for i := range n + 1 {
		at := i * last / n
		if gram := string(runes[at : at+3]); !slices.Contains(all, gram) {
			all = append(all, gram)
		}
	}
	return all
}

// millis stores a time; the zero time is 0.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}
