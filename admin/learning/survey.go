package learning

import (
	"context"
	"time"

	"patgate/admin/tokens"
	"patgate/learn/propose"
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
	for offset := 0; ; offset += surveyed {
		began := time.Now()
		list, total, err := s.Findings(ctx, tokens.Operator(by), 0, true, surveyed, offset)
		if err != nil {
			return nil, err
		}
		for i := range list {
			f := &list[i]
			t.Tokens[f.Standing]++
			t.Rights.Permissions.Add(f.Permissions)
			t.Rights.Projects.Add(f.Projects)
			t.Rights.Groups.Add(f.Groups)
		}
		if offset+surveyed >= total {
			t.At = s.tokens.Now()
			return t, nil
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(surveyShare * time.Since(began)):
		}
	}
}
