package surface

import (
	"bytes"
	"context"
	"strconv"
	"strings"
	"time"

	"patgate/cache"
	"patgate/forge"
	"patgate/policy"
	"patgate/proxy/header"
	"patgate/routes"
	"patgate/routes/params/refusal"
)

// Resolve turns every container that the request names into facts, and into the acts that the policy decides on.
func (j *Judgement) Resolve(q *Request) error {
	route := j.Op.Route
	j.resolving = time.Time{}
	if j.Decision.Reason == policy.ReasonOpen {
		return j.refuseTargets()
	}
	// Acts point into containers: there must be room for all of them.
	if need := len(j.Op.Captures()) + len(j.Set.Targets) + 1; cap(j.containers) < need {
		j.containers = make([]policy.Container, 0, need)
	}
	if err := j.resolveOwn(q, route); err != nil {
		return err
	}
	if err := j.resolveCaptures(q, route); err != nil {
		return err
	}
	for i := range j.Set.Targets {
		v := &j.Set.Targets[i]
		if v.Find || v.Target == nil {
			continue
		}
		if _, err := j.Name(q, v.Ref, policy.Act{Kind: policy.ActTarget, Needs: &v.Target.NeedSet}); err != nil {
			return err
		}
	}
	return nil
}

// resolveOwn finds the container of the row's own boundary. A reference that is present decides which alternative holds.
func (j *Judgement) resolveOwn(q *Request, route *routes.Route) error {
	switch route.Find.From {
	case routes.FindInPath:
		for i := range j.Op.Captures() {
			if c := &j.Op.Captures()[i]; c.Name == route.Find.Name && c.Value != nil {
				if err := j.resolveCapture(q, i, policy.Act{Kind: policy.ActOwn}); err != nil {
					return err
				}
				j.onAccount(route)
				return nil
			}
		}
	case routes.FindInParam:
		for i := range j.Set.Targets {
			if v := &j.Set.Targets[i]; v.Find {
				act := policy.Act{Kind: policy.ActOwn}
				if v.Target != nil {
					act.Needs = &v.Target.NeedSet
				}
				_, err := j.Name(q, v.Ref, act)
				return err
			}
		}
		for _, b := range route.Boundaries {
			if !b.InContainer() {
				j.Question.Acts = append(j.Question.Acts, policy.Act{Kind: policy.ActOwn, Boundary: b})
				return nil
			}
		}
		return errMissingContainer(route.Find.Name)
	case routes.FindByLookup:
		return j.lookup(q, route)
	}
	if len(route.Boundaries) == 0 {
		return nil // Decide denies a question without acts
	}
	act := policy.Act{Kind: policy.ActOwn, Boundary: route.Boundaries[0]}
	if len(route.Entries) > 0 {
		j.nameUser(&act)
	}
	j.Question.Acts = append(j.Question.Acts, act)
	return nil
}

// nameUser notes which user the path of a list names, and whether that is the token's owner.
func (j *Judgement) nameUser(act *policy.Act) {
	for i := range j.Op.Captures() {
		c := &j.Op.Captures()[i]
		if c.Ref != routes.RefUser {
			continue
		}
		ref := c.Reference()
		act.Reference = ref
		act.Self = ref.ID != 0 && ref.ID == j.Session.OwnerUserID ||
			ref.ID == 0 && header.EqualFold(ref.Path, strings.ToLower(j.Session.Username))
		return
	}
}

// onAccount moves the act of a row that has no project or group among its boundaries, although one stands in its path
// (notification settings are the owner's), to the boundary that it has. What was not found stays an act that fails.
func (j *Judgement) onAccount(route *routes.Route) {
	act := &j.Question.Acts[len(j.Question.Acts)-1]
	if len(route.Boundaries) == 0 || act.Container == nil || act.Container.Boundary == routes.BoundaryNone {
		return
	}
	for _, b := range route.Boundaries {
		if b.InContainer() {
			return
		}
	}
	*act = policy.Act{Kind: policy.ActOwn, Boundary: route.Boundaries[0], Named: act.Container}
}

// resolveCaptures checks the targets that the path names.
func (j *Judgement) resolveCaptures(q *Request, route *routes.Route) error {
	for t := range route.Targets {
		target := &route.Targets[t]
		if target.Capture == "" {
			continue
		}
		for i := range j.Op.Captures() {
			c := &j.Op.Captures()[i]
			if c.Name != target.Capture || c.Value == nil {
				continue
			}
			if c.Ref == routes.RefNone {
				c.Ref = target.Ref
			}
			if err := j.resolveCapture(q, i, policy.Act{Kind: policy.ActTarget, Needs: &target.NeedSet}); err != nil {
				return err
			}
		}
	}
	return nil
}

