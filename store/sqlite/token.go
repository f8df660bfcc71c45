package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"patgate/store"
	"patgate/token"
)

const tokenColumns = `t.id, t.hash, t.last_four, t.name, t.description, t.owner_id, t.credential_id, t.parent_id, t.scopes,
	t.table_version, t.created_at, t.expires_at, t.revoked_at, t.revoke_reason, t.paused_at,
	t.family_id, t.renew_until, t.rotated_to, t.revision`

// tokenRow receives tokenColumns.
type tokenRow struct {
	r                                   token.Record
	hash                                []byte
	scopes                              string
	created, expires, revoked, pausedAt int64
	renewUntil                          int64
}

func (t *tokenRow) fields() []any {
	return []any{&t.r.ID, &t.hash, &t.r.LastFour, &t.r.Name, &t.r.Description, &t.r.OwnerID, &t.r.CredentialID, &t.r.ParentID,
		&t.scopes, &t.r.TableVersion, &t.created, &t.expires, &t.revoked, &t.r.RevokeReason, &t.pausedAt,
		&t.r.FamilyID, &t.renewUntil, &t.r.RotatedTo, &t.r.Revision}
}

func (t *tokenRow) record() (token.Record, error) {
	if len(t.hash) != len(t.r.Hash) {
		return token.Record{}, fmt.Errorf("%w: hash of token %d", store.ErrDamaged, t.r.ID)
	}
	copy(t.r.Hash[:], t.hash)
	if err := json.Unmarshal([]byte(t.scopes), &t.r.Scopes); err != nil {
		return token.Record{}, fmt.Errorf("%w: scopes of token %d: %w", store.ErrDamaged, t.r.ID, err)
	}
	t.r.CreatedAt, t.r.ExpiresAt = instant(t.created), instant(t.expires)
	t.r.RevokedAt, t.r.PausedAt = instant(t.revoked), instant(t.pausedAt)
	t.r.RenewUntil = instant(t.renewUntil)
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

// CreateToken implements store.Tokens.
func (db *DB) CreateToken(ctx context.Context, r token.Record) (out token.Record, err error) {
	err = db.change(ctx, "storing token", func(tx *sql.Tx) error {
		out, err = insertToken(ctx, tx, r)
		return err
	})
	if err != nil {
		return token.Record{}, err
	}
	return out, nil
}

// insertToken stores a new token. Without a family it begins one, and without a bound for rotations its expiry is that.
func insertToken(ctx context.Context, tx *sql.Tx, r token.Record) (out token.Record, err error) {
	scopes, err := json.Marshal(r.Scopes)
	if err != nil {
		return out, err
	}
	if r.RenewUntil.Before(r.ExpiresAt) {
		r.RenewUntil = r.ExpiresAt
	}
	if _, err := liveOwner(ctx, tx, r.OwnerID); err != nil {
		return out, err
	}
	c, err := credentialByID(ctx, tx, r.CredentialID)
	if err != nil {
		return out, err
	}
	if c.OwnerID != r.OwnerID || c.Status == store.CredentialRemoved {
		return out, fmt.Errorf("%w: credential %d is removed or another owner's", store.ErrConflict, r.CredentialID)
	}
	var id int64
	err = tx.QueryRowContext(ctx, `INSERT INTO tokens (hash, last_four, name, description, owner_id, credential_id, parent_id,
			scopes, table_version, created_at, expires_at, family_id, renew_until, touched_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, coalesce(nullif(?, 0), (SELECT seq + 1 FROM sqlite_sequence WHERE name = 'tokens')), ?, ?) RETURNING id`,
		r.Hash[:], r.LastFour, r.Name, r.Description, r.OwnerID, r.CredentialID, r.ParentID,
		string(scopes), r.TableVersion, millis(r.CreatedAt), millis(r.ExpiresAt), r.FamilyID, millis(r.RenewUntil), millis(r.CreatedAt)).Scan(&id)
	if constraint(err) {
		return out, fmt.Errorf("%w: %w", store.ErrConflict, err)
	}
	if err != nil {
		return out, err
	}
	l, err := tokenByID(ctx, tx, id)
	return l.Record, err
}

// Token implements store.Tokens.
func (db *DB) Token(ctx context.Context, id int64) (store.Listed, error) {
	l, err := tokenByID(ctx, db.read, id)
	if err != nil {
		return store.Listed{}, fmt.Errorf("reading token %d: %w", id, explain(err))
	}
	return l, nil
}

// RevokeToken implements store.Tokens.
func (db *DB) RevokeToken(ctx context.Context, id int64, reason, by string, at time.Time) (store.Listed, error) {
	return db.changeToken(ctx, "revoking token", id, func(tx *sql.Tx, l *store.Listed) error {
		if !l.RevokedAt.IsZero() {
			return nil
		}
		if err := revoke(ctx, tx, "id = ?", []any{id}, reason, by, at); err != nil {
			return err
		}
		if l.RotatedTo != 0 {
			return nil // what follows from the family goes on with the token that took its place
		}
		return revokeFamily(ctx, tx, l.FamilyID, id, reason, by, at)
	})
}

// PauseToken implements store.Tokens.
func (db *DB) PauseToken(ctx context.Context, id int64, reason, by string, at time.Time) (store.Listed, error) {
	return db.changeToken(ctx, "pausing token", id, func(tx *sql.Tx, l *store.Listed) error {
		if !l.RevokedAt.IsZero() {
			return store.ErrRevoked
		}
		_, err := tx.ExecContext(ctx, "UPDATE tokens SET paused_at = ?, pause_reason = ?, paused_by = ?, changed_by = ? WHERE id = ?",
			millis(at), reason, by, by, id)
		return err
	})
}

// ResumeToken implements store.Tokens.
func (db *DB) ResumeToken(ctx context.Context, id int64, by string, at time.Time) (store.Listed, error) {
	return db.changeToken(ctx, "resuming token", id, func(tx *sql.Tx, l *store.Listed) error {
		if !l.RevokedAt.IsZero() {
			return store.ErrRevoked
		}
		_, err := tx.ExecContext(ctx, "UPDATE tokens SET paused_at = 0, pause_reason = '', paused_by = '', changed_by = ?, touched_at = max(touched_at, ?) WHERE id = ?", by, millis(at), id)
		return err
	})
}

// ConfirmToken implements store.Tokens.
func (db *DB) ConfirmToken(ctx context.Context, id int64, tableVersion int, by string, _ time.Time) (store.Listed, error) {
	return db.changeToken(ctx, "confirming token", id, func(tx *sql.Tx, l *store.Listed) error {
		switch {
		case !l.RevokedAt.IsZero():
			return store.ErrRevoked
		case tableVersion < l.TableVersion:
			return fmt.Errorf("%w: the token was confirmed under table version %d, not %d", store.ErrConflict, l.TableVersion, tableVersion)
		}
		_, err := tx.ExecContext(ctx, "UPDATE tokens SET table_version = ?, revision = revision + 1, changed_by = ? WHERE id = ?", tableVersion, by, id)
		return err
	})
}

// changeToken changes one token that exists and gives it back as it is then.
func (db *DB) changeToken(ctx context.Context, doing string, id int64, f func(tx *sql.Tx, l *store.Listed) error) (out store.Listed, err error) {
	err = db.change(ctx, fmt.Sprintf("%s %d", doing, id), func(tx *sql.Tx) error {
		l, err := tokenByID(ctx, tx, id)
		if err != nil {
			return err
		}
		if err := f(tx, &l); err != nil {
			return err
		}
		out, err = tokenByID(ctx, tx, id)
		return err
	})
	if err != nil {
		return store.Listed{}, err
	}
	return out, nil
}
