package learning

import (
	"cmp"
	"context"
	"slices"
	"time"

	"patgate/admin/tokens"
	"patgate/learn"
	"patgate/routes"
)

// Listed is a subject in a list.
type Listed struct {
	ID   int64  `json:"id"`
	Kind string `json:"kind"` // token, personal, granular or oauth: all but the first are credentials of the forge's own
	Name string `json:"name"`
	// ForgeTokenID is the id of such a credential at the forge, where it shows one.
	ForgeTokenID int64    `json:"forge_token_id,omitempty"`
	Scopes       []string `json:"scopes,omitempty"`
	UserID       int64    `json:"user_id"`
	Username     string   `json:"username,omitempty"`
	Requests     int64    `json:"requests"`
	// Days is from the first request to the last, Quiet since something was needed for the first time.
	Days  int        `json:"days"`
	Quiet int        `json:"days_since_last_new_need"`
	Last  *time.Time `json:"last_seen_at"`
	// Suspect is how many kinds of requests are set apart.
	Suspect int `json:"suspect_kinds,omitempty"`
}

// List lists the subjects that the caller may see, those that were seen last first. Tokens that were not seen are left out.
func (s *Service) List(ctx context.Context, c tokens.Caller, all bool) ([]Listed, error) {
	found, of, err := s.subjects(ctx, c, all)
	if err != nil {
		return nil, err
	}
	list := []Listed{}
	for i := range found {
		x := &found[i]
		sum, seen := of[x.ID]
		if !seen && x.Token != nil {
			continue
		}
		one := Listed{ID: x.ID, Kind: "token", Name: x.Name, UserID: x.UserID, Username: x.Username, Requests: sum.Requests,
			Suspect: sum.Suspect}
		if k := x.Credential; k != nil {
			one.Kind, one.ForgeTokenID, one.Scopes = k.Kind, k.ForgeID, k.Scopes
		}
		if seen {
			one.Last = &sum.Last
			one.Days = int(learn.DayOf(sum.Last)-learn.DayOf(sum.First)) + 1
			one.Quiet = max(int(s.today()-learn.DayOf(sum.Fresh)), 0)
		}
		list = append(list, one)
	}
	last := func(l *Listed) time.Time {
		if l.Last == nil {
			return time.Time{}
		}
		return *l.Last
	}
	slices.SortStableFunc(list, func(a, b Listed) int { return cmp.Or(last(&b).Compare(last(&a)), cmp.Compare(b.ID, a.ID)) })
	return list, nil
}

// Seen is one kind of request that a subject made.
type Seen struct {
	Method      string   `json:"method"`
	Route       string   `json:"route"`
	Permissions []string `json:"permissions"`
	Boundary    string   `json:"boundary,omitempty"`
	// ContainerID is the project or group that it was about. InGroupID is the nearest group that all containers lie in, when
	// there were too many to keep apart.
	ContainerID int64    `json:"container_id,omitempty"`
	InGroupID   int64    `json:"in_group_id,omitempty"`
	Refs        []string `json:"refs,omitempty"`
	Requests    int64    `json:"requests"`
	// Days are those on which it was made, of the window.
	Days      int    `json:"days"`
	First     string `json:"first_day"`
	Last      string `json:"last_day"`
	Denied    string `json:"denied,omitempty"`
	Collapsed bool   `json:"collapsed,omitempty"`
	Suspect   bool   `json:"suspect,omitempty"`
}

// Shown is what a subject was seen to do.
type Shown struct {
	TokenID   int64  `json:"token_id,omitempty"`
	SubjectID int64  `json:"subject_id,omitempty"`
	Name      string `json:"name"`
	Username  string `json:"username"`
	Days      int    `json:"window_days"`
	Damaged   int    `json:"damaged,omitempty"` // observations that could not be read
	Seen      []Seen `json:"seen"`
}

// Show tells what a subject was seen to do in some days.
func (s *Service) Show(ctx context.Context, c tokens.Caller, id int64, days int) (*Shown, error) {
	x, list, err := s.seen(ctx, c, id, days)
	if err != nil {
		return nil, err
	}
	out := &Shown{SubjectID: id, Name: x.Name, Username: x.Username, Days: x.days, Damaged: x.damaged, Seen: []Seen{}}
	var leaked time.Time
	if x.Token != nil {
		out.TokenID, out.SubjectID, leaked = id, 0, leakedFrom(x.Token)
	}
	for i := range list {
		if len(list[i].Days) == 0 {
			continue
		}
		one := shown(&list[i])
		one.Suspect = one.Suspect || !leaked.IsZero() && !list[i].First.Before(leaked)
		out.Seen = append(out.Seen, one)
	}
	if len(out.Seen) == 0 {
		return nil, x.nothing()
	}
	return out, nil
}

func shown(o *learn.Observation) Seen {
	const date = "2006-01-02"
	u := &o.Unit
	one := Seen{Method: u.Method, Route: u.Route, Permissions: append([]string{}, u.Needs...), Denied: u.Denied,
		Collapsed: u.Collapsed,
		Suspect:   o.Suspect, Days: len(o.Days), First: o.First.UTC().Format(date)}
	for _, day := range o.Days {
		one.Requests += day.N
		one.Last = day.Day.Start().Format(date)
	}
	for i := range u.Acts {
		a := &u.Acts[i]
		if a.Ref != "" {
			one.Refs = append(one.Refs, a.Ref)
		}
		if one.Boundary != "" || a.Boundary == routes.BoundaryNone {
			continue
		}
		one.Boundary, one.ContainerID = a.Boundary.String(), a.Container
		if u.Collapsed && len(a.Ancestors) > 0 {
			one.InGroupID = a.Ancestors[0]
		}
	}
	return one
}
