package listing

import (
	"context"
	"slices"

	"patgate/routes"
)

// list is the projects that lie below a group.
type list struct {
	group    int64
	projects []int64 // sorted
}

// isListed decides on a project by the lists of what lies below the grant's groups. known is false when these say nothing of it
// because one has no end that could be read.
func (j *Judge) isListed(name *routes.EntryName, c *container) (reached, known bool, err error) {
	if j.lists == nil {
		if err := j.readLists(); err != nil {
			return false, false, err
		}
	}
	lies := shown(name, c)
	for _, l := range j.lists {
		if _, is := slices.BinarySearch(l.projects, c.id); is {
			lies.Ancestors = append(lies.Ancestors, l.group)
		}
	}
	reached = j.allows(name, lies)
	return reached, reached || j.complete, nil
}

// readLists asks for all projects below the grant's groups.
func (j *Judge) readLists() error {
	ctx, cancel := context.WithDeadline(context.Background(), j.until)
	defer cancel()
	lists, complete := make([]list, 0, len(j.reach.Groups)), true
	for _, id := range j.reach.Groups {
		group, err := j.resolve(routes.RefGroup, id)
		if err != nil {
			return err
		}
		if group.ID != id || group.Boundary != routes.BoundaryGroup || group.Path == "" {
			complete = false // the owner may see projects in a group that is hidden
			continue
		}
		projects, all, err := j.resolver.Below(ctx, j.session, &group, j.maxAge)
		if err != nil {
			return err
		}
		lists, complete = append(lists, list{id, projects}), complete && all
	}
	j.lists, j.complete = lists, complete
	return nil
}
