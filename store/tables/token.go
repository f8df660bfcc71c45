package tables

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"patgate/store"
	"patgate/store/tables/limited"
	"patgate/token"
)

const tokenColumns = `t.id, t.hash, t.last_four, t.name, t.description, t.owner_id, t.credential_id, t.parent_id, t.scopes,
	t.table_version, t.created_at, t.expires_at, t.revoked_at, t.revoke_reason, t.paused_at,
	t.family_id, t.renew_until, t.rotated_to, t.revision, t.report_from, t.report_until, t.owners_word, t.managed,
	t.born_at, ` + limited.Column

// tokenRow receives tokenColumns.
type tokenRow struct {
	r                                   token.Record
	hash                                []byte
	scopes, limits, managed             string
	created, expires, revoked, pausedAt int64
	renewUntil, born                    int64
	reportFrom, reportUntil             int64
}

func (t *tokenRow) fields() []any {
	return []any{&t.r.ID, &t.hash, &t.r.LastFour, &t.r.Name, &t.r.Description, &t.r.OwnerID, &t.r.CredentialID, &t.r.ParentID,
		&t.scopes, &t.r.TableVersion, &t.created, &t.expires, &t.revoked, &t.r.RevokeReason, &t.pausedAt,
		&t.r.FamilyID, &t.renewUntil, &t.r.RotatedTo, &t.r.Revision, &t.reportFrom, &t.reportUntil, &t.r.OwnersWord, &t.managed,
		&t.born, &t.limits}
}

func (t *tokenRow) record() (token.Record, error) {
	if len(t.hash) != len(t.r.Hash) {
		return token.Record{}, fmt.Errorf("%w: hash of token %d", store.ErrDamaged, t.r.ID)
	}
	copy(t.r.Hash[:], t.hash)
	if err := json.Unmarshal([]byte(t.scopes), &t.r.Scopes); err != nil {
		return token.Record{}, fmt.Errorf("%w: scopes of token %d: %w", store.ErrDamaged, t.r.ID, err)
	}
	var err error
	if t.r.Limits, err = limited.Parse(t.limits); err != nil {
		return token.Record{}, fmt.Errorf("%w: limits of token %d: %w", store.ErrDamaged, t.r.ID, err)
	}
	if t.managed != "" {
		if err := json.Unmarshal([]byte(t.managed), &t.r.Managed); err != nil {
			return token.Record{}, fmt.Errorf("%w: file of token %d: %w", store.ErrDamaged, t.r.ID, err)
		}
	}
	t.r.CreatedAt, t.r.ExpiresAt = instant(t.created), instant(t.expires)
	t.r.RevokedAt, t.r.PausedAt = instant(t.revoked), instant(t.pausedAt)
	t.r.RenewUntil, t.r.BornAt = instant(t.renewUntil), instant(t.born)
	t.r.ReportFrom, t.r.ReportUntil = instant(t.reportFrom), instant(t.reportUntil)
	return t.r, nil
}

// boundQuery reads a token with what it is bound to, and the newest change. One statement is one consistent read.
func boundQuery(head string) string {
	return "SELECT " + tokenColumns + ", " + ownerColumns + ", " + credentialColumns + ", " + head +
		" FROM tokens t JOIN owners o ON o.id = t.owner_id JOIN credentials c ON c.id = t.credential_id WHERE t.hash = ?"
}

// TokenByHash implements store.Store.
func (db *Tables) TokenByHash(ctx context.Context, hash token.Hash) (store.Bound, error) {
	var b store.Bound
	var t tokenRow
	var o ownerRow
	var c credentialRow
	fields := append(append(append(t.fields(), o.fields()...), c.fields()...), &b.Sequence)
	err := db.d.Read.QueryRow(ctx, db.boundQuery, hash[:]).Scan(fields...)
	if errors.Is(err, ErrNone) {
		return store.Bound{}, store.ErrUnknownToken
	}
	if err != nil {
		return store.Bound{}, fmt.Errorf("reading token: %w", err)
	}
	b.Owner = o.owner()
	if b.Record, err = t.record(); err != nil {
		return store.Bound{}, err
	}
	if b.Credential, err = c.credential(); err != nil {
		return store.Bound{}, err
	}
	return b, nil
}

