// Package sight asks the forge what the owner of a token sees of projects and groups, for people and tokens that want to know.
package sight

import (
	"context"
	"time"

	"patgate/forge"
	"patgate/policy"
	"patgate/routes"
	"patgate/token"
)

// Forge resolves references.
type Forge interface {
	Resolve(ctx context.Context, s *token.Session, ref routes.Reference, maxAge time.Duration) (policy.Container, error)
}

// longestWait is how long a patient caller waits when the forge, or patgate's own budget, wants a pause.
const longestWait = time.Minute

// Ask asks for one container. What is not there, or not for the session's owner, is the zero Container.
func Ask(ctx context.Context, f Forge, as *token.Session, ref routes.Reference, patient bool) (policy.Container, error) {
	for {
		c, err := f.Resolve(ctx, as, ref, 0)
		wait, limited := forge.RetryAfter(err)
		if err == nil || !limited || !patient || wait > longestWait {
			return c, err
		}
		select {
		case <-ctx.Done():
			return c, ctx.Err()
		case <-time.After(wait):
		}
	}
}

// Sight asks for somebody who may see a token. It is for one question, and not safe for concurrent use.
type Sight struct {
	forge   Forge
	as      *token.Session
	patient bool
	now     time.Time
	found   int // by asking the forge
}

// New makes what asks with a session's credential, now; its token pays, where it is one.
func New(f Forge, as *token.Session, patient bool, now time.Time) *Sight {
	return &Sight{forge: f, as: as, patient: patient, now: now}
}

// accountant is a Forge that tells what it knows without asking, and takes payment for questions that led to a denial.
type accountant interface {
	Known(s *token.Session, ref routes.Reference, maxAge time.Duration, now time.Time) *policy.Container
	Denied(s *token.Session, questions int)
}

// Resolve finds a project or group.
func (x *Sight) Resolve(ctx context.Context, ref routes.Reference) (policy.Container, error) {
	known := false
	if a, ok := x.forge.(accountant); ok {
		known = a.Known(x.as, ref, 0, x.now) != nil
	}
	c, err := Ask(ctx, x.forge, x.as, ref, x.patient)
	if err == nil && !known && c.Boundary != routes.BoundaryNone {
		x.found++
	}
	return c, err
}

// Denied tells that the answer is a refusal: what was found for it costs a token as much as what was not there, so that what it
// has to pay tells it nothing.
func (x *Sight) Denied() {
	if a, ok := x.forge.(accountant); ok && x.found > 0 {
		a.Denied(x.as, x.found)
	}
	x.found = 0
}

// surveyor is a Forge that can list what lies below a group.
type surveyor interface {
	Below(ctx context.Context, s *token.Session, group *policy.Container, maxAge time.Duration) (projects []int64, complete bool,
		err error)
}

// Below gives the sorted ids of the projects that lie below a group, as far as the owner sees them. complete tells that there are
// no others.
func (x *Sight) Below(ctx context.Context, group int64) (projects []int64, complete bool, err error) {
	lists, ok := x.forge.(surveyor)
	if !ok {
		return nil, false, nil
	}
	c, err := x.Resolve(ctx, routes.Reference{Kind: routes.RefGroup, ID: group})
	if err != nil || c.Boundary != routes.BoundaryGroup {
		return nil, false, err
	}
	return lists.Below(ctx, x.as, &c, 0)
}
