package proxy

import (
	"bytes"
	"context"
	"strconv"
	"strings"
	"time"

	"patgate/cache"
	"patgate/forge"
	"patgate/policy"
	"patgate/routes"
	"patgate/routes/params"
)

// resolve turns every container that the request names into facts, and into the checks that the policy decides on.
func (x *exchange) resolve() error {
	route := x.op.Route
	x.resolving = time.Time{}
	if x.decision.Reason == policy.ReasonOpen {
		return x.refuseTargets()
	}
	// Checks point into containers: there must be room for all of them.
	if need := len(x.op.Captures()) + len(x.set.Targets) + 1; cap(x.containers) < need {
		x.containers = make([]policy.Container, 0, need)
	}
	if err := x.resolveOwn(route); err != nil {
		return err
	}
	if err := x.resolveCaptures(route); err != nil {
		return err
	}
	x.checkPush()
	for i := range x.set.Targets {
		v := &x.set.Targets[i]
		if v.Find || v.Target == nil {
			continue
		}
		if err := x.resolveTarget(v.Ref, &v.Target.NeedSet); err != nil {
			return err
		}
	}
	return nil
}

// resolveOwn finds the container of the row's own boundary. A reference that is present decides which alternative holds.
func (x *exchange) resolveOwn(route *routes.Route) error {
	switch route.Find.From {
	case routes.FindInPath:
		for i := range x.op.Captures() {
			if c := &x.op.Captures()[i]; c.Name == route.Find.Name && c.Value != nil {
				if err := x.resolveCapture(i, policy.Check{}); err != nil {
					return err
				}
				x.onAccount(route)
				return nil
			}
		}
	case routes.FindInParam:
		for i := range x.set.Targets {
			if v := &x.set.Targets[i]; v.Find {
				check := policy.Check{}
				if v.Target != nil {
					check.Needs = &v.Target.NeedSet
				}
				_, err := x.resolveReference(v.Ref, check)
				return err
			}
		}
		for _, b := range route.Boundaries {
			if !b.InContainer() {
				x.question.Checks = append(x.question.Checks, policy.Check{Boundary: b})
				return nil
			}
		}
		return errMissingContainer(route.Find.Name)
	case routes.FindByLookup:
		return x.lookup(route)
	}
	if len(route.Boundaries) == 0 {
		return nil // Decide denies a question without checks
	}
	x.question.Checks = append(x.question.Checks, policy.Check{Boundary: route.Boundaries[0]})
	return nil
}

// onAccount moves the check of a row that has no project or group among its boundaries, although one stands in its path
// (notification settings are the owner's), to the boundary that it has. What was not found stays a check that fails.
func (x *exchange) onAccount(route *routes.Route) {
	check := &x.question.Checks[len(x.question.Checks)-1]
	if len(route.Boundaries) == 0 || check.Container == nil || check.Container.Boundary == routes.BoundaryNone {
		return
	}
	for _, b := range route.Boundaries {
		if b.InContainer() {
			return
		}
	}
	*check = policy.Check{Boundary: route.Boundaries[0]}
}

// resolveCaptures checks the targets that the path names.
func (x *exchange) resolveCaptures(route *routes.Route) error {
	for t := range route.Targets {
		target := &route.Targets[t]
		if target.Capture == "" {
			continue
		}
		for i := range x.op.Captures() {
			c := &x.op.Captures()[i]
			if c.Name != target.Capture || c.Value == nil {
				continue
			}
			if c.Ref == routes.RefNone {
				c.Ref = target.Ref
			}
			if err := x.resolveCapture(i, policy.Check{Needs: &target.NeedSet, Target: true}); err != nil {
				return err
			}
		}
	}
	return nil
}

// resolveCapture resolves a reference in the path and has its id sent.
func (x *exchange) resolveCapture(i int, check policy.Check) error {
	ref := x.op.Captures()[i].Reference()
	c, err := x.resolveReference(ref, check)
	switch named := x.op.Captures()[i].Named; {
	case err != nil || c == nil:
	case named && c.ID != 0 && x.surface == surfaceAPI:
		if !x.op.SetPath(i, c.Path) {
			return forge.ErrUnavailable // no name that the forge could have given
		}
		x.renamed = true
	case !named && hasOwnID(c, ref.Kind):
		x.op.SetID(i, c.ID)
	}
	return err
}

// hasOwnID tells whether a container's id is what the forge takes for a reference of the kind: a project's id is not the
// id of its namespace.
func hasOwnID(c *policy.Container, kind routes.RefKind) bool {
	if kind == routes.RefNamespace {
		return c.Boundary == routes.BoundaryGroup
	}
	return c.Boundary.InContainer()
}

func (x *exchange) resolveTarget(ref routes.Reference, needs *routes.PermissionSet) error {
	_, err := x.resolveReference(ref, policy.Check{Needs: needs, Target: true})
	return err
}

