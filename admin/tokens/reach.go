package tokens

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"patgate/policy"
	"patgate/routes"
	"patgate/store"
)

// Reach finds where tokens must reach to be listed: a project or group, and the groups above it, as the caller's user last saw
// them, or as anyone did when all is asked for. named leaves out tokens that only may reach there. Without a place every place
// will do; the answer is nil when no permission is asked for either.
func (s *Service) Reach(ctx context.Context, c Caller, all bool, n store.Naming, named bool, holds string) (*store.Reach, error) {
	switch {
	case n.Empty() && holds == "":
		return nil, nil
	case n.Empty():
		return &store.Reach{Anywhere: true, Reports: s.o.AllowReportMode}, nil
	}
	origin, err := s.forge(ctx)
	if err != nil {
		return nil, err
	}
	r := &store.Reach{Origin: origin}
	if _, held := c.(holder); held {
		if n.Path != "" { // the outcome would tell the name of a place
			return nil, refuse(ErrForbidden, "a token looks for others by the ids of projects and groups, not by their paths")
		}
		r.Places = []store.Place{{Kind: n.Kind, ID: n.ID}}
	} else {
		owner := int64(0)
		if _, onMachine := c.(operator); !onMachine && (!all || !c.administrates(s)) {
			o, err := s.owner(ctx, c.UserID())
			if err != nil || o.ID == 0 {
				return r, err
			}
			owner = o.ID
		}
		if r.Places, err = s.o.Store.Above(ctx, origin, n, owner); err != nil {
			return nil, err
		}
	}
	if named {
		return r, nil
	}
	r.May = []string{policy.AccessAllMemberships.String()}
	if n.Kind != routes.RefGroup {
		r.May = append(r.May, policy.AccessPersonalProjects.String())
	}
	r.Reports = s.o.AllowReportMode
	return r, nil
}

// forge gives the forge whose places are meant: the one that the service is for, else the only one that has owners.
func (s *Service) forge(ctx context.Context) (string, error) {
	if s.o.Origin != "" {
		return s.o.Origin, nil
	}
	owners, err := s.o.Store.Owners(ctx)
	origin := ""
	for _, o := range owners {
		if origin != "" && o.Origin != origin {
			return "", errors.New("the store has owners of several forges (fix: set upstream.url to the one that is meant)")
		}
		origin = o.Origin
	}
	return origin, err
}

// UserNamed gives the id at the forge of an owner, by that id or by the username; 0: there is none.
func (s *Service) UserNamed(ctx context.Context, c Caller, name string) (int64, error) {
	if id, err := strconv.ParseInt(name, 10, 64); err == nil && id > 0 {
		return id, nil
	}
	if !c.administrates(s) && !strings.EqualFold(c.Username(), name) {
		return 0, nil
	}
	owners, err := s.o.Store.Owners(ctx)
	for _, o := range owners {
		if o.Origin == s.o.Origin && strings.EqualFold(o.Username, name) {
			return o.UserID, nil
		}
	}
	return 0, err
}
