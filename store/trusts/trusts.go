// Package trusts keeps, in the tables of a relational database, which trusts their owners have allowed, the tokens that were
// made by them, and which ID tokens were traded.
package trusts

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"time"

	"patgate/store"
	"patgate/store/tables"
	"patgate/token"
)

// Trusts implements store.Trusts.
type Trusts struct{ db *tables.Tables }

// Of keeps trusts beside the tables of a store.
func Of(db *tables.Tables) Trusts { return Trusts{db} }

const columns = "t.name, t.owner_id, t.credential_id, t.scopes, t.table_version, t.rules, t.allowed_at, t.allowed_by"

// row receives columns.
type row struct {
	t       store.Trust
	scopes  string
	allowed int64
}

func (r *row) fields() []any {
	return []any{&r.t.Name, &r.t.OwnerID, &r.t.CredentialID, &r.scopes, &r.t.TableVersion, &r.t.Rules, &r.allowed, &r.t.AllowedBy}
}

func (r *row) trust() (store.Trust, error) {
	if err := json.Unmarshal([]byte(r.scopes), &r.t.Scopes); err != nil {
		return store.Trust{}, fmt.Errorf("%w: scopes of the trust %s: %w", store.ErrDamaged, r.t.Name, err)
	}
	r.t.AllowedAt = time.UnixMilli(r.allowed).UTC()
	return r.t, nil
}

// read reads what is allowed under a name.
func read(ctx context.Context, on tables.Conn, name string) (store.Trust, error) {
	var r row
	err := on.QueryRow(ctx, "SELECT "+columns+" FROM trusts t WHERE t.name = ?", name).Scan(r.fields()...)
	if errors.Is(err, tables.ErrNone) {
		return store.Trust{}, store.ErrUnknownTrust
	}
	if err != nil {
		return store.Trust{}, fmt.Errorf("reading the trust %s: %w", name, err)
	}
	return r.trust()
}

// Trust implements store.Trusts.
func (s Trusts) Trust(ctx context.Context, name string) (store.Trust, error) {
	return read(ctx, s.db.Database().Read, name)
}

// AllowTrust implements store.Trusts.
func (s Trusts) AllowTrust(ctx context.Context, t store.Trust) error {
	scopes, err := json.Marshal(t.Scopes)
	if err != nil {
		return fmt.Errorf("writing scopes: %w", err)
	}
	return s.db.Transact(ctx, "storing what a trust may do", func(tx store.Tx) error {
		if _, err := tx.LiveOwner(ctx, t.OwnerID); err != nil {
			return err
		}
		c, err := tx.Credential(ctx, t.CredentialID)
		if err != nil {
			return err
		}
		if c.OwnerID != t.OwnerID || c.Status == store.CredentialRemoved {
			return fmt.Errorf("%w: credential %d is removed or another owner's", store.ErrConflict, t.CredentialID)
		}
		_, err = tx.(tables.Conn).Exec(ctx, `INSERT INTO trusts (name, owner_id, credential_id, scopes, table_version, rules,
			allowed_at, allowed_by) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET owner_id = excluded.owner_id,
			credential_id = excluded.credential_id, scopes = excluded.scopes, table_version = excluded.table_version,
			rules = excluded.rules, allowed_at = excluded.allowed_at, allowed_by = excluded.allowed_by`,
			t.Name, t.OwnerID, t.CredentialID, string(scopes), t.TableVersion, t.Rules, t.AllowedAt.UnixMilli(), t.AllowedBy)
		return err
	})
}

// alive is a condition on tokens t of a trust: each began a family, and so what took its place by rotation is in that.
const alive = `t.family_id IN (SELECT token_id FROM trust_tokens WHERE trust = ? AND ends_at > ?) AND t.revoked_at = 0
	AND t.expires_at > ?`

func count(ctx context.Context, on tables.Conn, name string, now int64) (n int, err error) {
	err = on.QueryRow(ctx, `SELECT count(*) FROM tokens t WHERE `+alive, name, now, now).Scan(&n)
	return n, err
}

// ActiveOf implements store.Trusts.
func (s Trusts) ActiveOf(ctx context.Context, name string, now time.Time) (int, error) {
	return count(ctx, s.db.Database().Read, name, now.UnixMilli())
}

// ListTrusts implements store.Trusts.
func (s Trusts) ListTrusts(ctx context.Context, now time.Time) ([]store.TrustListed, error) {
	rows, err := s.db.Database().Read.Query(ctx, "SELECT "+columns+`, o.id, o.origin, o.user_id, o.username, o.removed_at,
		(SELECT count(*) FROM trust_tokens m JOIN tokens k ON k.family_id = m.token_id
			WHERE m.trust = t.name AND k.revoked_at = 0 AND k.expires_at > ?),
		(SELECT count(*) FROM trust_tokens m JOIN tokens k ON k.family_id = m.token_id
			WHERE m.trust = t.name AND k.revoked_at = 0 AND k.expires_at > ? AND k.owner_id = t.owner_id),
		(SELECT count(*) FROM trust_tokens m WHERE m.trust = t.name)
		FROM trusts t JOIN owners o ON o.id = t.owner_id ORDER BY t.name`, now.UnixMilli(), now.UnixMilli())
	if err != nil {
		return nil, fmt.Errorf("listing trusts: %w", err)
	}
	defer rows.Close()
	var all []store.TrustListed
	for rows.Next() {
		var r row
		var l store.TrustListed
		var removed int64
		fields := append(r.fields(), &l.Owner.ID, &l.Owner.Origin, &l.Owner.UserID, &l.Owner.Username, &removed,
			&l.Active, &l.Own, &l.Made)
		if err := rows.Scan(fields...); err != nil {
			return nil, fmt.Errorf("listing trusts: %w", err)
		}
		if l.Trust, err = r.trust(); err != nil {
			return nil, err
		}
		if removed != 0 {
			l.Owner.RemovedAt = time.UnixMilli(removed).UTC()
		}
		all = append(all, l)
	}
	return all, rows.Err()
}

