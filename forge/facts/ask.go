package facts

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"patgate/forge"
	"patgate/forge/rest"
	"patgate/routes"
	"patgate/token"
)

// Begin begins a question of a session's token, for which it may have to wait. Without an error, end must be called when the
// question is over; missed says that its subject is not there.
func (k *Keeper[N]) Begin(ctx context.Context, s *token.Session) (end func(missed bool), err error) {
	ctx, cancel := k.Bound(ctx)
	defer cancel()
	err = k.budget.Begin(ctx, s.TokenID, s.OwnerUserID)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return nil, forge.ErrTimeout
	case err != nil:
		return nil, err
	}
	return func(missed bool) { k.budget.End(s.TokenID, missed) }, nil
}

// Pay is for a question about nothing that a token names: its owner pays for it.
func (k *Keeper[N]) Pay(ctx context.Context, s *token.Session) error {
	end, err := k.Begin(ctx, s)
	if err != nil {
		return err
	}
	k.budget.Spend(s.OwnerUserID)
	end(false)
	return nil
}

// Denied implements forge.Resolver.
func (k *Keeper[N]) Denied(s *token.Session, questions int) { k.budget.Denied(s.TokenID, questions) }

// Listed implements forge.Resolver.
func (k *Keeper[N]) Listed(s *token.Session) error { return k.budget.Listed(s.TokenID) }

// Bound gives a question its time.
func (k *Keeper[N]) Bound(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, k.timeout)
}

// Ask is one request on behalf of a session. When the forge says 429 again and again, it is not asked for as long as it says.
func (k *Keeper[N]) Ask(ctx context.Context, s *token.Session, path string) (rest.Reply, error) {
	part, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	part, _, _ = strings.Cut(part, "?")
	if err := k.budget.Limited(s.OwnerUserID, part); err != nil {
		return rest.Reply{}, fmt.Errorf("asking the forge for %s: %w", path, err)
	}
	ctx = forge.On(ctx, s.OwnerUserID, s.TokenID)
	ask := k.Client.Get
	if strings.HasPrefix(path, graphQL) {
		ask = k.Client.Beside
	}
	rep, err := ask(ctx, s.Credential, path)
	if after, limited := forge.RetryAfter(err); limited || err == nil {
		k.budget.Answered(s.OwnerUserID, part, limited, after)
	}
	return rep, err
}

// graphQL begins the paths of questions that are put to the forge's GraphQL, which lies beside its REST API.
const graphQL = "/api/graphql?"

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
	end, err := k.Begin(ctx, s)
	if err != nil {
		return none, err
	}
	missed := false
	defer func() { end(missed) }()
	k.budget.Spend(s.OwnerUserID)
	ctx, cancel := k.Bound(ctx)
	defer cancel()
	rep, err := k.Ask(ctx, s, path)
	switch {
	case err != nil:
		return none, err
	case rep.Status == 200:
		result, err := rest.ReadLookup(l, rep.Body)
		if strings.HasPrefix(path, graphQL) && err == nil { // it tells what is not there with 200
			result.Found = len(result.Projects) > 0 || len(result.Groups) > 0
			missed = !result.Found
		}
		return result, err
	case rep.Status == 403 && refuses(rep):
		return none, forge.ErrCredential
	case rep.Status == 403, rep.Status == 404: // the owner may not see it
		missed = true
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