// resolveCapture resolves a reference in the path and has its id sent.
func (j *Judgement) resolveCapture(q *Request, i int, act policy.Act) error {
	ref := j.Op.Captures()[i].Reference()
	c, err := j.Name(q, ref, act)
	switch named := j.Op.Captures()[i].Named; {
	case err != nil || c == nil:
	case named && c.ID != 0 && j.Op.HasPath():
		if !j.Op.SetPath(i, c.Path) {
			return forge.ErrUnavailable // no name that the forge could have given
		}
		j.Renamed = true
	case !named && HasOwnID(c, ref.Kind):
		j.Op.SetID(i, c.ID)
	}
	return err
}

// HasOwnID tells whether a container's id is what the forge takes for a reference of the kind: a project's id is not the
// id of its namespace.
func HasOwnID(c *policy.Container, kind routes.RefKind) bool {
	if kind == routes.RefNamespace {
		return c.Boundary == routes.BoundaryGroup
	}
	return c.Boundary.InContainer()
}

// Name asks the resolver and adds an act. A user that a row's own path names is no container: nothing is asked.
func (j *Judgement) Name(q *Request, ref routes.Reference, act policy.Act) (*policy.Container, error) {
	act.Reference = ref
	if ref.Kind == routes.RefUser && act.Kind == policy.ActOwn {
		act.Boundary = routes.BoundaryUser
		j.Question.Acts = append(j.Question.Acts, act)
		return nil, nil
	}
	c, err := j.find(q, ref)
	if err != nil {
		return nil, err
	}
	if !j.SentByPath && !j.Op.Route.Named && ref.ID == 0 && !HasOwnID(c, ref.Kind) && !bytes.EqualFold([]byte(c.Path), ref.Path) {
		*c = policy.Container{} // it will be sent by its path: that must be the one that was checked
	}
	act.Boundary, act.Container = c.Boundary, c
	if act.Boundary == routes.BoundaryNone {
		act.Boundary = ref.Kind.Boundary()
	}
	j.Question.Acts = append(j.Question.Acts, act)
	return c, nil
}

// find asks the resolver, in a loop for what it knows, and keeps the container where acts can point at it.
func (j *Judgement) find(q *Request, ref routes.Reference) (*policy.Container, error) {
	resolver := j.Rules.Resolver
	if q.InLoop {
		known := resolver.Known(j.Session, ref, j.maxAge(), q.Start)
		if known == nil {
			return nil, cache.ErrNotKept
		}
		return j.keep(known, ref), nil
	}
	if j.resolving.IsZero() {
		j.resolving = time.Now() // not since the request began: its body may have taken long to arrive
	} else if time.Since(j.resolving) > j.Rules.Deadline {
		return nil, forge.ErrTimeout
	}
	c, err := j.ask(q, ref)
	if err != nil {
		return nil, err
	}
	return j.keep(&c, ref), nil
}

// ask gives a container, and counts the questions to the forge that found one: a denial costs them.
func (j *Judgement) ask(q *Request, ref routes.Reference) (policy.Container, error) {
	if known := j.Rules.Resolver.Known(j.Session, ref, j.maxAge(), time.Now()); known != nil {
		return *known, nil
	}
	c, err := j.Rules.Asker(q).Resolve(context.Background(), j.Session, ref, j.maxAge())
	if err == nil && c.Boundary != routes.BoundaryNone {
		j.asked++
	}
	return c, err
}

// keep stores a container.
func (j *Judgement) keep(c *policy.Container, ref routes.Reference) *policy.Container {
	j.containers = append(j.containers, *c)
	j.found = append(j.found, ref)
	return &j.containers[len(j.containers)-1]
}

// Look asks the forge which containers an object belongs to.
func (j *Judgement) Look(q *Request, route *routes.Route, op *routes.Operation) (forge.LookupResult, error) {
	ctx, cancel := context.WithDeadline(context.Background(), j.resolving.Add(j.Rules.Deadline))
	defer cancel()
	result, err := j.Rules.Asker(q).Lookup(ctx, j.Session, route, op)
	if result.Found {
		j.asked++
	}
	return result, err
}

