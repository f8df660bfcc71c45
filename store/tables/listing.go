package tables

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"patgate/store"
	"patgate/token"
)

const listedQuery = "SELECT " + tokenColumns + ", " + ownerColumns + `, coalesce(u.uses, 0), coalesce(u.last_used_at, 0),
	t.revoked_by, t.pause_reason, t.paused_by, t.touched_at, t.widened_at, t.children, c.status, c.reason,
	coalesce((SELECT string_agg(a.address, ' ' ORDER BY a.last_used_at DESC, a.address) FROM token_addresses a
		WHERE a.token_id = t.id), '')
	FROM tokens t JOIN owners o ON o.id = t.owner_id
	JOIN credentials c ON c.id = t.credential_id LEFT JOIN token_uses u ON u.token_id = t.id`

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
}

func (r *listedRow) fields() []any {
	return append(append(r.t.fields(), r.o.fields()...), &r.l.Uses, &r.lastUsed, &r.l.RevokedBy, &r.l.PauseReason,
		&r.l.PausedBy, &r.touched, &r.widened, &r.l.Children, &r.status, &r.l.CredentialReason, &r.from)
}

func (r *listedRow) listed() (l store.Listed, err error) {
	r.l.Owner = r.o.owner()
	r.l.LastUsedAt, r.l.TouchedAt = instant(r.lastUsed), instant(r.touched)
	r.l.WidenedAt = instant(r.widened)
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

// Tokens implements store.Tokens.
func (db *Tables) Tokens(ctx context.Context, f store.Filter) (list []store.Listed, total int, err error) {
	where, args := conditions(f)
	limit := most
	if f.Limit > 0 {
		limit = int64(f.Limit)
	}
	err = db.d.Snapshot(ctx, func(tx Conn) error { // count and page see the same state
		if f.After == 0 { // a walk asks for a thousand pages, and each would count all that is behind it
			err := tx.QueryRow(ctx, "SELECT count(*) FROM tokens t LEFT JOIN token_uses u ON u.token_id = t.id"+where,
				args...).Scan(&total)
			if err != nil {
				return err
			}
		}
		rows, err := tx.Query(ctx, listedQuery+where+order(&f)+" LIMIT ? OFFSET ?", append(args, limit, f.Offset)...)
		if err != nil {
			return err
		}
		if list, err = scanListed(rows); err != nil || !f.WithNames || f.Limit == 0 {
			return err
		}
		return nameAll(ctx, tx, list)
	})
	if err == nil && f.WithNames && f.Limit == 0 { // all there are: no snapshot is held for so long
		err = nameAll(ctx, db.d.Read, list)
	}
	if err != nil {
		return nil, 0, fmt.Errorf("listing tokens: %w", err)
	}
	return list, total, nil
}

// scanListed reads all rows of listedQuery.
func scanListed(rows Rows) (list []store.Listed, err error) {
	defer rows.Close()
	for rows.Next() {
		var row listedRow
		if err := rows.Scan(row.fields()...); err != nil {
			return nil, err
		}
		l, err := row.listed()
		if err != nil {
			return nil, err
		}
		list = append(list, l)
	}
	return list, rows.Err()
}

// conditions gives the WHERE clause of a filter with its arguments.
func conditions(f store.Filter) (string, []any) {
	var all []string
	var args []any
	add := func(condition string, values ...any) {
		all = append(all, condition)
		args = append(args, values...)
	}
	if f.OwnerID != 0 {
		add("t.owner_id = ?", f.OwnerID)
	}
	if f.CredentialID != 0 {
		add("t.credential_id = ?", f.CredentialID)
	}
	if f.FamilyID != 0 {
		add("t.family_id = ?", f.FamilyID)
	}
	if f.After != 0 {
		add("t.id > ?", f.After)
	}
	now := millis(f.Now)
	switch f.State {
	case store.StateActive:
		add("t.revoked_at = 0 AND t.paused_at = 0 AND t.expires_at > ?", now)
	case store.StateInactive:
		add("(t.revoked_at > 0 OR t.paused_at > 0 OR t.expires_at <= ?)", now)
	case store.StateExpired:
		add("t.revoked_at = 0 AND t.expires_at <= ?", now)
	case store.StateRevoked:
		add("t.revoked_at > 0")
	case store.StatePaused:
		add("t.revoked_at = 0 AND t.paused_at > 0 AND t.expires_at > ?", now)
	}
	if f.Reporting {
		add("t.owners_word AND t.parent_id = 0 AND t.report_from > ? AND t.report_from <= ? AND t.report_until > ?",
			millis(f.Now.Add(-token.LongestReport)), now, now)
	}
	switch {
	case f.Revoked != nil && *f.Revoked:
		add("t.revoked_at > 0")
	case f.Revoked != nil:
		add("t.revoked_at = 0")
	}
	if !searchable(f.Search) || !searchable(f.Naming.Path) {
		add("1 = 0")
		f.Search, f.Naming.Path = "", ""
	}
	if !f.Naming.Empty() {
		condition, values := naming(f.Naming, f.OwnerID)
		add(condition, values...)
	}
	if f.Search != "" {
		pattern := "%" + strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(lower(f.Search)) + "%"
		condition, values := `lower(t.name) LIKE ? ESCAPE '\' OR lower(t.description) LIKE ? ESCAPE '\'`, []any{pattern, pattern}
		if n := searched(f.Search); f.SearchPlaces && !n.Empty() {
			more, itsValues := naming(n, f.OwnerID)
			condition, values = condition+" OR "+more, append(values, itsValues...)
		}
		add("("+condition+")", values...)
	}
	span := func(column string, s store.Span) {
		if !s.After.IsZero() {
			add(column+" > ?", millis(s.After))
		}
		if !s.Before.IsZero() {
			add(column+" < ?", millis(s.Before))
		}
	}
	span("t.created_at", f.Created)
	span("t.expires_at", f.Expires)
	span("u.last_used_at", f.LastUsed)
	if len(all) == 0 {
		return "", args
	}
	return " WHERE " + strings.Join(all, " AND "), args
}

// lower is what the databases make of text: small letters in ASCII, all else as it is.
func lower(s string) string {
	b := []byte(s)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}

// order gives the ORDER BY clause.
func order(f *store.Filter) string {
	if f.After != 0 {
		return " ORDER BY t.id"
	}
	switch f.Sort {
	case store.SortCreatedAsc:
		return " ORDER BY t.created_at, t.id"
	case store.SortExpiresAsc:
		return " ORDER BY t.expires_at, t.id"
	case store.SortExpiresDesc:
		return " ORDER BY t.expires_at DESC, t.id DESC"
	case store.SortLastUsedAsc:
		return " ORDER BY coalesce(u.last_used_at, 0), t.id"
	case store.SortLastUsedDesc:
		return " ORDER BY coalesce(u.last_used_at, 0) DESC, t.id DESC"
	case store.SortNameAsc:
		return " ORDER BY lower(t.name), t.id"
	case store.SortNameDesc:
		return " ORDER BY lower(t.name) DESC, t.id DESC"
	default:
		return " ORDER BY t.created_at DESC, t.id DESC"
	}
}
