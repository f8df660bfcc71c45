package tokens

import (
	"context"
	"time"

	"patgate/store"
)

// Report says which tokens hold more than they need, or will soon need somebody.
type Report struct {
	Total  int            `json:"total"`
	States map[string]int `json:"states"`
	Tokens []Finding      `json:"tokens"`
}

// Finding is what is reported about one active token.
type Finding struct {
	ID       int64     `json:"id"`
	Name     string    `json:"name"`
	Username string    `json:"username"`
	Expires  time.Time `json:"expires_at_time"`
	// Badges are of a closed set: report_mode, broad, makes_credentials, unused_permissions, unused, expiring_soon,
	// newer_routes_held_back, credential_invalid.
	Badges            []string `json:"badges"`
	UnusedPermissions []string `json:"unused_permissions,omitempty"`
}

// Report looks at the tokens that the caller may list; all is for administrators.
func (s *Service) Report(ctx context.Context, c Caller, all bool) (*Report, error) {
	now := s.now()
	list, total, err := s.List(ctx, c, 0, all, store.Filter{Now: now, Sort: store.SortExpiresAsc})
	if err != nil {
		return nil, err
	}
	kept, err := s.o.Store.ObservingSince(ctx, now)
	if err != nil {
		return nil, err
	}
	report := &Report{Total: total, States: map[string]int{}, Tokens: []Finding{}}
	for i := range list {
		l := &list[i]
		validity := l.Validity(now).String()
		report.States[validity]++
		if validity != "valid" {
			continue
		}
		uses, err := s.o.Store.PermissionUses(ctx, l.ID)
		if err != nil {
			return nil, err
		}
		f := Finding{ID: l.ID, Name: l.Name, Username: l.Owner.Username, Expires: l.ExpiresAt}
		f.Badges, f.UnusedPermissions = s.marks.Judge().Badges(l, uses, s.ReportsNow(l), kept, now)
		if len(f.Badges) > 0 {
			report.Tokens = append(report.Tokens, f)
		}
	}
	return report, nil
}