// lookup asks the forge for the containers of a global id. The id that is sent on comes from the forge's answer.
func (j *Judgement) lookup(q *Request, route *routes.Route) error {
	j.resolving = time.Now()
	result, err := j.Look(q, route, &j.Op)
	if err != nil {
		return err
	}
	need := len(j.containers) + len(result.Projects) + len(result.Groups) + len(j.Op.Captures()) + len(j.Set.Targets)
	if cap(j.containers) < need {
		j.containers = append(make([]policy.Container, 0, need), j.containers...)
	}
	for _, id := range result.Projects {
		ref := routes.Reference{Kind: routes.RefProject, ID: id}
		if _, err := j.Name(q, ref, policy.Act{Kind: policy.ActOwn}); err != nil {
			return err
		}
	}
	for _, id := range result.Groups {
		ref := routes.Reference{Kind: routes.RefGroup, ID: id}
		if _, err := j.Name(q, ref, policy.Act{Kind: policy.ActOwn}); err != nil {
			return err
		}
	}
	if result.Instance {
		j.Question.Acts = append(j.Question.Acts, policy.Act{Kind: policy.ActOwn, Boundary: routes.BoundaryInstance})
	}
	if result.User {
		j.Question.Acts = append(j.Question.Acts, policy.Act{Kind: policy.ActOwn, Boundary: routes.BoundaryUser})
	}
	if len(j.Question.Acts) == 0 {
		j.Question.Acts = append(j.Question.Acts, policy.Act{Kind: policy.ActOwn}) // nothing was found: an act that fails
	}
	if result.Send != "" {
		return j.sendLookedUp(route, result.Send)
	}
	return nil
}

// sendLookedUp puts the forge's own spelling of the object's id into the path.
func (j *Judgement) sendLookedUp(route *routes.Route, send string) error {
	id, err := strconv.ParseInt(send, 10, 64)
	if err != nil || id <= 0 {
		return forge.ErrUnavailable
	}
	for i := range j.Op.Captures() {
		if name := j.Op.Captures()[i].Name; strings.Contains(route.Find.Lookup.Get, "{"+name+"}") &&
			j.Op.Captures()[i].Ref == routes.RefNone {
			j.Op.SetID(i, id)
			return nil
		}
	}
	return nil
}

// refuseTargets refuses containers that a parameter names on a row that answers anybody: nothing is checked there.
func (j *Judgement) refuseTargets() error {
	if len(j.Set.Targets) > 0 {
		name := j.Set.Targets[0].Name
		return &refusal.Refusal{
			Code:  refusal.CodeDeclaredRefused,
			Param: name,
			Message: "parameter \"" + name + "\" is not allowed on this route: it names a project or group, and nothing " +
				"is checked here",
		}
	}
	return nil
}

func (j *Judgement) maxAge() time.Duration {
	if j.Op.Route.Writes() || j.Op.Route.Fresh {
		return j.Rules.Writes
	}
	return j.Rules.Reads
}

// errMissingContainer refuses a request that names no container where its row needs one.
func errMissingContainer(name string) error {
	return &refusal.Refusal{Code: refusal.CodeMissing, Param: name,
		Message: "parameter \"" + name + "\" is required: without it patgate cannot tell which project or group is meant"}
}

// Own gives the container of the row's own boundary.
func (j *Judgement) Own() *policy.Container {
	for i := range j.Question.Acts {
		if a := &j.Question.Acts[i]; a.Kind == policy.ActOwn {
			return a.Container
		}
	}
	return nil
}

// OwnPath gives the path that the row's own container has now; empty when it has none.
func (j *Judgement) OwnPath() string {
	if c := j.Own(); c != nil {
		return c.Path
	}
	return ""
}

// ContainerOf gives the container that a reference was resolved to.
func (j *Judgement) ContainerOf(ref routes.Reference) *policy.Container {
	for i := range j.found {
		if f := &j.found[i]; f.Kind == ref.Kind && f.ID == ref.ID && bytes.Equal(f.Path, ref.Path) {
			return &j.containers[i]
		}
	}
	return nil
}

// Containers gives all that the request named.
func (j *Judgement) Containers() []policy.Container { return j.containers }

// Ask begins the question about at most n containers that a surface names itself, on the operation's row.
func (j *Judgement) Ask(n int) {
	j.Question.Route, j.Question.Acts = j.Op.Route, j.Question.Acts[:0]
	j.resolving = time.Now()
	j.containers, j.found = make([]policy.Container, 0, n), j.found[:0]
}

// Find gives the container whose path is the first of these that the owner sees; nil: the owner sees none of them. A container
// that was renamed is not found by its old path.
func (j *Judgement) Find(q *Request, kind routes.RefKind, paths []string) (*policy.Container, string, error) {
	for _, path := range paths {
		if time.Since(q.Start) > j.Rules.Deadline {
			return nil, "", forge.ErrTimeout
		}
		c, err := j.ask(q, routes.Reference{Kind: kind, Path: []byte(path)})
		if err != nil {
			return nil, "", err
		}
		if c.ID != 0 && header.EqualFold([]byte(c.Path), path) {
			return &c, path, nil
		}
	}
	return nil, paths[len(paths)-1], nil
}

// Exists tells whether the owner sees a project with this whole path.
func (j *Judgement) Exists(q *Request, path []byte) (bool, error) {
	ref := routes.Reference{Kind: routes.RefProject, Path: path}
	c, err := j.ask(q, ref)
	return c.ID != 0, err
}