// resolveReference asks the resolver and adds a check. A user that a row's own path names is no container: nothing is asked.
func (x *exchange) resolveReference(ref routes.Reference, check policy.Check) (*policy.Container, error) {
	check.Reference = ref
	if ref.Kind == routes.RefUser && !check.Target {
		check.Boundary = routes.BoundaryUser
		x.question.Checks = append(x.question.Checks, check)
		return nil, nil
	}
	c, err := x.find(ref)
	if err != nil {
		return nil, err
	}
	if x.surface != surfaceGit && !x.op.Route.Named && ref.ID == 0 && !hasOwnID(c, ref.Kind) && !bytes.EqualFold([]byte(c.Path), ref.Path) {
		*c = policy.Container{} // it will be sent by its path: that must be the one that was checked
	}
	check.Boundary, check.Container = c.Boundary, c
	if check.Boundary == routes.BoundaryNone {
		check.Boundary = boundaryOf(ref.Kind)
	}
	x.question.Checks = append(x.question.Checks, check)
	return c, nil
}

// find asks the resolver, in a loop for what it knows, and keeps the container where checks can point at it.
func (x *exchange) find(ref routes.Reference) (*policy.Container, error) {
	resolver := x.h.options.Resolver
	if x.ctx == nil {
		known := resolver.Known(x.session, ref, x.maxAge(), x.event.Start)
		if known == nil {
			return nil, cache.ErrNotKept
		}
		return x.keep(known, ref), nil
	}
	if x.resolving.IsZero() {
		x.resolving = time.Now() // not since the request began: its body may have taken long to arrive
	} else if time.Since(x.resolving) > x.h.options.Timeouts.Resolve {
		return nil, forge.ErrTimeout
	}
	c, err := resolver.Resolve(context.Background(), x.session, ref, x.maxAge())
	if err != nil {
		return nil, err
	}
	return x.keep(&c, ref), nil
}

// keep stores a container.
func (x *exchange) keep(c *policy.Container, ref routes.Reference) *policy.Container {
	x.containers = append(x.containers, *c)
	x.found = append(x.found, ref)
	return &x.containers[len(x.containers)-1]
}

// boundaryOf gives the boundary that a reference is to, as far as its kind tells.
func boundaryOf(kind routes.RefKind) routes.Boundary {
	switch kind {
	case routes.RefProject:
		return routes.BoundaryProject
	case routes.RefGroup:
		return routes.BoundaryGroup
	case routes.RefUser:
		return routes.BoundaryUser
	}
	return routes.BoundaryNone
}

// lookup asks the forge for the containers of a global id. The id that is sent on comes from the forge's answer.
func (x *exchange) lookup(route *routes.Route) error {
	x.resolving = time.Now()
	result, err := x.h.options.Resolver.Lookup(context.Background(), x.session, route, &x.op)
	if err != nil {
		return err
	}
	if need := len(x.containers) + len(result.Projects) + len(result.Groups) + len(x.op.Captures()) + len(x.set.Targets); cap(x.containers) < need {
		x.containers = append(make([]policy.Container, 0, need), x.containers...)
	}
	for _, id := range result.Projects {
		if _, err := x.resolveReference(routes.Reference{Kind: routes.RefProject, ID: id}, policy.Check{}); err != nil {
			return err
		}
	}
	for _, id := range result.Groups {
		if _, err := x.resolveReference(routes.Reference{Kind: routes.RefGroup, ID: id}, policy.Check{}); err != nil {
			return err
		}
	}
	if result.Instance {
		x.question.Checks = append(x.question.Checks, policy.Check{Boundary: routes.BoundaryInstance})
	}
	if result.User {
		x.question.Checks = append(x.question.Checks, policy.Check{Boundary: routes.BoundaryUser})
	}
	if len(x.question.Checks) == 0 {
		x.question.Checks = append(x.question.Checks, policy.Check{}) // nothing was found: a check that fails
	}
	if result.Send != "" {
		return x.sendLookedUp(route, result.Send)
	}
	return nil
}

// sendLookedUp puts the forge's own spelling of the object's id into the path.
func (x *exchange) sendLookedUp(route *routes.Route, send string) error {
	id, err := strconv.ParseInt(send, 10, 64)
	if err != nil || id <= 0 {
		return forge.ErrUnavailable
	}
	for i := range x.op.Captures() {
		if name := x.op.Captures()[i].Name; strings.Contains(route.Find.Lookup.Get, "{"+name+"}") && x.op.Captures()[i].Ref == routes.RefNone {
			x.op.SetID(i, id)
			return nil
		}
	}
	return nil
}

