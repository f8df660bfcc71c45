package gitlab

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"patgate/forge"
	"patgate/forge/facts"
	"patgate/forge/rest"
	"patgate/policy"
	"patgate/routes"
	"patgate/token"
)

// readProject fills in a project: GET /projects/:id.
func (r *Resolver) readProject(ctx context.Context, s *token.Session, f *facts.Fact, ref routes.Reference,
	maxAge time.Duration) error {
	rep, err := r.Ask(ctx, s, "/projects/"+segment(ref))
	if err != nil {
		return err
	}
	if rep.Status == 301 && ref.ID == 0 {
		// A renamed or moved project: GitLab answers with its id (find_project!, lib/api/helpers.rb).
		id, ok := movedTo(rep.Location)
		if !ok {
			return fmt.Errorf("following a moved project: its new address is not one of a project: %w", forge.ErrUnavailable)
		}
		ref = routes.Reference{Kind: routes.RefProject, ID: id}
		if rep, err = r.Ask(ctx, s, "/projects/"+segment(ref)); err != nil {
			return err
		}
	}
	if shown, err := visible(rep); !shown || err != nil {
		return err
	}
	p, err := rest.Decode[projectAnswer](rep)
	if err != nil {
		return err
	}
	switch {
	case p.ID <= 0 || p.PathWithNamespace == "" || p.Namespace == nil || p.Namespace.ID <= 0:
		return fmt.Errorf("reading a project: the answer is incomplete: %w", forge.ErrUnavailable)
	case ref.ID > 0 && p.ID != ref.ID, ref.ID == 0 && !facts.SamePath(p.PathWithNamespace, string(ref.Path)):
		return fmt.Errorf("reading a project: the answer is about another one: %w", forge.ErrUnavailable)
	}
	c := policy.Container{
		Boundary:   routes.BoundaryProject,
		ID:         p.ID,
		Path:       p.PathWithNamespace,
		Visibility: visibility(p.Visibility),
		Fork:       p.ForkedFrom != nil,
	}
	switch p.Namespace.Kind {
	case "group":
		if c.Ancestors, err = r.chain(ctx, s, f, p.Namespace.ID, p.Namespace.ParentID, maxAge); err != nil {
			return err
		}
		c.Partial = f.Truncated
	case "user":
		c.PersonalOf = personalOf(s, p)
	}
	switch {
	case c.PersonalOf != 0 && c.PersonalOf == s.OwnerUserID,
		p.Permissions.ProjectAccess.member(), p.Permissions.GroupAccess.member():
		c.Access = policy.OwnerMember
	default:
		if c.Access, err = r.access(ctx, s, "/projects/", p.ID); err != nil {
			return err
		}
	}
	f.Container = c
	return nil
}

// personalOf is the id of the user whose namespace holds a project. GitLab shows that user as the project's owner. Where it
// does not, the namespace tells whether it is the session's owner. Any other user stays unknown, and no scope reaches that.
func personalOf(s *token.Session, p *projectAnswer) int64 {
	switch {
	case p.Owner != nil && p.Owner.ID > 0:
		return p.Owner.ID
	case s.Username != "" && facts.SamePath(p.Namespace.FullPath, s.Username):
		return s.OwnerUserID
	}
	return 0
}

// access asks whether the owner is a member: GET .../members/all/:user_id counts direct and inherited memberships and
// those through invited groups (lib/api/members.rb, find_all_members). An owner who is no member may see a container because it
// is public or internal, because of a project inside a group, or as an administrator or auditor. So seeing a private container
// does not prove membership.
func (r *Resolver) access(ctx context.Context, s *token.Session, prefix string, id int64) (policy.OwnerAccess, error) {
	rep, err := r.Ask(ctx, s, prefix+strconv.FormatInt(id, 10)+"/members/all/"+strconv.FormatInt(s.OwnerUserID, 10))
	if err != nil {
		return policy.OwnerNone, err
	}
	switch rep.Status {
	case 200:
		m, err := rest.Decode[struct {
			ID          int64 `json:"id"`
			AccessLevel int   `json:"access_level"`
		}](rep)
		if err != nil {
			return policy.OwnerNone, err
		}
		if m.ID != s.OwnerUserID {
			return policy.OwnerNone, fmt.Errorf("reading a membership: the answer is about another "+
				"user: %w", forge.ErrUnavailable)
		}
		if m.AccessLevel >= guest {
			return policy.OwnerMember, nil
		}
		return policy.OwnerPublicRead, nil
	case 403, 404:
		if refusesCredential(rep) {
			return policy.OwnerNone, fmt.Errorf("reading a membership: %w", forge.ErrCredential)
		}
		return policy.OwnerPublicRead, nil
	}
	return policy.OwnerNone, fmt.Errorf("reading a membership: status %d: %w", rep.Status, forge.ErrUnavailable)
}

// visible tells whether the forge showed what was asked for. 404 is its answer when it does not exist, or the owner may not see
// it. A 403 on a plain read of a project or group is about the credential or its user (blocked, terms not accepted), never about
// the container.
func visible(r rest.Reply) (bool, error) {
	switch r.Status {
	case 200:
		return true, nil
	case 404:
		return false, nil
	case 403:
		return false, fmt.Errorf("reading a container: %w", forge.ErrCredential)
	}
	return false, fmt.Errorf("reading a container: status %d: %w", r.Status, forge.ErrUnavailable)
}

// movedTo reads the id from the Location of a moved project: .../api/v4/projects/<id>. Behind it GitLab may put what looks like
// the extension of the old path (".name") and a query. Host and scheme are GitLab's idea of itself and are not used: patgate asks
// for the id at the configured address.
func movedTo(location string) (int64, bool) {
	_, rest, ok := strings.Cut(location, apiBase+"/projects/")
	if !ok {
		return 0, false
	}
	rest, _, _ = strings.Cut(rest, "?")
	digits, extension, _ := strings.Cut(rest, ".")
	if strings.ContainsAny(extension, "/%") || digits == "" || digits[0] < '1' || digits[0] > '9' {
		return 0, false
	}
	id, err := strconv.ParseInt(digits, 10, 64)
	return id, err == nil
}
