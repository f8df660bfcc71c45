package tables

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"patgate/store"
	"patgate/store/tables/filter"
	"patgate/store/tables/granted"
	"patgate/store/tables/tally"
)

const listedQuery = "SELECT " + tokenColumns + ", " + ownerColumns + `, coalesce(u.uses, 0), coalesce(u.last_used_at, 0),
	t.revoked_by, t.pause_reason, t.paused_by, t.touched_at, t.widened_at, t.children, c.status, c.reason,
	coalesce((SELECT string_agg(a.address, ' ' ORDER BY a.last_used_at DESC, a.address) FROM token_addresses a
		WHERE a.token_id = t.id), ''), coalesce(m.turn, 0), coalesce(m.judged, 0),
	coalesce(m.judged_at, 0), coalesce(m.unused_from, 0), coalesce(m.reach, 0)
	FROM tokens t JOIN owners o ON o.id = t.owner_id
	JOIN credentials c ON c.id = t.credential_id LEFT JOIN token_uses u ON u.token_id = t.id
	LEFT JOIN marks m ON m.token_id = t.id`

// listedRow receives listedQuery.
type listedRow struct {
	l        store.Listed
	t        tokenRow
	o        ownerRow
	lastUsed int64
	touched  int64
	widened  int64
	from     string
	status   string
	judged   int64
	unused   int64
}

func (r *listedRow) fields() []any {
	return append(append(r.t.fields(), r.o.fields()...), &r.l.Uses, &r.lastUsed, &r.l.RevokedBy, &r.l.PauseReason,
		&r.l.PausedBy, &r.touched, &r.widened, &r.l.Children, &r.status, &r.l.CredentialReason, &r.from,
		&r.l.Kept.Turn, &r.l.Kept.Under, &r.judged, &r.unused, &r.l.Kept.Reach)
}

func (r *listedRow) listed() (l store.Listed, err error) {
	r.l.Owner = r.o.owner()
	r.l.LastUsedAt, r.l.TouchedAt = instant(r.lastUsed), instant(r.touched)
	r.l.WidenedAt = instant(r.widened)
	r.l.Kept.At, r.l.Kept.UnusedFrom = instant(r.judged), instant(r.unused)
	r.l.Credential = store.ParseCredentialStatus(r.status)
	r.l.Addresses = strings.Fields(r.from)
	r.l.Record, err = r.t.record()
	return r.l, err
}

func tokenByID(ctx context.Context, q Conn, id int64) (store.Listed, error) {
	var row listedRow
	err := q.QueryRow(ctx, listedQuery+" WHERE t.id = ?", id).Scan(row.fields()...)
	if errors.Is(err, ErrNone) {
		return store.Listed{}, store.ErrUnknownToken
	}
	if err != nil {
		return store.Listed{}, err
	}
	l, err := row.listed()
	if err != nil {
		return store.Listed{}, err
	}
	list := []store.Listed{l}
	err = nameAll(ctx, q, list)
	return list[0], err
}

// mostPaged is how many tokens a list has at most that is read page by page.
const mostPaged = 1000

// Tokens implements store.Tokens.
func (db *Tables) Tokens(ctx context.Context, f store.Filter) (list []store.Listed, total int, err error) {
	paged := f.Limit > 0 && f.Limit <= mostPaged
	err = db.d.Snapshot(ctx, func(tx Conn) error { // count and page see the same state
		d, err := db.dialect(ctx, tx, &f)
		if err != nil {
			return err
		}
		q, err := filter.Of(f, d).Sized(ctx, tx)
		if err != nil {
			return err
		}
		ids, upTo := []int64(nil), 0
		if paged {
			if ids, total, upTo, err = fewOf(ctx, tx, q); err != nil {
				return err
			}
		}
		if f.After == 0 && upTo == 0 { // a walk asks for a thousand pages, and each would count all that is behind it
			if total, err = db.count(ctx, tx, &f, q); err != nil {
				return err
			}
		}
		switch {
		case f.CountOnly:
			return nil
		case upTo > 0 && total <= upTo:
			list, err = listed(ctx, tx, ids)
		case paged:
			list, err = page(ctx, tx, q, total)
		default:
			list, err = all(ctx, tx, q, &f)
		}
		if err != nil || !f.WithNames || !paged {
			return err
		}
		return nameAll(ctx, tx, list)
	})
	if err == nil && f.WithNames && !paged { // all there are: no snapshot is held for so long
		err = nameAll(ctx, db.d.Read, list)
	}
	if err != nil {
		return nil, 0, fmt.Errorf("listing tokens: %w", err)
	}
	if f.CountTo > 0 {
		total = min(total, f.CountTo+1)
	}
	return list, total, nil
}

// count counts what a question asks for, or knows it.
func (db *Tables) count(ctx context.Context, tx Conn, f *store.Filter, q *filter.Question) (total int, err error) {
	if number := tally.Plain(f); number != nil {
		t, err := db.tally(ctx, tx, &store.OwnerFilter{Now: f.Now, OwnerID: f.OwnerID, ReportsAreBroad: f.ReportsAreBroad})
		return number(&t), err
	}
	query, args := q.Count()
	err = tx.QueryRow(ctx, query, args...).Scan(&total)
	return total, err
}

