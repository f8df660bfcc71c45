package gitlab

import (
	"context"
	"fmt"
	"strings"
	"time"

	"patgate/forge"
	"patgate/forge/facts"
	"patgate/forge/rest"
	"patgate/policy"
	"patgate/routes"
	"patgate/token"
)

// deepest bounds chains of groups: GitLab allows 20 levels.
const deepest = 32

// chain gives the ids of the groups above a container, nearest first: the group that it lies in, that group's parent, and so on,
// as far as the owner can see. The id of the first hidden group is known from the group below and belongs to the chain; the
// groups above that one are not known.
func (r *Resolver) chain(ctx context.Context, s *token.Session, f *facts.Fact, first, parent int64,
	maxAge time.Duration) ([]int64, error) {
	ids := []int64{first}
	for parent != 0 {
		if len(ids) == deepest {
			return nil, fmt.Errorf("reading the groups above: more than %d: %w", deepest, forge.ErrUnavailable)
		}
		ids = append(ids, parent)
		above, found, err := r.Node(ctx, s, f, parent, maxAge, func(ctx context.Context) (int64, bool, error) {
			g, err := r.group(ctx, s, routes.Reference{Kind: routes.RefGroup, ID: parent})
			if err != nil || g == nil {
				return 0, false, err
			}
			return g.ParentID, true, nil
		})
		if err != nil {
			return nil, err
		}
		if !found {
			f.Truncated = true
			return ids, nil
		}
		parent = above
	}
	return ids, nil
}

// group reads a group: GET /groups/:id, without its projects. nil is "not found or not visible".
func (r *Resolver) group(ctx context.Context, s *token.Session, ref routes.Reference) (*groupAnswer, error) {
	rep, err := r.Ask(ctx, s, "/groups/"+segment(ref)+"?with_projects=false")
	if err != nil {
		return nil, err
	}
	if shown, err := visible(rep); !shown || err != nil {
		return nil, err
	}
	g, err := rest.Decode[groupAnswer](rep)
	if err != nil {
		return nil, err
	}
	switch {
	case g.ID <= 0 || g.FullPath == "" || g.ParentID < 0:
		return nil, fmt.Errorf("reading a group: the answer is incomplete: %w", forge.ErrUnavailable)
	case ref.ID > 0 && g.ID != ref.ID, ref.ID == 0 && !facts.SamePath(g.FullPath, string(ref.Path)):
		return nil, fmt.Errorf("reading a group: the answer is about another one: %w", forge.ErrUnavailable)
	}
	return g, nil
}

// readGroup fills in a group.
func (r *Resolver) readGroup(ctx context.Context, s *token.Session, f *facts.Fact, ref routes.Reference,
	maxAge time.Duration) error {
	mark := r.MarkNode()
	g, err := r.group(ctx, s, ref)
	if err != nil || g == nil {
		return err
	}
	r.KeepNode(s, f, mark, g.ID, g.ParentID)
	c := policy.Container{Boundary: routes.BoundaryGroup, ID: g.ID, Path: g.FullPath, Visibility: visibility(g.Visibility)}
	if g.ParentID != 0 {
		above, err := r.chain(ctx, s, f, g.ID, g.ParentID, maxAge)
		if err != nil {
			return err
		}
		c.Ancestors, c.Partial = above[1:], f.Truncated
	}
	if c.Access, err = r.access(ctx, s, "/groups/", g.ID); err != nil {
		return err
	}
	f.Container = c
	return nil
}

// belowPage is how many projects a page of those below a group has.
const belowPage = 100

// Below implements forge.Resolver: GET /groups/:id/projects, without those that are shared with the group.
func (r *Resolver) Below(ctx context.Context, s *token.Session, group *policy.Container, maxAge time.Duration) (projects []int64,
	complete bool, err error) {
	return r.Keeper.Below(ctx, s, group, maxAge, func(ctx context.Context, number int) (out []facts.Project, more, shown bool,
		err error) {
		rep, err := r.Ask(ctx, s, fmt.Sprintf("/groups/%d/projects?include_subgroups=true&with_shared=false&simple=true"+
			"&order_by=id&sort=asc&per_page=%d&page=%d", group.ID, belowPage, number))
		if err != nil {
			return nil, false, false, err
		}
		if shown, err := visible(rep); !shown || err != nil {
			return nil, false, false, err
		}
		projects, err := rest.Decode[[]foundProject](rep)
		if err != nil {
			return nil, false, false, err
		}
		for _, p := range *projects {
			out = append(out, facts.Project{ID: p.ID, Path: p.PathWithNamespace})
		}
		return out, len(out) >= belowPage, true, nil
	})
}

// readNamespace fills in what a namespace reference names. Groups are namespaces with the same id, so they come first;
// a path with a slash may be a project's; and the owner's own user namespace, which GET /namespaces/:id shows to its
// user only, is the user. Project namespaces have ids of their own, which the API resolves nowhere.
func (r *Resolver) readNamespace(ctx context.Context, s *token.Session, f *facts.Fact, ref routes.Reference,
	maxAge time.Duration) error {
	err := r.readGroup(ctx, s, f, routes.Reference{Kind: routes.RefGroup, ID: ref.ID, Path: ref.Path}, maxAge)
	if err != nil || f.Found() {
		return err
	}
	if ref.ID == 0 && strings.Contains(string(ref.Path), "/") {
		return r.readProject(ctx, s, f, routes.Reference{Kind: routes.RefProject, Path: ref.Path}, maxAge)
	}
	rep, err := r.Ask(ctx, s, "/namespaces/"+segment(ref))
	if err != nil {
		return err
	}
	if shown, err := visible(rep); !shown || err != nil {
		return err
	}
	n, err := rest.Decode[namespaceAnswer](rep)
	if err != nil {
		return err
	}
	if n.Kind != "user" {
		return nil // no question can be asked about this kind
	}
	if n.ID <= 0 || ref.ID > 0 && n.ID != ref.ID || ref.ID == 0 && !facts.SamePath(n.FullPath, string(ref.Path)) {
		return fmt.Errorf("reading a namespace: the answer is about another one: %w", forge.ErrUnavailable)
	}
	// The namespace does not name its user: the username, which is its path, does.
	return r.readUser(ctx, s, f, routes.Reference{Kind: routes.RefUser, Path: []byte(n.FullPath)})
}
