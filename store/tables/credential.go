package tables

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"patgate/store"
	"patgate/store/seal"
)

const credentialColumns = "c.id, c.owner_id, c.key_id, c.sealed, c.kind, c.scopes, c.expires_at, c.created_at, c.updated_at, " +
	"c.status, c.reason"

// credentialRow receives credentialColumns.
type credentialRow struct {
	c                           store.Credential
	scopes, status              string
	expires, created, updatedAt int64
}

func (r *credentialRow) fields() []any {
	return []any{&r.c.ID, &r.c.OwnerID, &r.c.KeyID, &r.c.Sealed, &r.c.Kind, &r.scopes, &r.expires, &r.created, &r.updatedAt,
		&r.status, &r.c.Reason}
}

func (r *credentialRow) credential() (store.Credential, error) {
	if err := json.Unmarshal([]byte(r.scopes), &r.c.Scopes); err != nil {
		return store.Credential{}, fmt.Errorf("%w: scopes of credential %d: %w", store.ErrDamaged, r.c.ID, err)
	}
	r.c.ExpiresAt, r.c.CreatedAt, r.c.UpdatedAt = instant(r.expires), instant(r.created), instant(r.updatedAt)
	r.c.Status = store.ParseCredentialStatus(r.status)
	return r.c, nil
}

// AddCredential implements store.Credentials.
func (db *Tables) AddCredential(ctx context.Context, c store.Credential, sealFor store.SealFunc) (
	out store.Credential, err error) {
	err = db.d.Change(ctx, "storing credential", func(tx Conn) error {
		owner, err := liveOwner(ctx, tx, c.OwnerID)
		if err != nil {
			return err
		}
		// The id is taken before the row is made, because the sealed bytes are bound to it.
		if c.ID, err = db.d.NextID(ctx, tx, "credentials"); err != nil {
			return err
		}
		if c.KeyID, c.Sealed, err = sealUnder(ctx, tx, c.Binding(&owner), sealFor); err != nil {
			return err
		}
		scopes, err := json.Marshal(c.Scopes)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx,
			`INSERT INTO credentials (id, owner_id, key_id, sealed, kind, scopes, expires_at, created_at, updated_at, status)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 'valid')`,
			c.ID, c.OwnerID, c.KeyID, c.Sealed, c.Kind, string(scopes),
			millis(c.ExpiresAt), millis(c.CreatedAt), millis(c.CreatedAt))
		if err != nil {
			return err
		}
		out, err = credentialByID(ctx, tx, c.ID)
		return err
	})
	return out, err
}

// ReplaceCredential implements store.Credentials.
func (db *Tables) ReplaceCredential(ctx context.Context, c store.Credential,
	sealFor store.SealFunc) (out store.Credential, err error) {
	err = db.d.Change(ctx, "replacing credential", func(tx Conn) error {
		old, err := credentialByID(ctx, tx, c.ID)
		if err != nil {
			return err
		}
		if old.Status == store.CredentialRemoved || old.OwnerID != c.OwnerID {
			return fmt.Errorf("%w: credential %d is removed or another owner's", store.ErrConflict, c.ID)
		}
		owner, err := liveOwner(ctx, tx, c.OwnerID)
		if err != nil {
			return err
		}
		keyID, sealed, err := sealUnder(ctx, tx, old.Binding(&owner), sealFor)
		if err != nil {
			return err
		}
		scopes, err := json.Marshal(c.Scopes)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx,
			`UPDATE credentials SET key_id = ?, sealed = ?, kind = ?, scopes = ?, expires_at = ?, updated_at = ?,
			status = 'valid', reason = '' WHERE id = ?`,
			keyID, sealed, c.Kind, string(scopes), millis(c.ExpiresAt), millis(c.UpdatedAt), c.ID)
		if err != nil {
			return err
		}
		out, err = credentialByID(ctx, tx, c.ID)
		return err
	})
	if err == nil {
		db.d.Scrub(ctx)
	}
	return out, err
}

