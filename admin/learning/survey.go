package learning

import (
	"context"
	"time"

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
	// surveyShare is how many times as long as a part of the work takes is rested after it.
	surveyShare = 9
)

// Survey finds which rights of all active tokens are unused. It rests most of the time, so that it never takes more than a
// tenth of a processor.
func (s *Service) Survey(ctx context.Context, by string) (*Tally, error) {
	t := &Tally{Tokens: map[Standing]int{}}
	for _, standing := range Standings() {
		t.Tokens[standing] = 0
	}
	active, c := store.Filter{State: store.StateActive, Limit: surveyed}, tokens.Operator(by)
	began := time.Now()
	all := func(f store.Filter) ([]store.Listed, int, error) { return s.tokens.List(ctx, c, 0, true, f) }
	err := active.Walk(all, func(found []store.Listed) error {
		list, err := s.findings(ctx, c, tokens.JudgedDays, found)
		if err != nil {
			return err
		}
		for i := range list {
			f := &list[i]
			t.Tokens[f.Standing]++
			t.Rights.Permissions.Add(f.Permissions)
			t.Rights.Projects.Add(f.Projects)
			t.Rights.Groups.Add(f.Groups)
		}
		if len(found) < surveyed {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(surveyShare * time.Since(began)):
			began = time.Now()
			return nil
		}
	})
	if err != nil {
		return nil, err
	}
	t.At = s.tokens.Now()
	return t, nil
}
