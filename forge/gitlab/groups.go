package gitlab

import (
	"context"
	"fmt"
	"strings"
	"time"

	"patgate/forge"
	"patgate/policy"
	"patgate/routes"
	"patgate/token"
)

// groupNode is what the chain above a container needs of one group.
type groupNode struct {
	parent int64
	at     time.Time
	seq    uint64
}

// deepest bounds chains of groups: GitLab allows 20 levels.
const deepest = 32

// chain gives the ids of the groups above a container, nearest first: the one it lies in, that group's parent, and so
// on as far as the owner can see. The id of the first group that is hidden is known from the one below and belongs to
// the chain; what is above that is not known.
func (r *Resolver) chain(ctx context.Context, s *token.Session, f *fact, first, parent int64, maxAge time.Duration) ([]int64, error) {
	ids := []int64{first}
	for parent != 0 {
		if len(ids) == deepest {
			return nil, fmt.Errorf("reading the groups above: more than %d: %w", deepest, forge.ErrUnavailable)
		}
		ids = append(ids, parent)
		node, found, err := r.node(ctx, s, parent, maxAge)
		if err != nil {
			return nil, err
		}
		f.olderOf(node.at, node.seq)
		if !found {
			f.truncated = true
			return ids, nil
		}
		parent = node.parent
	}
	return ids, nil
}

// node reads one group of a chain, from the cache when it is at most half of maxAge old: what rests on it then stays
// usable for the other half.
func (r *Resolver) node(ctx context.Context, s *token.Session, id int64, maxAge time.Duration) (*groupNode, bool, error) {
	key := idKey{eyeOf(s), id, routes.RefGroup}
	for range 2 {
		node, found, err := r.groups.Get(ctx, key, maxAge/2, func(ctx context.Context) (*groupNode, bool, error) {
			ctx, cancel := context.WithTimeout(ctx, r.timeout)
			defer cancel()
			node := &groupNode{at: r.now(), seq: r.dropped.last.Load()}
			g, err := r.group(ctx, s, routes.Reference{Kind: routes.RefGroup, ID: id})
			if err != nil || g == nil {
				return node, false, err
			}
			node.parent = g.ParentID
			return node, true, nil
		})
		if err != nil {
			return nil, false, err
		}
		if node.seq == r.dropped.last.Load() || found && r.dropped.all.Load() <= node.seq {
			return node, found, nil
		}
		r.groups.Invalidate(key)
	}
	return nil, false, fmt.Errorf("reading the groups above: they are forgotten faster than read: %w", forge.ErrUnavailable)
}

// group reads a group: GET /groups/:id, without its projects. nil is "not found or not visible".
func (r *Resolver) group(ctx context.Context, s *token.Session, ref routes.Reference) (*groupAnswer, error) {
	rep, err := r.ask(ctx, s, "/groups/"+segment(ref)+"?with_projects=false")
	if err != nil {
		return nil, err
	}
	if visible, err := rep.visible(); !visible || err != nil {
		return nil, err
	}
	g, err := decode[groupAnswer](rep)
	if err != nil {
		return nil, err
	}
	switch {
	case g.ID <= 0 || g.FullPath == "" || g.ParentID < 0:
		return nil, fmt.Errorf("reading a group: the answer is incomplete: %w", forge.ErrUnavailable)
	case ref.ID > 0 && g.ID != ref.ID, ref.ID == 0 && !samePath(g.FullPath, string(ref.Path)):
		return nil, fmt.Errorf("reading a group: the answer is about another one: %w", forge.ErrUnavailable)
	}
	return g, nil
}

// readGroup fills in a group.
func (r *Resolver) readGroup(ctx context.Context, s *token.Session, f *fact, ref routes.Reference, maxAge time.Duration) error {
	mark, node := r.groups.Mark(), &groupNode{at: f.at, seq: f.seq}
	g, err := r.group(ctx, s, ref)
	if err != nil || g == nil {
		return err
	}
	node.parent = g.ParentID
	r.groups.Put(idKey{eyeOf(s), g.ID, routes.RefGroup}, mark, node, true)
	c := policy.Container{Boundary: routes.BoundaryGroup, ID: g.ID, Path: g.FullPath, Visibility: visibility(g.Visibility)}
	if g.ParentID != 0 {
		above, err := r.chain(ctx, s, f, g.ID, g.ParentID, maxAge)
		if err != nil {
			return err
		}
		c.Ancestors = above[1:]
	}
	if c.Access, err = r.access(ctx, s, "/groups/", g.ID); err != nil {
		return err
	}
	f.container = c
	return nil
}

// readNamespace fills in what a namespace reference names. Groups are namespaces with the same id, so they come first;
// a path with a slash may be a project's; and the owner's own user namespace, which GET /namespaces/:id shows to its
// user only, is the user. Project namespaces have ids of their own, which the API resolves nowhere.
func (r *Resolver) readNamespace(ctx context.Context, s *token.Session, f *fact, ref routes.Reference, maxAge time.Duration) error {
	err := r.readGroup(ctx, s, f, routes.Reference{Kind: routes.RefGroup, ID: ref.ID, Path: ref.Path}, maxAge)
	if err != nil || f.found() {
		return err
	}
	if ref.ID == 0 && strings.Contains(string(ref.Path), "/") {
		return r.readProject(ctx, s, f, routes.Reference{Kind: routes.RefProject, Path: ref.Path}, maxAge)
	}
	rep, err := r.ask(ctx, s, "/namespaces/"+segment(ref))
	if err != nil {
		return err
	}
	if visible, err := rep.visible(); !visible || err != nil {
		return err
	}
	n, err := decode[namespaceAnswer](rep)
	if err != nil {
		return err
	}
	if n.Kind != "user" {
		return nil // of a kind that nothing here can be asked of: as good as none
	}
	if n.ID <= 0 || ref.ID > 0 && n.ID != ref.ID || ref.ID == 0 && !samePath(n.FullPath, string(ref.Path)) {
		return fmt.Errorf("reading a namespace: the answer is about another one: %w", forge.ErrUnavailable)
	}
	// The namespace does not name its user: the username, which is its path, does.
	return r.readUser(ctx, s, f, routes.Reference{Kind: routes.RefUser, Path: []byte(n.FullPath)})
}
