package gitlab

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"time"

	"patgate/forge"
	"patgate/forge/rest"
	"patgate/token"
)

// Identify implements forge.Resolver: GET /personal_access_tokens/self, which every personal access token may read
// whatever its scopes, and GET /user.
//
//	| credential                                     | GitLab's answer on .../self            | outcome           |
//	| ---------------------------------------------- | -------------------------------------- | ----------------- |
//	| legacy personal, project, group, service token | 200, granular false                    | CredentialPersonal |
//	| fine-grained token with the permission         | 200, granular true, scopes ["granular"] | CredentialGranular |
//	| fine-grained token without it                  | 403 insufficient_granular_scope        | ErrCredentialKind |
//	| OAuth token in a place where it counts         | 400                                    | ErrCredentialKind |
//	| job token, deploy token, OAuth in this header  | 401                                    | ErrCredential     |
//	| expired, revoked, unknown                      | 401                                    | ErrCredential     |
//	| blocked user                                   | 403                                    | ErrBlocked        |
//
// A token whose scopes do not let it read its own user (api, read_api or read_user) is ErrCredential too: without /user it
// is not known whether the token is an administrator's.
func (r *Resolver) Identify(ctx context.Context, credential token.Secret) (forge.Identity, error) {
	ctx, cancel := r.Bound(ctx)
	defer cancel()
	id, err := r.identify(ctx, credential)
	if err != nil {
		return forge.Identity{}, fmt.Errorf("identifying a credential: %w", err)
	}
	return id, nil
}

// Whose is Identify for callers that only want to know whose a credential is. A credential that cannot read its user will do;
// the user then has no name. An OAuth access token, sent as one, will do too, by GET /oauth/token/info: see NewForOthers.
func (r *Resolver) Whose(ctx context.Context, credential token.Secret) (forge.Identity, error) {
	ctx, cancel := r.Bound(ctx)
	defer cancel()
	id, err := r.self(ctx, credential)
	known := errors.Is(err, errNotPersonal) // the forge knows it, as whatever kind
	if known {
		id, err = r.application(ctx, credential)
	}
	if err == nil && (id.Asks || id.HasScope("read_user")) {
		err = r.readSelf(ctx, credential, &id)
	}
	if known && errors.Is(err, forge.ErrCredential) {
		err = errNotPersonal
	}
	if err != nil {
		return forge.Identity{}, fmt.Errorf("finding out whose a credential is: %w", err)
	}
	return id, nil
}

func (r *Resolver) identify(ctx context.Context, credential token.Secret) (forge.Identity, error) {
	id, err := r.self(ctx, credential)
	if err == nil {
		err = r.readSelf(ctx, credential, &id)
	}
	if err != nil {
		return forge.Identity{}, err
	}
	return id, nil
}

// self reads what the forge says about a token that asks about itself.
func (r *Resolver) self(ctx context.Context, credential token.Secret) (forge.Identity, error) {
	rep, err := r.Client.Get(ctx, credential, "/personal_access_tokens/self")
	if err != nil {
		return forge.Identity{}, err
	}
	switch rep.Status {
	case 200:
	case 400:
		return forge.Identity{}, errNotPersonal
	case 403:
		if refusesCredential(rep) {
			return forge.Identity{}, forge.ErrCredentialKind
		}
		if saysBlocked(rep) {
			return forge.Identity{}, forge.ErrBlocked
		}
		return forge.Identity{}, forge.ErrCredential
	default:
		return forge.Identity{}, fmt.Errorf("status %d: %w", rep.Status, forge.ErrUnavailable)
	}
	t, err := rest.Decode[tokenAnswer](rep)
	if err != nil {
		return forge.Identity{}, err
	}
	if !t.Active || t.Revoked {
		return forge.Identity{}, forge.ErrCredential
	}
	id := forge.Identity{
		UserID: t.UserID, Kind: forge.CredentialPersonal, TokenID: t.ID, TokenName: t.Name, Scopes: t.Scopes, Active: true,
	}
	asks(&id)
	if t.Granular || id.HasScope("granular") {
		id.Kind = forge.CredentialGranular
	}
	if t.ExpiresAt != nil {
		if id.ExpiresAt, err = expiry(*t.ExpiresAt); err != nil {
			return forge.Identity{}, err
		}
	}
	return id, nil
}

// errNotPersonal is ErrCredentialKind for what GitLab knows and takes for no personal access token.
var errNotPersonal = fmt.Errorf("%w: the forge says so", forge.ErrCredentialKind)

// applicationID is the public id of an OAuth application: 64 hexadecimal digits, or a word where it registered itself.
var applicationID = regexp.MustCompile(`^[0-9A-Za-z_-]{8,128}$`)

// application reads about an OAuth access token. Its name is made from what the forge shows of its application.
func (r *Resolver) application(ctx context.Context, credential token.Secret) (forge.Identity, error) {
	rep, err := r.Client.Beside(ctx, credential, "/oauth/token/info")
	switch {
	case err != nil:
		return forge.Identity{}, err
	case rep.Status != 200:
		return forge.Identity{}, errNotPersonal
	}
	t, err := rest.Decode[applicationAnswer](rep)
	switch {
	case err != nil:
		return forge.Identity{}, err
	case t.UserID <= 0:
		return forge.Identity{}, errNotPersonal // it acts for no user
	case t.Application.ID == "":
		return forge.Identity{}, errNotPersonal // of no application
	case !applicationID.MatchString(t.Application.ID):
		return forge.Identity{}, fmt.Errorf("the forge names no application: %w", forge.ErrUnavailable)
	}
	id := forge.Identity{UserID: t.UserID, Kind: forge.CredentialOAuth, Application: t.Application.ID,
		TokenName: "OAuth application " + t.Application.ID[:8], Scopes: t.Scopes, Active: true}
	asks(&id)
	return id, nil
}

// asks notes whether its scopes let a credential ask about projects and groups.
func asks(id *forge.Identity) {
	id.Asks, id.Needs = id.HasScope("api") || id.HasScope("read_api"), "api or read_api"
}

// readSelf fills in the user.
func (r *Resolver) readSelf(ctx context.Context, credential token.Secret, id *forge.Identity) error {
	rep, err := r.Client.Get(ctx, credential, "/user")
	if err != nil {
		return err
	}
	if rep.Status == 403 {
		return fmt.Errorf("it cannot read its own user, it needs the scope api, read_api or read_user: %w", forge.ErrCredential)
	}
	if rep.Status != 200 {
		return fmt.Errorf("status %d: %w", rep.Status, forge.ErrUnavailable)
	}
	u, err := rest.Decode[userAnswer](rep)
	if err != nil {
		return err
	}
	if u.ID <= 0 || u.ID != id.UserID || u.Username == "" {
		return fmt.Errorf("the forge names two users: %w", forge.ErrUnavailable)
	}
	id.Username, id.Admin, id.Auditor, id.Bot = u.Username, u.IsAdmin, u.IsAuditor, u.Bot
	return nil
}

// expiry reads a date or a time. GitLab takes a date as its first moment, UTC (Expirable#expired?).
func expiry(s string) (time.Time, error) {
	for _, layout := range []string{time.DateOnly, time.RFC3339Nano} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("reading the token's expiry: %w", forge.ErrUnavailable)
}
