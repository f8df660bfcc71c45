package tables

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"patgate/learn"
	"patgate/store"
)

const subjectColumns = "id, hash, origin, user_id, username, kind, forge_id, name, scopes, first_at, last_at"

// scanSubject reads the columns of a subject.
func scanSubject(scan func(...any) error) (s learn.Subject, err error) {
	var hash []byte
	var scopes string
	var first, last int64
	err = scan(&s.ID, &hash, &s.Origin, &s.UserID, &s.Username, &s.Kind, &s.ForgeID, &s.Name, &scopes, &first, &last)
	if err != nil {
		return s, err
	}
	if len(hash) != sha256.Size || json.Unmarshal([]byte(scopes), &s.Scopes) != nil {
		return s, fmt.Errorf("%w: subject %d", store.ErrDamaged, s.ID)
	}
	s.Hash, s.First, s.Last = [sha256.Size]byte(hash), instant(first), instant(last)
	return s, nil
}

// PutSubject implements store.Subjects.
func (db *Tables) PutSubject(ctx context.Context, s learn.Subject) (learn.Subject, error) {
	scopes, err := json.Marshal(append([]string{}, s.Scopes...))
	if err != nil {
		return s, fmt.Errorf("writing the scopes of a subject: %w", err)
	}
	err = db.d.Note(ctx, "storing a subject", func(tx Conn) error {
		err := tx.QueryRow(ctx, "SELECT id FROM subjects WHERE hash = ? AND origin = ?", s.Hash[:], s.Origin).Scan(&s.ID)
		if errors.Is(err, ErrNone) && s.ForgeID != 0 {
			// The same credential under another key.
			err = tx.QueryRow(ctx, "SELECT id FROM subjects WHERE origin = ? AND user_id = ? AND "+
				"forge_id = ?", s.Origin, s.UserID,
				s.ForgeID).Scan(&s.ID)
		}
		switch {
		case errors.Is(err, ErrNone):
			return db.insertSubject(ctx, tx, &s, string(scopes))
		case err != nil:
			return err
		}
		_, err = tx.Exec(ctx,
			`UPDATE subjects SET hash = ?, user_id = ?, username = ?, kind = ?, forge_id = ?, name = ?, scopes = ?,
			last_at = max(last_at, ?) WHERE id = ?`, s.Hash[:], s.UserID, s.Username, s.Kind, s.ForgeID, s.Name, string(scopes),
			millis(s.Last), s.ID)
		return err
	})
	return s, err
}