// dialect says how tokens are looked up now: text in its index only when all of it is there, and as the name of a place only when
// some token names it.
func (db *Tables) dialect(ctx context.Context, tx Conn, f *store.Filter) (d filter.Dialect, err error) {
	d = db.d.Filter
	ask := func(when bool, to any, query string, args ...any) {
		if when && err == nil {
			err = tx.QueryRow(ctx, query, args...).Scan(to)
		}
	}
	if f.From.IsValid() {
		d.Within, err = granted.Within(ctx, tx, f.From)
	}
	ask(f.Limit > 0, &d.Tokens, "SELECT coalesce((SELECT max(id) FROM tokens) - (SELECT min(id) FROM tokens) + 1, 0)")
	if f.OwnerID != 0 && f.Limit > 0 && err == nil {
		var t store.Tally
		t, err = db.tally(ctx, tx, &store.OwnerFilter{Now: f.Now, OwnerID: f.OwnerID})
		d.Owned = t.Tokens
	}
	ask(d.Loose && (f.Sort == store.SortReachAsc || f.Sort == store.SortReachDesc), &d.Marked,
		"SELECT NOT EXISTS (SELECT 1 FROM unmarked)")
	query, args := filter.Sought(f, d.Many()+1)
	ask(query != "", &d.Sought, query, args...)
	f.SearchPlaces = d.Sought > 0
	query, args = filter.Named(f, d.Many()+1)
	ask(query != "", &d.Named, query, args...)
	untexted := false
	ask(f.Search != "" && d.Grams != nil, &untexted, "SELECT EXISTS (SELECT 1 FROM "+db.d.Untexted+")")
	if untexted {
		d.Grams = nil
	}
	return d, err
}

// all lists what a question asks for at once.
func all(ctx context.Context, tx Conn, q *filter.Question, f *store.Filter) ([]store.Listed, error) {
	limit := most
	if f.Limit > 0 {
		limit = int64(f.Limit)
	}
	where, args := q.All()
	rows, err := tx.Query(ctx, listedQuery+where+" LIMIT ? OFFSET ?", append(args, limit, f.Offset)...)
	if err != nil {
		return nil, err
	}
	return scanListed(rows)
}

// page lists a page: first which tokens are on it, so that nothing else is read of the others.
func page(ctx context.Context, tx Conn, q *filter.Question, total int) ([]store.Listed, error) {
	query, args, reversed := q.Page(total)
	for _, end := range append(q.Ends(total), filter.End{Query: query, Args: args, Reversed: reversed}) {
		ids, err := granted.Column[int64](ctx, tx, end.Query, end.Args...)
		if err != nil {
			return nil, err
		}
		if len(ids) < end.Full {
			continue
		}
		if end.Reversed {
			slices.Reverse(ids)
		}
		return listed(ctx, tx, ids)
	}
	return nil, nil
}

// fewOf gives the ids of a page and the number of all, when these are asked for at once and there are at most upTo. Of more, it
// tells only that there are more. It is not asked when upTo is 0.
func fewOf(ctx context.Context, tx Conn, q *filter.Question) (ids []int64, total, upTo int, err error) {
	query, args, upTo := q.Few()
	if query == "" {
		return nil, 0, 0, nil
	}
	rows, err := tx.Query(ctx, query, args...)
	if err != nil {
		return nil, 0, 0, err
	}
	defer rows.Close()
	for rows.Next() {
		var id int64
		if err := rows.Scan(&total, &id); err != nil {
			return nil, 0, 0, err
		}
		if id != 0 {
			ids = append(ids, id)
		}
	}
	return ids, total, upTo, rows.Err()
}

// listed reads tokens by their ids, in that order.
func listed(ctx context.Context, q Conn, ids []int64) (list []store.Listed, err error) {
	if len(ids) == 0 {
		return nil, nil
	}
	place := make(map[int64]int, len(ids))
	for i, id := range ids {
		place[id] = i
	}
	rows, err := queryListed(ctx, q, ids)
	if err != nil {
		return nil, err
	}
	list, err = scanListed(rows)
	slices.SortFunc(list, func(a, b store.Listed) int { return cmp.Compare(place[a.ID], place[b.ID]) })
	return list, err
}

func queryListed(ctx context.Context, q Conn, ids []int64) (Rows, error) {
	args := make([]any, len(ids))
	for i, id := range ids {
		args[i] = id
	}
	return q.Query(ctx, listedQuery+" WHERE t.id IN (?"+strings.Repeat(", ?", len(ids)-1)+")", args...)
}

// scanListed reads all rows of listedQuery.
func scanListed(rows Rows) (list []store.Listed, err error) {
	return scanSome(rows, func(_ int64, err error) error { return err })
}

// scanSome reads those rows that can be read, and asks what becomes of a fault in another one.
func scanSome(rows Rows, damaged func(id int64, err error) error) (list []store.Listed, err error) {
	defer rows.Close()
	for rows.Next() {
		var row listedRow
		if err := rows.Scan(row.fields()...); err != nil {
			return nil, err
		}
		l, err := row.listed()
		if err == nil {
			list = append(list, l)
			continue
		}
		if err := damaged(row.t.r.ID, err); err != nil {
			return nil, err
		}
	}
	return list, rows.Err()
}
