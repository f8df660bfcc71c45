package tables

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"patgate/learn"
	"patgate/store"
)

// seenAtOnce bounds what one transaction stores, so that a revocation does not wait for all of it.
const seenAtOnce = 500

// AddSeen implements store.Subjects.
func (db *Tables) AddSeen(ctx context.Context, seen []learn.Seen) (lost, damaged int64, err error) {
	for batch := range slices.Chunk(seen, seenAtOnce) {
		if err == nil {
			var beyond, unread int64
			beyond, unread, err = db.addSeen(ctx, batch)
			lost, damaged = lost+beyond, damaged+unread
		}
		if err != nil {
			for i := range batch {
				lost += batch[i].Count
			}
		}
	}
	return lost, damaged, err
}

func (db *Tables) addSeen(ctx context.Context, seen []learn.Seen) (lost, damaged int64, err error) {
	err = db.d.Note(ctx, "storing what was seen", func(tx Conn) error {
		lost, damaged = 0, 0
		add := &unitAdder{ctx: ctx, tx: tx, kinds: map[string]int64{}, counts: map[unitOwner]int{}, trust: map[int64]*trust{}}
		for i := range seen {
			kept, err := add.seen(&seen[i])
			if err != nil {
				return err
			}
			if !kept {
				lost += seen[i].Count
			}
		}
		damaged = add.damaged
		return add.touch(seen)
	})
	if err != nil {
		return 0, 0, err
	}
	return lost, damaged, nil
}

// unitAdder adds to units within one transaction.
type unitAdder struct {
	ctx     context.Context
	tx      Conn
	kinds   map[string]int64  // ids, by kind
	counts  map[unitOwner]int // of units
	trust   map[int64]*trust  // by subject
	damaged int64
}

// unitOwner is a subject's units that were allowed, or denied, or that are suspect. Each of these has a bound of its own.
type unitOwner struct {
	subject         int64
	denied, suspect bool
}

// What is done for a unit that is there.
const (
	findUnit  = "SELECT days, above, suspect FROM units WHERE subject_id = ? AND denied = ? AND kind_id = ? AND places = ?"
	raiseUnit = `UPDATE units SET above = ?, first_at = min(first_at, ?), last_at = max(last_at, ?),
		uses = uses + ?, days = ?, suspect = ? WHERE subject_id = ? AND denied = ? AND kind_id = ? AND places = ?`
)