// insertSubject makes a subject when there is room. The subject of its user that was not seen for longest makes way, but not
// before learn.QuietDays: a user who rotates a credential over and over does not erase what other credentials did.
func (db *Tables) insertSubject(ctx context.Context, tx Conn, s *learn.Subject, scopes string) error {
	var ofUser, all int
	err := tx.QueryRow(ctx, `SELECT (SELECT count(*) FROM subjects WHERE origin = ? AND user_id = ?),
		(SELECT count(*) FROM subjects)`, s.Origin, s.UserID).Scan(&ofUser, &all)
	if err != nil {
		return err
	}
	switch {
	case ofUser >= learn.MostSubjectsOfUser:
		var oldest, last int64
		err := tx.QueryRow(ctx, "SELECT id, last_at FROM subjects WHERE origin = ? AND user_id = ? ORDER BY last_at, id LIMIT 1",
			s.Origin, s.UserID).Scan(&oldest, &last)
		if err == nil && last > millis(s.Last.AddDate(0, 0, -learn.QuietDays)) {
			err = store.ErrFull
		}
		if err == nil {
			err = forgetSubject(ctx, tx, oldest)
		}
		if err != nil {
			return err
		}
	case all >= learn.MostSubjects:
		return store.ErrFull
	}
	if s.ID, err = db.d.NextID(ctx, tx, "subjects"); err != nil {
		return err
	}
	_, err = tx.Exec(ctx,
		`INSERT INTO subjects (id, hash, origin, user_id, username, kind, forge_id, name, scopes, first_at, last_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		s.ID, s.Hash[:], s.Origin, s.UserID, s.Username, s.Kind, s.ForgeID, s.Name, scopes, millis(s.First), millis(s.Last))
	return err
}

// forgetSubject drops a subject with all that is known about it.
func forgetSubject(ctx context.Context, tx Conn, id int64) error {
	for _, statement := range []string{"DELETE FROM units WHERE subject_id = ?", "DELETE FROM subject_networks WHERE " +
		"subject_id = ?",
		"DELETE FROM subjects WHERE id = ?"} {
		if _, err := tx.Exec(ctx, statement, id); err != nil {
			return err
		}
	}
	return nil
}

// Subject implements store.Subjects.
func (db *Tables) Subject(ctx context.Context, id int64) (learn.Subject, error) {
	s, err := scanSubject(db.d.Read.QueryRow(ctx, "SELECT "+subjectColumns+" FROM subjects WHERE id = ?", id).Scan)
	switch {
	case errors.Is(err, ErrNone):
		return learn.Subject{}, store.ErrUnknownSubject
	case err != nil:
		return learn.Subject{}, fmt.Errorf("reading subject %d: %w", id, err)
	}
	return s, nil
}

// Subjects implements store.Subjects.
func (db *Tables) Subjects(ctx context.Context, origin string, userID int64, limit int) (list []learn.Subject, total int,
	err error) {
	where, args := "origin = ?", []any{origin}
	if userID != 0 {
		where, args = where+" AND user_id = ?", append(args, userID)
	}
	if err := db.d.Read.QueryRow(ctx, "SELECT count(*) FROM subjects WHERE "+where, args...).Scan(&total); err != nil {
		return nil, 0, fmt.Errorf("counting subjects: %w", err)
	}
	list, err = db.subjects(ctx, where+" ORDER BY last_at DESC, id DESC LIMIT ?", append(args, limit)...)
	return list, total, err
}

// SubjectsAfter implements store.Subjects.
func (db *Tables) SubjectsAfter(ctx context.Context, origin string, id int64, limit int) ([]learn.Subject, error) {
	return db.subjects(ctx, "origin = ? AND id > ? ORDER BY id LIMIT ?", origin, id, limit)
}

// subjects reads subjects by the rest of a statement.
func (db *Tables) subjects(ctx context.Context, where string, args ...any) (list []learn.Subject, err error) {
	rows, err := db.d.Read.Query(ctx, "SELECT "+subjectColumns+" FROM subjects WHERE "+where, args...)
	if err != nil {
		return nil, fmt.Errorf("listing subjects: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		s, err := scanSubject(rows.Scan)
		if err != nil {
			return nil, fmt.Errorf("listing subjects: %w", err)
		}
		list = append(list, s)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("listing subjects: %w", err)
	}
	return list, nil
}

// Summaries implements store.Subjects.
func (db *Tables) Summaries(ctx context.Context, ids []int64) (map[int64]learn.Summary, error) {
	of := make(map[int64]learn.Summary, len(ids))
	if len(ids) == 0 {
		return of, nil
	}
	args := make([]any, len(ids))
	for i, id := range ids {
		args[i] = id
	}
	rows, err := db.d.Read.Query(ctx,
		`SELECT subject_id, CAST(sum(uses) AS BIGINT), count(*), min(first_at), max(last_at), max(first_at),
		sum(CASE WHEN suspect THEN 1 ELSE 0 END)
		FROM units WHERE NOT denied AND subject_id IN (?`+strings.Repeat(", ?", len(ids)-1)+") GROUP BY subject_id", args...)
	if err != nil {
		return nil, fmt.Errorf("summing up what was seen: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var id, first, last, fresh int64
		var s learn.Summary
		if err := rows.Scan(&id, &s.Requests, &s.Units, &first, &last, &fresh, &s.Suspect); err != nil {
			return nil, fmt.Errorf("summing up what was seen: %w", err)
		}
		s.First, s.Last, s.Fresh = instant(first), instant(last), instant(fresh)
		of[id] = s
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("summing up what was seen: %w", err)
	}
	return of, nil
}

// subjectsAtOnce bounds of how many subjects old units are dropped in one transaction.
const subjectsAtOnce = 500

// ForgetSeen implements store.Subjects.
func (db *Tables) ForgetSeen(ctx context.Context, before learn.Day) error {
	at := millis(before.Start())
	for after := int64(0); ; {
		var upTo *int64
		err := db.d.Read.QueryRow(ctx, `SELECT max(subject_id) FROM
			(SELECT DISTINCT subject_id FROM units WHERE subject_id > ? ORDER BY subject_id LIMIT ?) AS next`,
			after, subjectsAtOnce).Scan(&upTo)
		if err != nil {
			return fmt.Errorf("forgetting what was seen long ago: %w", err)
		}
		if upTo == nil {
			break
		}
		err = db.d.Note(ctx, "forgetting what was seen long ago", func(tx Conn) error {
			const old = "DELETE FROM units WHERE subject_id > ? AND subject_id <= ? AND last_at < ?"
			_, err := tx.Exec(ctx, old, after, *upTo, at)
			return err
		})
		if err != nil {
			return err
		}
		after = *upTo
	}
	return db.d.Note(ctx, "forgetting subjects that were seen long ago", func(tx Conn) error {
		for _, statement := range []string{
			"DELETE FROM subjects WHERE last_at < ? AND NOT EXISTS (SELECT 1 FROM units WHERE subject_id = subjects.id)",
			`DELETE FROM subject_networks WHERE first_at < ? AND NOT EXISTS
				(SELECT 1 FROM units WHERE units.subject_id = subject_networks.subject_id)`,
		} {
			if _, err := tx.Exec(ctx, statement, at); err != nil {
				return err
			}
		}
		return nil
	})
}
