package facts

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"patgate/forge"
	"patgate/policy"
	"patgate/routes"
	"patgate/token"
)

// mostBelow is how many pages of the projects below a group are read.
const mostBelow = 20

// mostLists bounds how many groups' lists are kept.
const mostLists = 1024

// below is what lies below a group.
type below struct {
	projects []int64 // sorted
	complete bool
	seq      uint64 // of the last Forget when the read began
}

// Project is a project in a list of those below a group.
type Project struct {
	ID   int64
	Path string
}

// ReadPage reads one page of the projects that lie below a group, at any depth. more tells that another one follows; shown is
// false when the forge has no such list.
type ReadPage func(ctx context.Context, number int) (projects []Project, more, shown bool, err error)

// Below gives the sorted ids of the projects that lie below a group, by a list that is read page by page and kept as facts are.
// complete tells that there are no others. It leaves out listed projects whose path is not below the group.
func (k *Keeper[N]) Below(ctx context.Context, s *token.Session, group *policy.Container, maxAge time.Duration,
	page ReadPage) (projects []int64, complete bool, err error) {
	maxAge = k.limit(maxAge)
	key := idKey{k.seed.eyeOf(s), group.ID, routes.RefGroup}
	for range 2 {
		b, _, err := k.lists.GetBy(ctx, key, s.TokenID, maxAge, func(ctx context.Context) (*below, bool, error) {
			b, err := k.readBelow(ctx, s, group, page)
			return b, true, err
		})
		switch {
		case errors.Is(err, context.DeadlineExceeded):
			return nil, false, forge.ErrTimeout
		case err != nil:
			return nil, false, fmt.Errorf("listing what lies below a group: %w", err)
		case b.seq == k.dropped.last.Load():
			return b.projects, b.complete, nil
		}
		k.lists.Invalidate(key)
	}
	return nil, false, nil // what is there changes faster than it is read: each has to be asked about
}

// readBelow reads the pages. Each is paid for as a question about the entries of a list.
func (k *Keeper[N]) readBelow(ctx context.Context, s *token.Session, group *policy.Container, page ReadPage) (*below, error) {
	b := &below{seq: k.dropped.last.Load()}
	root := strings.ToLower(group.Path) + "/"
	for number := 1; number <= mostBelow; number++ {
		if err := k.Listed(s); err != nil {
			return nil, err
		}
		k.budget.Spend(s.OwnerUserID)
		projects, more, shown, err := k.pageBelow(ctx, page, number)
		if err != nil {
			return nil, err
		}
		for _, p := range projects {
			if p.ID > 0 && strings.HasPrefix(strings.ToLower(p.Path), root) {
				b.projects = append(b.projects, p.ID)
			}
		}
		if !more {
			b.complete = shown
			break
		}
	}
	slices.Sort(b.projects)
	return b, nil
}

// pageBelow gives a page its time.
func (k *Keeper[N]) pageBelow(ctx context.Context, page ReadPage, number int) ([]Project, bool, bool, error) {
	ctx, cancel := k.Bound(ctx)
	defer cancel()
	return page(ctx, number)
}
