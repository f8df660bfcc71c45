package units

import (
	"context"
	"database/sql"
	"errors"

	"patgate/learn"
	"patgate/store"
	"patgate/store/sqlite/millis"
)

// Add adds what was seen, within one transaction. lost counts what no longer had room, damaged what could not be read and
// began anew.
func Add(ctx context.Context, tx *sql.Tx, seen []learn.Seen) (lost, damaged int64, err error) {
	add := &adder{ctx: ctx, tx: tx, kinds: map[string]int64{}, counts: map[owner]int{}, trust: map[int64]*trust{}}
	defer add.close()
	for i := range seen {
		kept, err := add.seen(&seen[i])
		if err != nil {
			return 0, 0, err
		}
		if !kept {
			lost += seen[i].Count
		}
	}
	return lost, add.damaged, add.touch(seen)
}

// adder adds to units within one transaction.
type adder struct {
	ctx         context.Context
	tx          *sql.Tx
	kinds       map[string]int64 // ids, by what they are
	counts      map[owner]int    // of units
	trust       map[int64]*trust // by subject
	damaged     int64
	find, raise *sql.Stmt
}

// owner is a subject, with what it was allowed or denied, or what is suspect. Each has a bound of its own.
type owner struct {
	subject         int64
	denied, suspect bool
}

func (a *adder) close() {
	for _, stmt := range []*sql.Stmt{a.find, a.raise} {
		if stmt != nil {
			stmt.Close()
		}
	}
}

// prepare prepares what is done for a unit that is there.
func (a *adder) prepare() (err error) {
	if a.raise != nil {
		return nil
	}
	if a.find, err = a.tx.PrepareContext(a.ctx,
		"SELECT days, above, suspect FROM units WHERE subject_id = ? AND denied = ? AND kind_id = ? AND places = ?"); err != nil {
		return err
	}
	a.raise, err = a.tx.PrepareContext(a.ctx, `UPDATE units SET above = ?, first_at = min(first_at, ?), last_at = max(last_at, ?),
		uses = uses + ?, days = ?, suspect = ? WHERE subject_id = ? AND denied = ? AND kind_id = ? AND places = ?`)
	return err
}

// seen adds to a unit. kept is false when its subject has too many.
func (a *adder) seen(s *learn.Seen) (kept bool, err error) {
	if err := a.prepare(); err != nil {
		return false, err
	}
	trusted, err := a.trusts(s)
	if err != nil {
		return false, err
	}
	u := s.Unit
	for {
		added, err := a.unit(s, &u, trusted)
		if err != nil || added || u.Collapsed {
			return added, err
		}
		u = u.Collapse()
	}
}

// kept reads what is there of a unit; nil when there is nothing. The groups of a collapsed one become those that it has in common
// with what is there, which what is not trusted leaves as it is. What is damaged begins anew.
func (a *adder) kept(s *learn.Seen, u *learn.Unit, trusted bool, kind int64, text, places string) (*learn.Observation,
	error) {
	if kind == 0 {
		return nil, nil
	}
	var days []byte
	var above string
	k := &learn.Observation{}
	err := a.find.QueryRowContext(a.ctx, s.Subject, u.Denied != "", kind, places).Scan(&days, &above, &k.Suspect)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil, nil
	case err != nil:
		return nil, err
	}
	var unread error
	k.Days, unread = learn.ParseDays(days)
	if u.Collapsed {
		before, err := learn.ParseUnit(text, places, above)
		unread = errors.Join(unread, err)
		switch {
		case err != nil:
		case trusted || k.Suspect:
			u.Within(&before)
		default:
			*u = before
		}
	}
	if unread != nil {
		a.damaged++
	}
	return k, nil
}

