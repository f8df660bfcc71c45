package propose

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"patgate/policy"
	"patgate/routes"
)

// draft is what becomes a grant.
type draft struct {
	parts parts
	wide  []element // scopes with whole folders of refs in the place of too many patterns
}

// need adds what an event needs, wherever it needs it.
func (d *draft) need(e *event) {
	row := e.question.Route
	var on []place
	in := [lanes]bool{true}
	if row.Refs == routes.RefsListed {
		in = lanesOf(&e.question)
	}
	for i := range e.question.Acts {
		a := &e.question.Acts[i]
		if a.Kind != policy.ActOwn && a.Kind != policy.ActTarget {
			continue
		}
		at, ok := placeOf(row, a)
		if !ok {
			continue
		}
		on = append(on, at)
		needs := routes.PermissionSet{}
		if a.Kind == policy.ActOwn {
			needs = row.NeedSet
		}
		if a.Needs != nil {
			needs.Union(a.Needs)
		}
		d.add(at, &needs, in)
		if row.Spans || e.question.Entries != nil {
			d.add(place{access: policy.AccessAllMemberships}, &row.NeedSet, in)
		}
	}
	for i := range e.question.Acts {
		switch a := &e.question.Acts[i]; {
		case a.Kind == policy.ActQuickAction && a.Needs != nil:
			for _, at := range on {
				d.add(at, a.Needs, in)
			}
			if a.Elsewhere {
				d.add(place{access: policy.AccessAllMemberships}, a.Needs, in)
			}
		case a.Kind == policy.ActRef && a.Update != nil:
			for _, at := range on {
				if at.boundary == routes.BoundaryProject {
					d.parts[element{place: at, lane: laneOf(a.Update), pattern: string(a.Update.Name)}] = true
				}
			}
		}
	}
}

// placeOf gives the narrowest place that covers an act.
func placeOf(row *routes.Route, a *policy.Act) (place, bool) {
	switch {
	case a.Boundary == routes.BoundaryUser:
		return place{access: policy.AccessUser}, true
	case a.Boundary == routes.BoundaryInstance:
		return place{access: policy.AccessInstance}, true
	case a.Kind == policy.ActOwn && (row.Find.From == routes.FindNowhere || a.Elsewhere):
		return place{access: policy.AccessAllMemberships}, a.Boundary.InContainer()
	case a.Container == nil || !a.Container.Boundary.InContainer():
		return place{}, false
	}
	return narrowest(a.Container), true
}

// add adds permissions to lanes of a place. Only those of projects are limited to refs.
func (d *draft) add(at place, needs *routes.PermissionSet, in [lanes]bool) {
	if at.boundary != routes.BoundaryProject {
		in = [lanes]bool{true}
	}
	for p := range permissions(needs) {
		for l, is := range in {
			if is {
				d.parts[element{place: at, lane: lane(l), permission: p}] = true
			}
		}
	}
}

// prefixAfter is how many refs with a common prefix become a pattern.
const prefixAfter = 3

// generalise puts a pattern in the place of refs that have a folder of at least three parts in common: refs/heads/bot/* for
// refs/heads/bot/1, bot/2 and bot/3, and never refs/heads/*.
func (d *draft) generalise() {
	common := map[element][]element{}
	for e := range d.parts {
		i := strings.LastIndexByte(e.pattern, '/')
		if e.pattern != "" && i > 0 && strings.Count(e.pattern[:i], "/") >= 2 {
			of := e
			of.pattern = e.pattern[:i] + "/*"
			common[of] = append(common[of], e)
		}
	}
	for pattern, refs := range common {
		if len(refs) < prefixAfter {
			continue
		}
		for _, e := range refs {
			delete(d.parts, e)
		}
		d.parts[pattern] = true
	}
	d.coarsen()
}

// mostPatterns bounds the patterns of one scope. Nobody reads more, and each is tried without the others.
const mostPatterns = 64

// coarsen puts top-level folders of refs in the place of the patterns of a scope that has too many.
func (d *draft) coarsen() {
	patterns := map[element][]element{}
	for e := range d.parts {
		if e.pattern != "" {
			patterns[e.scope()] = append(patterns[e.scope()], e)
		}
	}
	for at, all := range patterns {
		if len(all) <= mostPatterns {
			continue
		}
		d.wide = append(d.wide, at)
		folders := parts{}
		for _, e := range all {
			delete(d.parts, e)
			e.pattern = folderOf(e.pattern)
			folders[e] = true
		}
		if len(folders) > mostPatterns {
			at.pattern = "refs/*"
			folders = parts{at: true}
		}
		maps.Copy(d.parts, folders)
	}
	slices.SortFunc(d.wide, func(a, b element) int { return cmp.Compare(a.id, b.id) })
}

// folderOf gives a pattern for the top-level folder of a ref: refs/heads/*.
func folderOf(ref string) string {
	const root = "refs/"
	rest, _ := strings.CutPrefix(ref, root)
	if folder, _, deeper := strings.Cut(rest, "/"); deeper {
		return root + folder + "/*"
	}
	return root + "*"
}