// seen adds to a unit. kept is false when its subject has too many.
func (a *unitAdder) seen(s *learn.Seen) (kept bool, err error) {
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

// kept reads what is stored about a unit; nil when nothing is. A collapsed unit keeps the groups that it shares with the stored
// one; a unit that is not trusted leaves the stored groups as they are. A damaged record is replaced.
func (a *unitAdder) kept(s *learn.Seen, u *learn.Unit, trusted bool, kind int64, text, places string) (*learn.Observation,
	error) {
	if kind == 0 {
		return nil, nil
	}
	var days []byte
	var above string
	k := &learn.Observation{}
	err := a.tx.QueryRow(a.ctx, findUnit, s.Subject, u.Denied != "", kind, places).Scan(&days, &above, &k.Suspect)
	switch {
	case errors.Is(err, ErrNone):
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
func (a *unitAdder) unit(s *learn.Seen, u *learn.Unit, trusted bool) (added bool, err error) {
	text, places, above, err := u.Text()
	denied, last := u.Denied != "", millis(s.Last)
	room := learn.Room{ForgeToken: s.Subject < store.FirstTokenID, Suspect: !denied && !trusted}
	if err != nil || !room.Takes(u, len(text)+len(places)) {
		return false, err
	}
	of := unitOwner{s.Subject, denied, room.Suspect}
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
		_, err = a.tx.Exec(a.ctx, raiseUnit, above, last, last, s.Count, learn.AppendDays(nil, learn.AddCount(before.Days, more)),
			before.Suspect && !trusted, s.Subject, denied, kind, places)
		if before.Suspect && trusted {
			a.counts[of]++
			delete(a.counts, unitOwner{subject: s.Subject, suspect: true})
		}
		return err == nil, err
	}
	if kind, err = a.kind(text); err == nil && kind == 0 { // what made room may have been the last of its kind
		kind, err = a.newKind(text)
	}
	if err != nil {
		return false, err
	}
	n, err := a.tx.Exec(a.ctx,
		`INSERT INTO units (subject_id, denied, kind_id, places, above, first_at, last_at, uses, days, suspect)
		SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?6, ?7, ?8, ?9
		WHERE EXISTS (SELECT 1 FROM tokens WHERE id = ?1) OR EXISTS (SELECT 1 FROM subjects WHERE id = ?1)`,
		s.Subject, denied, kind, places, above, last, s.Count, learn.AppendDays(nil, []learn.Count{more}), of.suspect)
	if err != nil {
		return false, err
	}
	if err == nil && n == 0 {
		delete(a.kinds, text)
		_, err = a.tx.Exec(a.ctx, "DELETE FROM unit_kinds WHERE id = ? AND units = 0", kind)
	}
	a.counts[of] += int(n)
	return err == nil, err
}

// room tells whether there are fewer units than most. Units whose days are all too long ago make room for others like them.
func (a *unitAdder) room(s *learn.Seen, of unitOwner, most int) (bool, error) {
	units, counted := a.counts[of]
	if counted && units >= most {
		return false, nil
	}
	if !counted {
		const count = "SELECT count(*) FROM units WHERE subject_id = ? AND denied = ? AND suspect = ?"
		if err := a.tx.QueryRow(a.ctx, count, of.subject, of.denied, of.suspect).Scan(&units); err != nil {
			return false, err
		}
		if units >= most {
			n, err := a.tx.Exec(a.ctx, "DELETE FROM units WHERE subject_id = ? AND denied = ? AND suspect = ? AND last_at < ?",
				of.subject, of.denied, of.suspect, millis((learn.DayOf(s.Last) - learn.DaysKept + 1).Start()))
			clear(a.kinds) // some may have gone with them
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
func (a *unitAdder) kind(text string) (id int64, err error) {
	if id, known := a.kinds[text]; known {
		return id, nil
	}
	err = a.tx.QueryRow(a.ctx, "SELECT id FROM unit_kinds WHERE kind = ?", text).Scan(&id)
	switch {
	case errors.Is(err, ErrNone):
		return 0, nil
	case err != nil:
		return 0, err
	}
	a.kinds[text] = id
	return id, nil
}

// newKind makes a kind.
func (a *unitAdder) newKind(text string) (id int64, err error) {
	err = a.tx.QueryRow(a.ctx, `INSERT INTO unit_kinds (id, kind)
		SELECT coalesce(max(id), 0) + 1, ? FROM unit_kinds RETURNING id`, text).Scan(&id)
	if err == nil {
		a.kinds[text] = id
	}
	return id, err
}

// Observations implements store.Subjects.
func (db *Tables) Observations(ctx context.Context, id int64, since time.Time) (
	list []learn.Observation, damaged int, err error) {
	fail := func(err error) ([]learn.Observation, int, error) {
		return nil, 0, fmt.Errorf("reading what %d was seen to do: %w", id, err)
	}
	rows, err := db.d.Read.Query(ctx, `SELECT k.kind, u.places, u.above, u.first_at, u.last_at, u.uses, u.days, u.suspect
		FROM units u JOIN unit_kinds k ON k.id = u.kind_id WHERE u.subject_id = ? AND u.last_at >= ?
		ORDER BY u.first_at, k.id, u.places`, id, millis(since))
	if err != nil {
		return fail(err)
	}
	defer rows.Close()
	for rows.Next() {
		var kind, places, above string
		var first, last int64
		var days []byte
		var o learn.Observation
		if err := rows.Scan(&kind, &places, &above, &first, &last, &o.Uses, &days, &o.Suspect); err != nil {
			return fail(err)
		}
		unit, unread := learn.ParseUnit(kind, places, above)
		counts, uncounted := learn.ParseDays(days)
		if unread != nil || uncounted != nil {
			damaged++
			continue
		}
		o.Unit, o.First, o.Last = unit, instant(first), instant(last)
		o.Days = slices.DeleteFunc(counts, func(c learn.Count) bool { return c.Day < learn.DayOf(since) })
		list = append(list, o)
	}
	if err := rows.Err(); err != nil {
		return fail(err)
	}
	return list, damaged, nil
}

// LastSeen implements store.Store.
func (db *Tables) LastSeen(ctx context.Context, id int64) (time.Time, error) {
	var last int64
	err := db.d.Read.QueryRow(ctx, `SELECT max(t.touched_at, max(
		coalesce((SELECT max(last_at) FROM units WHERE subject_id = t.id), 0),
		coalesce((SELECT last_used_at FROM token_uses WHERE token_id = t.id), 0))) FROM tokens t WHERE t.id = ?`,
		id).Scan(&last)
	switch {
	case errors.Is(err, ErrNone):
		return time.Time{}, store.ErrUnknownToken
	case err != nil:
		return time.Time{}, fmt.Errorf("reading when token %d was last seen: %w", id, err)
	}
	return instant(last), nil
}

// PermissionUses implements store.Store.
func (db *Tables) PermissionUses(ctx context.Context, id int64) ([]store.PermissionUse, error) {
	uses := map[string]store.PermissionUse{}
	add := func(name string, n int64, last time.Time) {
		u := uses[name]
		u.Permission = name
		u.Uses += n
		if u.LastUsedAt.Before(last) {
			u.LastUsedAt = last
		}
		uses[name] = u
	}
	if err := db.earlierUses(ctx, id, add); err != nil {
		return nil, fmt.Errorf("reading what token %d was used for: %w", id, err)
	}
	list, _, err := db.Observations(ctx, id, time.Time{})
	if err != nil {
		return nil, err
	}
	for i := range list {
		o := &list[i]
		if o.Unit.Denied != "" || o.Unit.WouldDeny != "" {
			continue
		}
		for _, name := range o.Unit.Needs {
			add(name, o.Uses, o.Last)
		}
	}
	byName := func(a, b store.PermissionUse) int { return cmp.Compare(a.Permission, b.Permission) }
	return slices.SortedFunc(maps.Values(uses), byName), nil
}

// earlierUses gives what was counted before there were units.
func (db *Tables) earlierUses(ctx context.Context, id int64, add func(name string, n int64, last time.Time)) error {
	rows, err := db.d.Read.Query(ctx, "SELECT permission, uses, last_used_at FROM token_permissions WHERE token_id = ?", id)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		var n, last int64
		if err := rows.Scan(&name, &n, &last); err != nil {
			return err
		}
		add(name, n, instant(last))
	}
	return rows.Err()
}
