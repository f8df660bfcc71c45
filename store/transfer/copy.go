package transfer

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"slices"
	"strings"

	"patgate/store"
	"patgate/store/tables"
)

// Copied is what Copy says about one table.
type Copied struct {
	Table  string `json:"table"`
	Rows   int    `json:"rows"`
	Digest string `json:"digest"` // SHA-256 of all rows in the order of their key
}

// shape is a table with its columns: i is a number, z a truth, t text, b bytes. The first keys of them order the rows.
type shape struct {
	name, columns, kinds string
	keys                 int
	derived              bool // triggers may have filled it from other tables' rows by the time it is copied
}

// usedRows are the rows of tokens that were used: a store may have others for those that were not.
const usedRows = "token_uses WHERE uses > 0 OR last_used_at > 0"

// shapes gives all tables that are copied, each after the tables that it refers to. It leaves out changes; judgements of tokens,
// which are made anew; nodes; and sessions of the console, so that nobody is signed in on the copy.
func shapes() []shape {
	return []shape{
		{"sealing_keys", "rowid, id, check_value, created_at, retired_at", "itbii", 1, false},
		{"owners", "id, origin, user_id, username, admin, created_at, removed_at", "ititzii", 1, false},
		{"credentials", "id, owner_id, key_id, sealed, kind, scopes, expires_at, created_at, updated_at, status, reason",
			"iitbttiiitt", 1, false},
		{"tokens", "id, hash, last_four, name, description, owner_id, credential_id, parent_id, scopes, table_version, " +
			"created_at, " +
			"expires_at, revoked_at, revoke_reason, revoked_by, paused_at, pause_reason, paused_by, changed_by, family_id, " +
			"renew_until, rotated_to, revision, children, touched_at, report_from, report_until, owners_word, widened_at",
			"ibtttiiitiiiittitttiiiiiiiizi", 1, false},
		{"token_limits", "family_id, limits, uses, day, bytes", "itiii", 1, false},
		{"token_places", "place_id, kind, owner_id, token_id", "itii", 4, true},
		{"unplaced", "done, last", "ii", 2, false},
		{"paths", "owner_id, kind, place_id, path, seen_at, gone_at", "ititii", 3, false},
		{"narrowings", "token_id, scopes, table_version, narrowed_at, narrowed_by", "itiit", 1, false},
		{"trusts", "name, owner_id, credential_id, scopes, table_version, rules, allowed_at, allowed_by", "tiititit", 1, false},
		{"trust_tokens", "token_id, trust, claims, ends_at", "itti", 1, false},
		{"trust_uses", "id, ends_at", "bi", 1, false},
		{usedRows, "token_id, uses, last_used_at", "iii", 1, true},
		{"token_permissions", "token_id, permission, uses, last_used_at", "itii", 2, false},
		{"token_addresses", "token_id, address, last_used_at", "iti", 2, false},
		{"subjects", "id, hash, origin, user_id, username, kind, forge_id, name, scopes, first_at, " +
			"last_at", "ibtittittii", 1, false},
		{"subject_networks", "subject_id, network, first_at", "iti", 2, false},
		{"unit_kinds", "id, kind, units", "iti", 1, false},
		{"units", "subject_id, denied, kind_id, places, above, first_at, last_at, uses, days, suspect", "izittiiibz", 4, false},
		{"observing", "since, keep", "ii", 2, false},
	}
}

// counters are the tables whose ids must never come again, and the changes.
func counters() []string { return []string{"tokens", "owners", "credentials", "subjects", "changes"} }