// unit adds to a unit, or makes it when there is room. A subject that is not there is passed over.
func (a *adder) unit(s *learn.Seen, u *learn.Unit, trusted bool) (added bool, err error) {
	text, places, above, err := u.Text()
	denied, last := u.Denied != "", millis.Of(s.Last)
	room := learn.Room{ForgeToken: s.Subject < store.FirstTokenID, Suspect: !denied && !trusted}
	if err != nil || !room.Takes(u, len(text)+len(places)) {
		return false, err
	}
	of := owner{s.Subject, denied, room.Suspect}
	kind, err := a.kind(text)
	if err != nil {
		return false, err
	}
	before, err := a.kept(s, u, trusted, kind, text, places)
	if err != nil {
		return false, err
	}
	if before == nil || before.Suspect && trusted {
		if free, err := a.room(s, of, room.Most(u.Collapsed)); err != nil || !free {
			return false, err
		}
	}
	more := learn.Count{Day: learn.DayOf(s.Last), N: s.Count}
	if before != nil {
		if u.Collapsed {
			if _, _, above, err = u.Text(); err != nil {
				return false, err
			}
		}
		_, err = a.raise.ExecContext(a.ctx, above, last, last, s.Count, learn.AppendDays(nil, learn.AddCount(before.Days, more)),
			before.Suspect && !trusted, s.Subject, denied, kind, places)
		if before.Suspect && trusted {
			a.counts[of]++
			delete(a.counts, owner{subject: s.Subject, suspect: true})
		}
		return err == nil, err
	}
	if kind, err = a.kind(text); err == nil && kind == 0 { // what made room may have been the last of its kind
		kind, err = a.newKind(text)
	}
	if err != nil {
		return false, err
	}
	made, err := a.tx.ExecContext(a.ctx,
		`INSERT INTO units (subject_id, denied, kind_id, places, above, first_at, last_at, uses, days, suspect)
		SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?6, ?7, ?8, ?9
		WHERE EXISTS (SELECT 1 FROM tokens WHERE id = ?1) OR EXISTS (SELECT 1 FROM subjects WHERE id = ?1)`,
		s.Subject, denied, kind, places, above, last, s.Count, learn.AppendDays(nil, []learn.Count{more}), of.suspect)
	if err != nil {
		return false, err
	}
	n, err := made.RowsAffected()
	if err == nil && n == 0 {
		delete(a.kinds, text)
		_, err = a.tx.ExecContext(a.ctx, "DELETE FROM unit_kinds WHERE id = ? AND units = 0", kind)
	}
	a.counts[of] += int(n)
	return err == nil, err
}

// room tells whether there are fewer units than most. Those of which every day is too long ago make room for others like them.
func (a *adder) room(s *learn.Seen, of owner, most int) (bool, error) {
	units, counted := a.counts[of]
	if counted && units >= most {
		return false, nil
	}
	if !counted {
		const count = "SELECT count(*) FROM units WHERE subject_id = ? AND denied = ? AND suspect = ?"
		if err := a.tx.QueryRowContext(a.ctx, count, of.subject, of.denied, of.suspect).Scan(&units); err != nil {
			return false, err
		}
		if units >= most {
			gone, err := a.tx.ExecContext(a.ctx, "DELETE FROM units WHERE subject_id = ? AND denied = ? AND suspect = ? AND last_at < ?",
				of.subject, of.denied, of.suspect, millis.Of((learn.DayOf(s.Last) - learn.DaysKept + 1).Start()))
			clear(a.kinds) // some may have gone with them
			if err != nil {
				return false, err
			}
			n, err := gone.RowsAffected()
			if err != nil {
				return false, err
			}
			units -= int(n)
		}
		a.counts[of] = units
	}
	return units < most, nil
}

// kind gives the id of a kind of units, 0 when there is none.
func (a *adder) kind(text string) (id int64, err error) {
	if id, known := a.kinds[text]; known {
		return id, nil
	}
	err = a.tx.QueryRowContext(a.ctx, "SELECT id FROM unit_kinds WHERE kind = ?", text).Scan(&id)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return 0, nil
	case err != nil:
		return 0, err
	}
	a.kinds[text] = id
	return id, nil
}

// newKind makes a kind.
func (a *adder) newKind(text string) (id int64, err error) {
	err = a.tx.QueryRowContext(a.ctx, "INSERT INTO unit_kinds (kind) VALUES (?) RETURNING id", text).Scan(&id)
	if err == nil {
		a.kinds[text] = id
	}
	return id, err
}
