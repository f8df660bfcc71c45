package learning

import (
	"context"
	"time"

	"patgate/admin/marks"
	"patgate/admin/tokens"
	"patgate/learn/propose"
	"patgate/store"
)

// Tally counts the findings of all active tokens.
type Tally struct {
	Tokens map[Standing]int
	// Rights are those of the tokens that could be judged.
	Rights propose.Counts
	At     time.Time
}

const (
	// surveyed is how many tokens are read at once.
	surveyed = 100
	// surveyPart is how long the survey works before it rests: requests wait no longer behind it.
	surveyPart = time.Millisecond
	// surveyShare is how many times as long as it worked it rests.
	surveyShare = 99
)

// Survey finds which rights of all active tokens are unused. It rests most of the time, so that it never takes more than a
// hundredth of a processor.
func (s *Service) Survey(ctx context.Context, by string) (*Tally, error) {
	t := &Tally{Tokens: map[Standing]int{}}
	for _, standing := range Standings() {
		t.Tokens[standing] = 0
	}
	kept, err := s.tokens.Units().ObservingSince(ctx, s.tokens.Now())
	if err != nil {
		return nil, err
	}
	active, c := store.Filter{State: store.StateActive, Limit: surveyed}, tokens.Operator(by)
	all := func(f store.Filter) ([]store.Listed, int, error) { return s.tokens.List(ctx, c, 0, true, f) }
	began := time.Now()
	err = active.Walk(all, func(found []store.Listed) error {
		for i := range found {
			f, err := s.judge(ctx, &found[i], marks.JudgedDays, kept)
			if err != nil {
				return err
			}
			t.add(f)
			if began, err = rest(ctx, began); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	t.At = s.tokens.Now()
	return t, nil
}

func (t *Tally) add(f *Finding) {
	t.Tokens[f.Standing]++
	t.Rights.Permissions.Add(f.Permissions)
	t.Rights.Projects.Add(f.Projects)
	t.Rights.Groups.Add(f.Groups)
}

// rest waits if a part of the survey's work was done since an instant, and gives when the next part begins.
func rest(ctx context.Context, began time.Time) (time.Time, error) {
	worked := time.Since(began)
	if worked < surveyPart {
		return began, nil
	}
	select {
	case <-ctx.Done():
		return began, ctx.Err()
	case <-time.After(surveyShare * worked):
		return time.Now(), nil
	}
}
