package gitea

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"patgate/forge"
	"patgate/forge/facts"
	"patgate/forge/rest"
	"patgate/policy"
	"patgate/routes"
	"patgate/token"
)

// apiBase is where Gitea's REST API starts.
const apiBase = "/api/v1"

// Options says where Gitea is, how it is asked and how its facts are kept.
type Options = facts.Options

// Resolver implements forge.Resolver. Close it when done.
type Resolver struct{ *facts.Keeper[self] }

var _ forge.Resolver = (*Resolver)(nil)

// self is the user that a credential belongs to: what facts rest on.
type self struct {
	name  string
	admin bool
}

// New makes a resolver; it does not ask the forge anything yet.
func New(o Options) (*Resolver, error) {
	r := &Resolver{}
	var err error
	r.Keeper, err = facts.New[self](o, rest.API{
		Base:      apiBase,
		Authorize: func(h http.Header, credential token.Secret) { h.Set("Authorization", "token "+credential.Reveal()) },
		// 301 and 307 are renamed repositories and owners, 405 is "its owner is no organization", 422 a value that cannot be.
		Telling: []int{200, 204, 301, 307, 400, 403, 404, 405, 422},
	}, r.read)
	if err != nil {
		return nil, err
	}
	return r, nil
}

// Lookup implements forge.Resolver. Its answers are not cached.
func (r *Resolver) Lookup(ctx context.Context, s *token.Session, route *routes.Route,
	op *routes.Operation) (forge.LookupResult, error) {
	return r.Keeper.Lookup(ctx, s, route, op, refusesCredential)
}

// read asks Gitea for one reference.
func (r *Resolver) read(ctx context.Context, s *token.Session, f *facts.Fact, ref routes.Reference, maxAge time.Duration) error {
	switch ref.Kind {
	case routes.RefProject:
		return r.readRepository(ctx, s, f, ref, maxAge)
	case routes.RefGroup, routes.RefNamespace:
		return r.readOwner(ctx, s, f, ref, maxAge)
	case routes.RefUser:
		u, err := r.user(ctx, s, ref)
		if err != nil || u == nil {
			return err
		}
		f.Container = policy.Container{Boundary: routes.BoundaryUser, ID: u.ID, Path: u.Login, Access: policy.OwnerPublicRead}
		if u.ID == s.OwnerUserID {
			f.Container.Access = policy.OwnerMember
		}
	}
	return nil
}

// self gives the user behind the session's credential, by the name that it has now.
func (r *Resolver) self(ctx context.Context, s *token.Session, f *facts.Fact, maxAge time.Duration) (self, error) {
	me, found, err := r.Node(ctx, s, f, s.OwnerUserID, maxAge, func(ctx context.Context) (self, bool, error) {
		u, err := r.ownUser(ctx, s)
		if err != nil || u == nil {
			return self{}, false, err
		}
		return self{name: u.Login, admin: u.IsAdmin}, true, nil
	})
	if err == nil && !found {
		err = fmt.Errorf("reading the credential's user: it is not there: %w", forge.ErrUnavailable)
	}
	return me, err
}
