package filter

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"

	"patgate/store"
)

// list is a query for the ids, under the name id, of all tokens that may be left, and of others.
type list struct {
	query string
	args  []any
	// apart tells that its ids are not in order, so that it takes long to look for them on other lists.
	apart bool
	// marks tells that it is an index of the table marks, by which that is gone through.
	marks bool
	// text tells that it is of the tokens that a text is in. PostgreSQL takes it for far shorter than it is.
	text bool
	// flows tells that it is as long as a list can be, and begins at once: the first on it are found quickly, all of them slowly.
	flows bool
}

// candidates adds a list of tokens, all of which fulfil the condition that was added last, for a database that does not choose
// its way itself, and has a row in token_uses for each of them.
func (q *Question) candidates(query string, args ...any) {
	if !q.d.Loose {
		q.list(list{query: query, args: args}, len(q.where)-1)
	}
}

// list adds a list of tokens, all of which fulfil a condition.
func (q *Question) list(l list, condition int) {
	q.lists = append(q.lists, l)
	q.where[condition].list = len(q.lists)
}

// standing adds the list of the tokens with a state or a badge, which the first condition is about, if there are others that may
// be shorter or longer.
func (q *Question) standing() {
	if len(q.lists) == 0 {
		return
	}
	c, state := q.where[0], q.f.State
	switch {
	case q.d.Loose && (state != store.StateRevoked || q.f.Mark != store.MarkNone): // no index gives these alone
	case q.marksIndex(false) != "":
		query := "SELECT m.token_id AS id FROM marks m" + q.marksIndex(false) + " WHERE " + c.text
		q.list(list{query: query, args: c.args, apart: true, marks: true}, 0)
	case q.f.Mark == store.MarkSoon: // an index has all that its two conditions are about
		soon := q.where[1]
		query := "SELECT t.id FROM tokens t" + q.tokensIndex(false) + " WHERE " + c.text + " AND " + soon.text
		q.list(list{query: query, args: slices.Concat(c.args, soon.args)}, 0)
		q.where[1].list = len(q.lists)
	case q.f.Mark != store.MarkNone:
	case state == store.StatePaused, state == store.StateExpired, state == store.StateRevoked:
		q.list(list{query: "SELECT t.id FROM tokens t" + q.tokensIndex(false) + " WHERE " + c.text, args: c.args, apart: true}, 0)
	}
}

// Asker answers questions with one row.
type Asker interface {
	QueryRow(ctx context.Context, query string, args ...any) interface{ Scan(fields ...any) error }
}

// Sized is the question as it is asked where there are several lists of candidates, whose sizes it asks for.
func (q *Question) Sized(ctx context.Context, of Asker) (*Question, error) {
	query, args, columns := q.Sizes()
	if query == "" || q.f.Limit == 0 && !q.f.CountOnly {
		return q, nil
	}
	d, to := q.d, make([]any, columns)
	d.Sizes = make([]int, columns)
	for i := range to {
		to[i] = &d.Sizes[i]
	}
	err := of.QueryRow(ctx, query, args...).Scan(to...)
	return Of(q.f, d), err
}

// Sizes asks, in a row of so many columns, how many tokens are on each of the lists of candidates, up to gathered and one more.
// No query: it does not pay to know that.
func (q *Question) Sizes() (query string, args []any, columns int) {
	if q.owned() || q.f.After != 0 || q.d.Loose && !q.crossed() || !q.d.Loose && !q.several() {
		return "", nil, 0
	}
	var all []string
	for _, l := range q.lists {
		if l.flows || q.d.Loose && !l.apart && !l.text { // it would be gone through to its end
			all = append(all, strconv.Itoa(q.most()+1))
			continue
		}
		query := l.query
		if q.d.Loose {
			query = strings.ReplaceAll(query, " UNION ", " UNION ALL ") // which ends at the limit
		}
		all, args = append(all, "(SELECT count(*) FROM (SELECT 1 FROM ("+query+") AS l LIMIT ?) AS n)"), append(args, l.args...)
		args = append(args, q.most()+1)
	}
	return "SELECT " + strings.Join(all, ", "), args, len(all)
}

// several tells whether there is more than one list that can be gone through to its end.
func (q *Question) several() bool {
	n := len(q.lists)
	return n > 2 || n == 2 && !q.lists[0].flows
}

// crossed tells whether it pays to ask for sizes in a database that chooses its way itself: where another index gives all tokens
// of a state or a badge.
func (q *Question) crossed() bool {
	n := len(q.lists)
	return n > 0 && (q.lists[0].text && q.f.Mark == store.MarkSoon || n > 1 && q.lists[n-1].apart)
}

// common tells whether a text is in so many tokens that a database which chooses its way itself does not go by a list of these.
func (q *Question) common() bool {
	return q.d.Loose && (q.narrowed.flows ||
		q.narrowed.text && q.f.Mark == store.MarkSoon && q.d.Sizes != nil && q.d.Sizes[0] > q.most())
}

// Many is how many tokens are put in order at once where lists give all of them.
func (d *Dialect) Many() int { return cmp.Or(d.Few, gathered) }

func (q *Question) most() int { return q.d.Many() }

// narrow chooses the candidates: those on the shortest list, if that is short, or those that are on all lists.
func (q *Question) narrow() {
	if len(q.lists) == 0 || q.owned() || q.f.After != 0 {
		return
	}
	q.on = make([]bool, len(q.lists))
	if shortest := q.shortest(); shortest >= 0 {
		if l := q.lists[shortest]; !l.marks && !(q.d.Loose && l.apart) {
			q.on[shortest], q.narrowed = true, l
		}
		return
	}
	if q.d.Loose { // it knows itself how to go through several
		at := 0
		if q.lists[0].flows {
			at = 1
		}
		q.on[at], q.narrowed = true, q.lists[at]
		return
	}
	var all []string
	for i, l := range q.lists {
		if !l.flows && (!l.apart || q.d.Sizes != nil && q.d.Sizes[i] <= q.most()) {
			q.on[i] = true
			all, q.narrowed.args = append(all, "SELECT id FROM ("+l.query+")"), append(q.narrowed.args, l.args...)
		}
	}
	if q.narrowed.query = strings.Join(all, " INTERSECT "); len(all) == 0 {
		q.on[0], q.narrowed = true, q.lists[0]
	}
}

// shortest gives the list that is gone through alone; -1: all are long.
func (q *Question) shortest() int {
	if !q.several() {
		return len(q.lists) - 1
	}
	at := -1
	for i, size := range q.d.Sizes {
		if size <= q.most()/2 && (at < 0 || size < q.d.Sizes[at]) {
			at = i
		}
	}
	return at
}

// narrows tells whether there are candidates.
func (q *Question) narrows() bool { return q.narrowed.query != "" }

// implied tells whether all candidates fulfil a condition.
func (q *Question) implied(c condition) bool { return c.list > 0 && q.on != nil && q.on[c.list-1] }