// Copy copies everything from one store, as one state of it, into another that is empty, in one transaction, and compares both
// row by row before it is committed. The newest change of the copy has a higher number than that of either had.
func Copy(ctx context.Context, from, to *tables.Tables) (copied []Copied, err error) {
	here, there := from.Database(), to.Database()
	err = here.Snapshot(ctx, func(source tables.Conn) error {
		return there.Change(ctx, "copying the store", func(target tables.Conn) error {
			copied = nil
			for _, s := range shapes() {
				var filled bool
				err := target.QueryRow(ctx, "SELECT EXISTS (SELECT 1 FROM "+s.name+")").Scan(&filled)
				if err == nil && filled {
					err = fmt.Errorf("%w: the target is not empty: it has rows in %s", store.ErrConflict, s.name)
				}
				if err != nil {
					return err
				}
			}
			if err := there.CopyBegins(ctx, target); err != nil {
				return err
			}
			for _, s := range shapes() {
				if err := s.copy(ctx, source, target); err != nil {
					return fmt.Errorf("copying %s: %w", s.name, err)
				}
			}
			if err := copyCounters(ctx, here, there, source, target); err != nil {
				return err
			}
			copied, err = compare(ctx, source, target)
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	return copied, nil
}

// copyCounters moves the target's counters to where those of the source are, and says that anything may have changed.
func copyCounters(ctx context.Context, from, to *tables.Database, source, target tables.Conn) error {
	if _, err := target.Exec(ctx, "DELETE FROM changes"); err != nil {
		return err
	}
	for _, name := range counters() {
		here, err := from.Counter(ctx, source, name)
		if err != nil {
			return err
		}
		there, err := to.Counter(ctx, target, name)
		if err != nil {
			return err
		}
		if err := to.SetCounter(ctx, target, name, max(here, there)); err != nil {
			return err
		}
	}
	newest, err := to.Counter(ctx, target, "changes")
	if err == nil {
		err = to.SetCounter(ctx, target, "changes", newest+1)
	}
	if err == nil {
		_, err = target.Exec(ctx, "INSERT INTO changes (sequence) VALUES (?)", newest+1)
	}
	if err == nil {
		err = to.CopyEnds(ctx, target)
	}
	return err
}

// fields gives where the columns of a row are read into.
func (s shape) fields() []any {
	fields := make([]any, len(s.kinds))
	for i, kind := range s.kinds {
		switch kind {
		case 'i':
			fields[i] = new(int64)
		case 'z':
			fields[i] = new(bool)
		case 't':
			fields[i] = new(string)
		default:
			fields[i] = new([]byte)
		}
	}
	return fields
}

// value gives what was read into a field.
func value(field any) any {
	switch f := field.(type) {
	case *int64:
		return *f
	case *bool:
		return *f
	case *string:
		return *f
	}
	if b := *field.(*[]byte); b != nil {
		return b
	}
	return []byte{}
}

// each reads all rows in the order of their key.
func (s shape) each(ctx context.Context, on tables.Conn, f func(values []any) error) error {
	columns := strings.Split(s.columns, ", ")
	if len(columns) != len(s.kinds) {
		return errors.New("its columns are not those that are known")
	}
	rows, err := on.Query(ctx, "SELECT "+s.columns+" FROM "+s.name+" ORDER BY "+strings.Join(columns[:s.keys], ", "))
	if err != nil {
		return err
	}
	defer rows.Close()
	fields := s.fields()
	values := make([]any, len(fields))
	for rows.Next() {
		if err := rows.Scan(fields...); err != nil {
			return err
		}
		for i := range fields {
			values[i] = value(fields[i])
		}
		if err := f(values); err != nil {
			return err
		}
	}
	return rows.Err()
}

// copy copies the rows of a table.
func (s shape) copy(ctx context.Context, source, target tables.Conn) error {
	table := strings.Fields(s.name)[0]
	insert := "INSERT INTO " + table + " (" + s.columns + ") VALUES (?" + strings.Repeat(", ?", len(s.kinds)-1) + ")"
	if s.derived {
		if _, err := target.Exec(ctx, "DELETE FROM "+table); err != nil {
			return err
		}
	}
	return s.each(ctx, source, func(values []any) error {
		_, err := target.Exec(ctx, insert, slices.Clone(values)...)
		if err != nil {
			return fmt.Errorf("row %v: %w", values[:s.keys], err)
		}
		return nil
	})
}

// digest counts the rows of a table and sums them up.
func (s shape) digest(ctx context.Context, on tables.Conn) (c Copied, err error) {
	sum := sha256.New()
	c.Table = strings.Fields(s.name)[0]
	err = s.each(ctx, on, func(values []any) error {
		c.Rows++
		for _, v := range values {
			add(sum, v)
		}
		return nil
	})
	c.Digest = hex.EncodeToString(sum.Sum(nil))
	return c, err
}

// add adds a value to a digest, with its length.
func add(sum hash.Hash, v any) {
	text := fmt.Append(nil, v)
	if b, is := v.([]byte); is {
		text = b
	}
	sum.Write(binary.BigEndian.AppendUint64(nil, uint64(len(text))))
	sum.Write(text)
}

// compare reads both stores whole and names the first table that is not the same.
func compare(ctx context.Context, source, target tables.Conn) (all []Copied, err error) {
	for _, s := range shapes() {
		here, err := s.digest(ctx, source)
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", s.name, err)
		}
		there, err := s.digest(ctx, target)
		if err != nil {
			return nil, fmt.Errorf("reading the copy of %s: %w", s.name, err)
		}
		if here != there {
			return nil, fmt.Errorf("%w: %s: %d rows with the digest %s became %d with %s", store.ErrDamaged, s.name, here.Rows,
				here.Digest, there.Rows, there.Digest)
		}
		all = append(all, there)
	}
	return all, nil
}