// Credential implements store.Credentials.
func (db *Tables) Credential(ctx context.Context, id int64) (store.Credential, error) {
	c, err := credentialByID(ctx, db.d.Read, id)
	if err != nil {
		return store.Credential{}, fmt.Errorf("reading credential %d: %w", id, err)
	}
	return c, nil
}

// Credentials implements store.Credentials.
func (db *Tables) Credentials(ctx context.Context, ownerID int64) ([]store.Credential, error) {
	rows, err := db.d.Read.Query(ctx, "SELECT "+credentialColumns+` FROM credentials c
		WHERE status <> 'removed' AND (owner_id = ?1 OR 0 = ?1) ORDER BY id DESC`, ownerID)
	if err != nil {
		return nil, fmt.Errorf("listing credentials: %w", err)
	}
	out, err := scanCredentials(rows)
	if err != nil {
		return nil, fmt.Errorf("listing credentials: %w", err)
	}
	return out, nil
}

// SetCredentialStatus implements store.Credentials.
func (db *Tables) SetCredentialStatus(ctx context.Context, id int64, status store.CredentialStatus, reason string,
	at time.Time) error {
	if status != store.CredentialValid && status != store.CredentialInvalid {
		return fmt.Errorf("%w: status %v cannot be set", store.ErrConflict, status)
	}
	in := db.d.Change
	if status == store.CredentialInvalid {
		in = db.d.Withdraw
	}
	return in(ctx, "setting status of credential", func(tx Conn) error {
		n, err := tx.Exec(ctx, "UPDATE credentials SET status = ?, reason = ?, updated_at = ? WHERE id = ? "+
			"AND status <> 'removed'",
			status.String(), reason, millis(at), id)
		if err == nil && n == 0 {
			err = store.ErrUnknownCredential
		}
		return err
	})
}

func credentialByID(ctx context.Context, q Conn, id int64) (store.Credential, error) {
	var row credentialRow
	err := q.QueryRow(ctx, "SELECT "+credentialColumns+" FROM credentials c WHERE id = ?", id).Scan(row.fields()...)
	if errors.Is(err, ErrNone) {
		return store.Credential{}, store.ErrUnknownCredential
	}
	if err != nil {
		return store.Credential{}, err
	}
	return row.credential()
}

func scanCredentials(rows Rows) ([]store.Credential, error) {
	defer rows.Close()
	var out []store.Credential
	for rows.Next() {
		var row credentialRow
		if err := rows.Scan(row.fields()...); err != nil {
			return nil, err
		}
		c, err := row.credential()
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, rows.Err()
}

// liveOwner reads an owner that is not removed.
func liveOwner(ctx context.Context, q Conn, id int64) (store.Owner, error) {
	var row ownerRow
	err := q.QueryRow(ctx, "SELECT "+ownerColumns+" FROM owners o WHERE id = ? AND removed_at = 0", id).Scan(row.fields()...)
	if errors.Is(err, ErrNone) {
		return store.Owner{}, store.ErrUnknownOwner
	}
	return row.owner(), err
}

// sealUnder seals and makes sure, in the same transaction, that the key was not rotated away.
func sealUnder(ctx context.Context, q Conn, b seal.Binding, sealFor store.SealFunc) (keyID string, sealed []byte, err error) {
	keyID, sealed, err = sealFor(b)
	if err != nil {
		return "", nil, fmt.Errorf("sealing: %w", err)
	}
	return keyID, sealed, UsableKey(ctx, q, keyID)
}

// UsableKey tells, by ErrKeyRetired, that a key was rotated away.
func UsableKey(ctx context.Context, q Conn, keyID string) error {
	var usable int
	err := q.QueryRow(ctx, "SELECT count(*) FROM sealing_keys WHERE id = ? AND retired_at = 0", keyID).Scan(&usable)
	if err == nil && usable == 0 {
		err = fmt.Errorf("%w: %s", store.ErrKeyRetired, keyID)
	}
	return err
}