// Token implements store.Tokens.
func (db *Tables) Token(ctx context.Context, id int64) (store.Listed, error) {
	l, err := tokenByID(ctx, db.d.Read, id)
	if err != nil {
		return store.Listed{}, fmt.Errorf("reading token %d: %w", id, err)
	}
	return l, nil
}

// tx is a transaction for the rules of tokens.
type tx struct {
	Conn
	db *Tables
}

var _ store.Tx = tx{}

// transact implements store.Rules.
func (db *Tables) transact(ctx context.Context, doing string, f func(store.Tx) error) error {
	return db.d.Change(ctx, doing, func(t Conn) error { return f(tx{t, db}) })
}

// withdraw implements store.Rules.
func (db *Tables) withdraw(ctx context.Context, doing string, f func(store.Tx) error) error {
	return db.d.Withdraw(ctx, doing, func(t Conn) error { return f(tx{t, db}) })
}

// Token implements store.Tx.
func (tx tx) Token(ctx context.Context, id int64) (store.Listed, error) {
	return tokenByID(ctx, tx, id)
}

// LiveOwner implements store.Tx.
func (tx tx) LiveOwner(ctx context.Context, id int64) (store.Owner, error) {
	return liveOwner(ctx, tx, id)
}

// Credential implements store.Tx.
func (tx tx) Credential(ctx context.Context, id int64) (store.Credential, error) {
	return credentialByID(ctx, tx, id)
}

// managed gives the file that a token is kept by as it is stored.
func managed(m *token.Managed) (string, error) {
	if m == nil {
		return "", nil
	}
	text, err := json.Marshal(m)
	return string(text), err
}

// Insert implements store.Tx.
func (tx tx) Insert(ctx context.Context, r token.Record) (id int64, err error) {
	scopes, err := json.Marshal(r.Scopes)
	if err != nil {
		return 0, err
	}
	file, err := managed(r.Managed)
	if err != nil {
		return 0, err
	}
	if id, err = tx.db.d.NextID(ctx, tx, "tokens"); err != nil {
		return 0, err
	}
	_, err = tx.Exec(ctx, `INSERT INTO tokens (id, hash, last_four, name, description, owner_id, credential_id, parent_id,
			scopes, table_version, created_at, expires_at, report_from, report_until,
			owners_word, family_id, renew_until, touched_at, managed, born_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		id, r.Hash[:], r.LastFour, r.Name, r.Description, r.OwnerID, r.CredentialID, r.ParentID,
		string(scopes), r.TableVersion, millis(r.CreatedAt), millis(r.ExpiresAt), millis(r.ReportFrom), millis(r.ReportUntil),
		r.OwnersWord, cmp.Or(r.FamilyID, id), millis(r.RenewUntil), millis(r.CreatedAt), file, millis(r.BornAt))
	if errors.Is(err, ErrConstraint) {
		err = fmt.Errorf("%w: %w", store.ErrConflict, err)
	}
	return id, err
}

// Save implements store.Tx.
func (tx tx) Save(ctx context.Context, l *store.Listed, by string) error {
	scopes, err := json.Marshal(l.Scopes)
	if err != nil {
		return err
	}
	file, err := managed(l.Managed)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx,
		`UPDATE tokens SET managed = ?, name = ?, description = ?, scopes = ?, table_version = ?, expires_at = ?, renew_until = ?,
		revoked_at = ?, revoke_reason = ?, revoked_by = ?, paused_at = ?, pause_reason = ?, paused_by = ?, rotated_to = ?,
		revision = ?, report_from = ?, report_until = ?, touched_at = ?, widened_at = ?, changed_by = ? WHERE id = ?`,
		file, l.Name, l.Description, string(scopes), l.TableVersion, millis(l.ExpiresAt), millis(l.RenewUntil),
		millis(l.RevokedAt), l.RevokeReason, l.RevokedBy, millis(l.PausedAt), l.PauseReason, l.PausedBy, l.RotatedTo,
		l.Revision, millis(l.ReportFrom), millis(l.ReportUntil), millis(l.TouchedAt), millis(l.WidenedAt), by, l.ID)
	return err
}
