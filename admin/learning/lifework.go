package learning

import (
	"context"
	"time"

	"patgate/learn"
	"patgate/store"
)

// mostRotations bounds of how many tokens, from which one was rotated, is read what they did.
const mostRotations = 200

// lifework is what a token did, with the tokens that it was rotated from.
type lifework struct {
	store.Listed
	family       []store.Listed // it, and those that it was rotated from
	observations []learn.Observation
	// damaged counts what could not be read.
	damaged int
	// since is from when on all that it may do now could have been used, and its use was kept; zero when use is not kept.
	since time.Time
}

// lifework begins with a token that is listed. kept is since when what tokens do has been kept; what it did is not read yet.
func (s *Service) lifework(ctx context.Context, found *store.Listed, kept time.Time) (w lifework, err error) {
	w.Listed, w.since, w.family = *found, kept, []store.Listed{*found}
	if found.FamilyID != found.ID || found.RotatedTo != 0 {
		if w.family, err = s.tokens.Family(ctx, found.FamilyID, mostRotations); err != nil {
			return w, err
		}
	}
	if kept.IsZero() {
		return w, nil
	}
	for _, at := range []time.Time{w.began(), w.WidenedAt} {
		if at.After(w.since) {
			w.since = at
		}
	}
	return w, nil
}

// began is when the first of the family was made.
func (w *lifework) began() time.Time {
	began := w.CreatedAt
	for i := range w.family {
		if at := w.family[i].CreatedAt; at.Before(began) {
			began = at
		}
	}
	return began
}

// observe reads what the token and its family did from an instant on.
func (s *Service) observe(ctx context.Context, w *lifework, from time.Time) error {
	for i := range w.family {
		one := &w.family[i]
		if one.LastUsedAt.Before(from) && one.ID != w.ID {
			continue
		}
		list, damaged, err := s.tokens.Units().Observations(ctx, one.ID, from)
		if err != nil {
			return err
		}
		w.observations, w.damaged = append(w.observations, list...), w.damaged+damaged
	}
	return nil
}
