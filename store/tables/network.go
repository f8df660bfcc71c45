package tables

import (
	"cmp"
	"slices"
	"time"

	"patgate/learn"
	"patgate/store"
)

// trust is from where a subject was seen in its first days.
type trust struct {
	since    int64 // milliseconds; 0: it was not seen yet
	networks []string
}

// trusts tells whether a unit was seen from a network that is not new for its subject. In the first days of a subject all
// networks become known; later ones are not kept.
func (a *unitAdder) trusts(s *learn.Seen) (bool, error) {
	if len(s.Networks) == 0 || s.Unit.Denied != "" {
		return true, nil
	}
	t, err := a.trustOf(s.Subject)
	if err != nil {
		return false, err
	}
	const first = learn.FirstDays * 24 * int64(time.Hour/time.Millisecond)
	at := millis(s.Last)
	learning := t.since == 0 || at < t.since+first
	trusted := false
	for _, network := range s.Networks {
		name := network.String()
		switch {
		case slices.Contains(t.networks, name):
			trusted = true
		case learning && len(t.networks) < learn.MostNetworks:
			trusted = true
			t.since = cmp.Or(t.since, at)
			t.networks = append(t.networks, name)
			_, err := a.tx.Exec(a.ctx, `INSERT INTO subject_networks (subject_id, network, first_at)
				SELECT ?1, ?2, ?3 WHERE EXISTS (SELECT 1 FROM tokens WHERE id = ?1)
					OR EXISTS (SELECT 1 FROM subjects WHERE id = ?1)`, s.Subject, name, at)
			if err != nil {
				return false, err
			}
		}
	}
	return trusted, nil
}

// trustOf reads from where a subject was seen in its first days.
func (a *unitAdder) trustOf(subject int64) (*trust, error) {
	if t := a.trust[subject]; t != nil {
		return t, nil
	}
	rows, err := a.tx.Query(a.ctx, "SELECT network, first_at FROM subject_networks WHERE subject_id = ? ORDER BY first_at",
		subject)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	t := &trust{}
	for rows.Next() {
		var network string
		var at int64
		if err := rows.Scan(&network, &at); err != nil {
			return nil, err
		}
		t.since = cmp.Or(t.since, at)
		t.networks = append(t.networks, network)
	}
	a.trust[subject] = t
	return t, rows.Err()
}

// touch notes when subjects were last seen.
func (a *unitAdder) touch(seen []learn.Seen) error {
	last := map[int64]int64{}
	for i := range seen {
		if s := &seen[i]; s.Subject < store.FirstTokenID {
			last[s.Subject] = max(last[s.Subject], millis(s.Last))
		}
	}
	for id, at := range last {
		if _, err := a.tx.Exec(a.ctx, "UPDATE subjects SET last_at = max(last_at, ?) WHERE id = ?", at, id); err != nil {
			return err
		}
	}
	return nil
}
