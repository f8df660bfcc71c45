package learning

import (
	"context"
	"time"

	"patgate/admin/tokens"
	"patgate/learn"
	"patgate/store"
)

// mostRotations bounds of how many tokens, from which one was rotated, is read what they did.
const mostRotations = 200

// lifework is what a token did, with the tokens that it was rotated from.
type lifework struct {
	store.Listed
	observations []learn.Observation
	// damaged counts what could not be read.
	damaged int
	// since is from when on all that it may do now could have been used, and its use was kept; zero when use is not kept.
	since time.Time
}

// lifework reads what a token that the caller may see did from an instant on.
func (s *Service) lifework(ctx context.Context, c tokens.Caller, id int64, from time.Time) (w lifework, err error) {
	if w.Listed, err = s.tokens.Show(ctx, c, id); err != nil {
		return w, err
	}
	read := s.tokens.Units()
	family, err := s.tokens.Family(ctx, w.FamilyID, mostRotations)
	if err != nil {
		return w, err
	}
	began := w.CreatedAt
	for i := range family {
		one := &family[i]
		if one.CreatedAt.Before(began) {
			began = one.CreatedAt
		}
		if one.LastUsedAt.Before(from) && one.ID != w.ID {
			continue
		}
		list, damaged, err := read.Observations(ctx, one.ID, from)
		if err != nil {
			return w, err
		}
		w.observations, w.damaged = append(w.observations, list...), w.damaged+damaged
	}
	if w.since, err = read.ObservingSince(ctx, s.tokens.Now()); err != nil || w.since.IsZero() {
		return w, err
	}
	for _, at := range []time.Time{began, w.WidenedAt} {
		if at.After(w.since) {
			w.since = at
		}
	}
	return w, nil
}
