package tokens

import (
	"context"
	"slices"
	"time"

	"patgate/admin/catalogue"
	"patgate/admin/terms"
	"patgate/learn"
	"patgate/policy"
	"patgate/store"
)

// Report says which tokens hold more than they need, or will soon need somebody.
type Report struct {
	Total  int            `json:"total"`
	States map[string]int `json:"states"`
	Tokens []Finding      `json:"tokens"`
}

// Finding is what is to be said of one active token.
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

const (
	// soon is how far off an expiry is that is said to be soon: GitLab's two weeks, and no more than a soonShare-th of the token's
	// life, so that none is about to expire when it is made.
	soon      = 14 * 24 * time.Hour
	soonShare = 4
	// settled is how old a token must be before it says something that it was never used.
	settled = 7 * 24 * time.Hour
	// JudgedDays is for how many days a right must be unused before it is called so, where nobody names another window.
	JudgedDays = 60
)

// badges tells what is to be said of an active token, and which permissions it holds without using them: by the window in which
// admin/learning judges its rights. kept is since when uses have been kept; zero when they are not.
func (s *Service) badges(l *store.Listed, uses []store.PermissionUse, kept, now time.Time) (badges, unused []string) {
	badge := func(name string, wears bool) {
		if wears {
			badges = append(badges, name)
		}
	}
	old := now.Sub(l.CreatedAt) > settled
	reports := s.ReportsNow(l)
	badge("report_mode", reports)
	badge("broad", reports || terms.Broad(l.Scopes))
	badge("makes_credentials", slices.ContainsFunc(l.Scopes, func(scope policy.ScopeSpec) bool {
		return len(catalogue.Minting(scope.Permissions, s.o.Table())) > 0
	}))
	badge("unused", old && l.LastUsedAt.IsZero())
	if judgedFor(l, kept, now) >= JudgedDays*24*time.Hour && !l.LastUsedAt.IsZero() {
		unused = store.Unused(l, uses, (learn.DayOf(now) - JudgedDays).Start())
		badge("unused_permissions", len(unused) > 0)
	}
	badge("expiring_soon", l.ExpiresAt.Sub(now) < min(soon, l.ExpiresAt.Sub(l.CreatedAt)/soonShare))
	badge("newer_routes_held_back", l.TableVersion < s.o.Table().Version())
	badge("credential_invalid", l.Credential == store.CredentialInvalid)
	return badges, unused
}

// judgedFor is for how long all that a token may do could have been used, and its use was kept.
func judgedFor(l *store.Listed, kept, now time.Time) time.Duration {
	if kept.IsZero() || l.RotatedTo != 0 {
		return 0
	}
	return min(now.Sub(kept), now.Sub(l.CreatedAt), now.Sub(l.WidenedAt))
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
		f.Badges, f.UnusedPermissions = s.badges(l, uses, kept, now)
		if len(f.Badges) > 0 {
			report.Tokens = append(report.Tokens, f)
		}
	}
	return report, nil
}