// AliveOf implements store.Trusts. What took the place of a token by a rotation has the claims of that.
func (s Trusts) AliveOf(ctx context.Context, name string, now time.Time, most int) (all []store.TrustToken, err error) {
	rows, err := s.db.Database().Read.Query(ctx, `SELECT t.id, m.claims
		FROM trust_tokens m JOIN tokens t ON t.family_id = m.token_id
		WHERE m.trust = ? AND t.revoked_at = 0 AND t.expires_at > ? ORDER BY t.id DESC LIMIT ?`, name, now.UnixMilli(), most)
	if err != nil {
		return nil, fmt.Errorf("listing the tokens of the trust %s: %w", name, err)
	}
	defer rows.Close()
	for rows.Next() {
		var t store.TrustToken
		if err := rows.Scan(&t.ID, &t.Claims); err != nil {
			return nil, fmt.Errorf("listing the tokens of the trust %s: %w", name, err)
		}
		all = append(all, t)
	}
	return all, rows.Err()
}

const (
	// swept is how many ID tokens that are over, and how many tokens that ended long ago, are forgotten with each trade.
	swept = 100
	// keptFor is how long it is known which trust an ended token was of: longer than the token could be brought back to life,
	// even with the clocks of nodes apart.
	keptFor = store.EndedLongAgo + 24*time.Hour
)

// CreateTrusted implements store.Trusts. Changes of tokens are made one at a time, whatever the node: between counting and
// storing nobody else stores.
func (s Trusts) CreateTrusted(ctx context.Context, r token.Record, use store.TrustUse) (token.Record, error) {
	now := r.CreatedAt.UnixMilli()
	before := func(tx store.Tx) error {
		on := tx.(tables.Conn)
		allowed, err := read(ctx, on, use.Trust.Name)
		switch {
		case err != nil:
			return err
		case !reflect.DeepEqual(allowed, use.Trust):
			return store.ErrUnknownTrust
		}
		if err := sweep(ctx, on, use.Trust.Name, now); err != nil {
			return err
		}
		if use.ID != ([len(use.ID)]byte{}) {
			if err := spend(ctx, on, use); err != nil {
				return err
			}
		}
		active, err := count(ctx, on, use.Trust.Name, now)
		if err == nil && active >= use.MostActive {
			err = store.ErrFull
		}
		return err
	}
	after := func(tx store.Tx, id int64) error {
		_, err := tx.(tables.Conn).Exec(ctx, "INSERT INTO trust_tokens (token_id, trust, claims, ends_at) VALUES (?, ?, ?, ?)",
			id, use.Trust.Name, use.Claims, r.ExpiresAt.UnixMilli())
		return err
	}
	return s.db.CreateTokenWithin(ctx, r, before, after)
}

// sweep forgets some of what has ended: ID tokens that were traded, and which tokens were of a trust. A family is kept while one
// of its tokens lives, because its end was put off, or could live again.
func sweep(ctx context.Context, on tables.Conn, trust string, now int64) error {
	_, err := on.Exec(ctx, `DELETE FROM trust_uses WHERE id IN
		(SELECT id FROM trust_uses WHERE ends_at < ? ORDER BY ends_at LIMIT ?)`, now, swept)
	if err != nil {
		return err
	}
	_, err = on.Exec(ctx, `DELETE FROM trust_tokens WHERE token_id IN (SELECT m.token_id FROM trust_tokens m
		WHERE m.trust = ? AND m.ends_at < ? AND NOT EXISTS (SELECT 1 FROM tokens t
			WHERE t.family_id = m.token_id AND t.revoked_at = 0 AND t.expires_at > ?)
		ORDER BY m.ends_at LIMIT ?)`, trust, now-keptFor.Milliseconds(), now-keptFor.Milliseconds(), swept)
	return err
}

// spend notes that an ID token was traded.
func spend(ctx context.Context, on tables.Conn, use store.TrustUse) error {
	n, err := on.Exec(ctx, "INSERT INTO trust_uses (id, ends_at) VALUES (?, ?) ON CONFLICT (id) DO NOTHING", use.ID[:],
		use.Ends.UnixMilli())
	if err == nil && n == 0 {
		err = store.ErrUsed
	}
	return err
}

// RevokeTrust implements store.Trusts. Tokens that are over, and those that were made below them, are over already.
func (s Trusts) RevokeTrust(ctx context.Context, name string, ownerID int64, c store.Cause) ([]int64, error) {
	return s.db.RevokeAll(ctx, "revoking the trust "+name, c, func(tx store.Tx) ([]int64, error) {
		on := tx.(tables.Conn)
		if _, err := on.Exec(ctx, "DELETE FROM trusts WHERE name = ?", name); err != nil {
			return nil, err
		}
		// By the token's own end, which may have been put off by hand.
		rows, err := on.Query(ctx, `SELECT t.id FROM trust_tokens m JOIN tokens t ON t.family_id = m.token_id
			WHERE m.trust = ? AND t.revoked_at = 0 AND t.expires_at > ? AND (t.owner_id = ? OR ? = 0) ORDER BY t.id`,
			name, c.At.UnixMilli(), ownerID, ownerID)
		if err != nil {
			return nil, err
		}
		defer rows.Close()
		var ids []int64
		for rows.Next() {
			var id int64
			if err := rows.Scan(&id); err != nil {
				return nil, err
			}
			ids = append(ids, id)
		}
		return ids, rows.Err()
	})
}
