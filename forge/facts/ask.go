package facts

import (
	"context"
	"fmt"

	"patgate/forge"
	"patgate/forge/rest"
	"patgate/routes"
	"patgate/token"
)

// Pay takes one question from the budget of a session's token and owner.
func (k *Keeper[N]) Pay(s *token.Session) error { return k.budget.Take(s.TokenID, s.OwnerUserID) }

// Bound gives a question its time.
func (k *Keeper[N]) Bound(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, k.timeout)
}

// Ask is one request on behalf of a session. A 429 stops the owner's other questions for a while.
func (k *Keeper[N]) Ask(ctx context.Context, s *token.Session, path string) (rest.Reply, error) {
	rep, err := k.Client.Get(ctx, s.Credential, path)
	if after, limited := forge.RetryAfter(err); limited {
		return rest.Reply{}, k.budget.Pause(s.OwnerUserID, after)
	}
	return rep, err
}

// Lookup implements forge.Resolver. Its answers are not cached. refuses tells whether a 403 is about the credential.
func (k *Keeper[N]) Lookup(ctx context.Context, s *token.Session, route *routes.Route, op *routes.Operation,
	refuses func(rest.Reply) bool) (forge.LookupResult, error) {
	result, err := k.lookup(ctx, s, route, op, refuses)
	if err != nil {
		return forge.LookupResult{}, fmt.Errorf("looking up for %s %s: %w", route.Method, route.Path, err)
	}
	return result, nil
}

func (k *Keeper[N]) lookup(ctx context.Context, s *token.Session, route *routes.Route, op *routes.Operation,
	refuses func(rest.Reply) bool) (none forge.LookupResult, err error) {
	l := route.Find.Lookup
	if l == nil {
		return none, fmt.Errorf("the row declares no look-up")
	}
	path, err := rest.FillIn(l.Get, op.Captures())
	if err != nil {
		return none, err
	}
	if err := k.Pay(s); err != nil {
		return none, err
	}
	ctx, cancel := k.Bound(ctx)
	defer cancel()
	rep, err := k.Ask(ctx, s, path)
	switch {
	case err != nil:
		return none, err
	case rep.Status == 200:
		return rest.ReadLookup(l, rep.Body)
	case rep.Status == 403 && refuses(rep):
		return none, forge.ErrCredential
	case rep.Status == 403, rep.Status == 404: // the owner may not see it
		return none, nil
	}
	return none, fmt.Errorf("status %d: %w", rep.Status, forge.ErrUnavailable)
}

// Version asks the forge for its version, which it tells at /version; revision is empty where it names none.
func (k *Keeper[N]) Version(ctx context.Context, credential token.Secret) (version, revision string, err error) {
	ctx, cancel := k.Bound(ctx)
	defer cancel()
	rep, err := k.Client.Get(ctx, credential, "/version")
	if err != nil {
		return "", "", fmt.Errorf("asking for the version: %w", err)
	}
	if rep.Status != 200 {
		return "", "", fmt.Errorf("asking for the version: status %d: %w", rep.Status, forge.ErrUnavailable)
	}
	v, err := rest.Decode[struct {
		Version  string `json:"version"`
		Revision string `json:"revision"`
	}](rep)
	if err != nil {
		return "", "", err
	}
	return v.Version, v.Revision, nil
}
