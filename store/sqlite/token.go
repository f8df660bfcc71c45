package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"patgate/store"
	"patgate/store/sqlite/millis"
	"patgate/token"
)

const tokenColumns = `t.id, t.hash, t.last_four, t.name, t.description, t.owner_id, t.credential_id, t.parent_id, t.scopes,
	t.table_version, t.created_at, t.expires_at, t.revoked_at, t.revoke_reason, t.paused_at,
	t.family_id, t.renew_until, t.rotated_to, t.revision, t.report_from, t.report_until, t.owners_word`

// tokenRow receives tokenColumns.
type tokenRow struct {
	r                                   token.Record
	hash                                []byte
	scopes                              string
	created, expires, revoked, pausedAt int64
	renewUntil                          int64
	reportFrom, reportUntil             int64
}

func (t *tokenRow) fields() []any {
	return []any{&t.r.ID, &t.hash, &t.r.LastFour, &t.r.Name, &t.r.Description, &t.r.OwnerID, &t.r.CredentialID, &t.r.ParentID,
		&t.scopes, &t.r.TableVersion, &t.created, &t.expires, &t.revoked, &t.r.RevokeReason, &t.pausedAt,
		&t.r.FamilyID, &t.renewUntil, &t.r.RotatedTo, &t.r.Revision, &t.reportFrom, &t.reportUntil, &t.r.OwnersWord}
}

func (t *tokenRow) record() (token.Record, error) {
	if len(t.hash) != len(t.r.Hash) {
		return token.Record{}, fmt.Errorf("%w: hash of token %d", store.ErrDamaged, t.r.ID)
	}
	copy(t.r.Hash[:], t.hash)
	if err := json.Unmarshal([]byte(t.scopes), &t.r.Scopes); err != nil {
		return token.Record{}, fmt.Errorf("%w: scopes of token %d: %w", store.ErrDamaged, t.r.ID, err)
	}
	t.r.CreatedAt, t.r.ExpiresAt = millis.Time(t.created), millis.Time(t.expires)
	t.r.RevokedAt, t.r.PausedAt = millis.Time(t.revoked), millis.Time(t.pausedAt)
	t.r.RenewUntil = millis.Time(t.renewUntil)
	t.r.ReportFrom, t.r.ReportUntil = millis.Time(t.reportFrom), millis.Time(t.reportUntil)
	return t.r, nil
}

// boundQuery reads a token with what it is bound to. One statement is one consistent read.
const boundQuery = "SELECT " + tokenColumns + ", " + ownerColumns + ", " + credentialColumns + `,
	(SELECT seq FROM sqlite_sequence WHERE name = 'changes')
	FROM tokens t JOIN owners o ON o.id = t.owner_id JOIN credentials c ON c.id = t.credential_id WHERE t.hash = ?`

// TokenByHash implements store.Store.
func (db *DB) TokenByHash(ctx context.Context, hash token.Hash) (store.Bound, error) {
	var b store.Bound
	var t tokenRow
	var o ownerRow
	var c credentialRow
	fields := append(append(append(t.fields(), o.fields()...), c.fields()...), &b.Sequence)
	err := db.byHash.QueryRowContext(ctx, hash[:]).Scan(fields...)
	if errors.Is(err, sql.ErrNoRows) {
		return store.Bound{}, store.ErrUnknownToken
	}
	if err != nil {
		return store.Bound{}, fmt.Errorf("reading token: %w", explain(err))
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
func (db *DB) Token(ctx context.Context, id int64) (store.Listed, error) {
	l, err := tokenByID(ctx, db.read, id)
	if err != nil {
		return store.Listed{}, fmt.Errorf("reading token %d: %w", id, explain(err))
	}
	return l, nil
}

// tx is a transaction for the rules of tokens.
type tx struct{ *sql.Tx }

var _ store.Tx = tx{}

// transact implements store.Rules.
func (db *DB) transact(ctx context.Context, doing string, f func(store.Tx) error) error {
	return db.change(ctx, doing, func(t *sql.Tx) error { return f(tx{t}) })
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

// Insert implements store.Tx.
func (tx tx) Insert(ctx context.Context, r token.Record) (id int64, err error) {
	scopes, err := json.Marshal(r.Scopes)
	if err != nil {
		return 0, err
	}
	err = tx.QueryRowContext(ctx, `INSERT INTO tokens (hash, last_four, name, description, owner_id, credential_id, parent_id,
			scopes, table_version, created_at, expires_at, report_from, report_until, owners_word, family_id, renew_until, touched_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?,
			coalesce(nullif(?, 0), (SELECT seq + 1 FROM sqlite_sequence WHERE name = 'tokens')), ?, ?) RETURNING id`,
		r.Hash[:], r.LastFour, r.Name, r.Description, r.OwnerID, r.CredentialID, r.ParentID,
		string(scopes), r.TableVersion, millis.Of(r.CreatedAt), millis.Of(r.ExpiresAt), millis.Of(r.ReportFrom),
		millis.Of(r.ReportUntil), r.OwnersWord, r.FamilyID, millis.Of(r.RenewUntil), millis.Of(r.CreatedAt)).Scan(&id)
	if constraint(err) {
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
	_, err = tx.ExecContext(ctx,
		`UPDATE tokens SET name = ?, description = ?, scopes = ?, table_version = ?, expires_at = ?, renew_until = ?,
		revoked_at = ?, revoke_reason = ?, revoked_by = ?, paused_at = ?, pause_reason = ?, paused_by = ?,
		rotated_to = ?, revision = ?, report_from = ?, report_until = ?, touched_at = ?, widened_at = ?, changed_by = ? WHERE id = ?`,
		l.Name, l.Description, string(scopes), l.TableVersion, millis.Of(l.ExpiresAt), millis.Of(l.RenewUntil),
		millis.Of(l.RevokedAt), l.RevokeReason, l.RevokedBy, millis.Of(l.PausedAt), l.PauseReason, l.PausedBy, l.RotatedTo, l.Revision,
		millis.Of(l.ReportFrom), millis.Of(l.ReportUntil), millis.Of(l.TouchedAt), millis.Of(l.WidenedAt), by, l.ID)
	return err
}
