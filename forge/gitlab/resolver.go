package gitlab

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"patgate/forge"
	"patgate/forge/facts"
	"patgate/forge/rest"
	"patgate/routes"
	"patgate/token"
)

// apiBase is where GitLab's REST API starts.
const apiBase = "/api/v4"

// Options says where GitLab is, how it is asked and how its facts are kept.
type Options = facts.Options

// Resolver implements forge.Resolver. Close it when done. It keeps the id of the parent of each group that facts rest on.
type Resolver struct{ *facts.Keeper[int64] }

var _ forge.Resolver = (*Resolver)(nil)

// New makes a resolver; it does not ask the forge anything yet.
func New(o Options) (*Resolver, error) {
	return build(o, func(h http.Header, credential token.Secret) { h.Set("PRIVATE-TOKEN", credential.Reveal()) })
}

// NewForOthers is New for a resolver that also asks with OAuth access tokens, and so sends credentials as Bearer. GitLab 19.3
// takes OAuth access tokens there alone, and personal access tokens there too (lib/gitlab/auth/auth_finders.rb).
func NewForOthers(o Options) (*Resolver, error) {
	return build(o, func(h http.Header, credential token.Secret) { h.Set("Authorization", "Bearer "+credential.Reveal()) })
}

func build(o Options, authorize func(http.Header, token.Secret)) (*Resolver, error) {
	r := &Resolver{}
	var err error
	r.Keeper, err = facts.New[int64](o, rest.API{
		Base:      apiBase,
		Authorize: authorize,
		Telling:   []int{200, 301, 400, 403, 404},
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

// read asks GitLab for one reference.
func (r *Resolver) read(ctx context.Context, s *token.Session, f *facts.Fact, ref routes.Reference, maxAge time.Duration) error {
	switch ref.Kind {
	case routes.RefProject:
		return r.readProject(ctx, s, f, ref, maxAge)
	case routes.RefGroup:
		return r.readGroup(ctx, s, f, ref, maxAge)
	case routes.RefNamespace:
		return r.readNamespace(ctx, s, f, ref, maxAge)
	case routes.RefUser:
		return r.readUser(ctx, s, f, ref)
	}
	return nil
}

// segment writes a reference as one path segment: the id, or the path with its slashes encoded.
func segment(ref routes.Reference) string {
	if ref.ID > 0 {
		return fmt.Sprint(ref.ID)
	}
	return rest.Escape(ref.Path)
}