// refuseTargets refuses containers that a parameter names on a row that answers anybody: nothing is checked there.
func (x *exchange) refuseTargets() error {
	if len(x.set.Targets) > 0 {
		name := x.set.Targets[0].Name
		return &params.Refusal{Code: params.CodeDeclaredRefused, Param: name, Message: "parameter \"" + name + "\" is not allowed on this route"}
	}
	return nil
}

func (x *exchange) maxAge() time.Duration {
	if x.op.Route.Writes() || x.op.Route.Fresh {
		return x.h.options.Freshness.Writes
	}
	return x.h.options.Freshness.Reads
}

// rebuild gives the parameters the ids that were checked, and writes the upstream request.
func (x *exchange) rebuild() error {
	switch {
	case x.surface == surfaceGit:
		return x.rebuildGit()
	case x.surface == surfaceWeb:
		return x.rebuildWeb()
	case x.registry.auth != nil:
		return x.rebuildRegistry()
	case x.registry.image != nil:
		return x.rebuildImage()
	case x.registry.proxied != nil:
		return x.rebuildProxied()
	}
	if x.set.NamesOwner && !x.ownerStayed() {
		return refuseOldOwner
	}
	replacements, err := x.replacements()
	if err != nil {
		return err
	}
	if err := x.set.Resolve(x.firstID(), replacements); err != nil {
		return err
	}
	if err := x.body.rewrite(x); err != nil {
		return err
	}
	x.rebuilt = x.op.AppendPath(x.rebuilt[:0])
	if x.renamed && !x.table.Means(&x.op, x.rebuilt) {
		return refuseNameClash
	}
	x.rebuilt = append(x.rebuilt, '?')
	path := len(x.rebuilt) - 1
	if x.rebuilt, err = x.set.AppendQuery(x.rebuilt); err != nil {
		return err
	}
	if len(x.rebuilt) == path+1 {
		x.rebuilt = x.rebuilt[:path]
	}
	x.rebuilt = x.appendTicket(x.rebuilt)
	x.head = x.appendHead(x.head[:0], x.rebuilt)
	return nil
}

// ownerStayed tells whether the owner in the path's first reference is that of the container that was checked: a project
// that was given away is still found by its old path, and the owner of that is somebody else.
func (x *exchange) ownerStayed() bool {
	own := x.ownContainer()
	if own == nil || len(x.op.Captures()) == 0 {
		return false
	}
	was, _, _ := bytes.Cut(x.op.Captures()[0].Value, []byte{'/'})
	is, _, _ := strings.Cut(own.Path, "/")
	return equalFold(was, is)
}

var refuseOldOwner = refuse400(params.CodePathDiffers.String(), "The repository has another owner by now: use the name that it has.")

var refuseNameClash = refuse400(string(routes.CodeAmbiguousPath), "The name that this has now is one that the forge reads as something else in this path.")

// firstID gives the id of the path's first reference; 0 when it has none, or none that was found.
func (x *exchange) firstID() int64 {
	for i := range x.op.Captures() {
		if c := &x.op.Captures()[i]; c.Ref != routes.RefNone {
			return c.ID
		}
	}
	return 0
}

// replacements gives what is sent for every reference in a parameter: the id, or the path where the forge wants one.
func (x *exchange) replacements() ([][]byte, error) {
	if len(x.set.Targets) == 0 {
		return nil, nil
	}
	out := make([][]byte, len(x.set.Targets))
	for i := range x.set.Targets {
		v := &x.set.Targets[i]
		c := x.containerOf(v.Ref)
		byPath := v.Target == nil && x.op.Route.Find.SendPath || v.Target != nil && v.Target.SendPath
		switch {
		case byPath && c != nil && c.Path != "":
			out[i] = []byte(c.Path)
		case !byPath && c != nil && hasOwnID(c, v.Ref.Kind):
			out[i] = strconv.AppendInt(nil, c.ID, 10)
		case !byPath && v.Ref.ID != 0:
			out[i] = strconv.AppendInt(nil, v.Ref.ID, 10)
		default:
			return nil, &params.Refusal{Code: params.CodeReference, Param: v.Name,
				Message: "parameter \"" + v.Name + "\" must be a numeric id here"}
		}
	}
	return out, nil
}

// containerOf gives the container that a reference was resolved to.
func (x *exchange) containerOf(ref routes.Reference) *policy.Container {
	for i := range x.found {
		if f := &x.found[i]; f.Kind == ref.Kind && f.ID == ref.ID && bytes.Equal(f.Path, ref.Path) {
			return &x.containers[i]
		}
	}
	return nil
}

// errMissingContainer refuses a request that names no container where its row needs one.
func errMissingContainer(name string) error {
	return &params.Refusal{Code: params.CodeMissing, Param: name,
		Message: "parameter \"" + name + "\" is required: without it nobody can tell which project or group is meant"}
}
