package gitea

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"patgate/forge"
	"patgate/forge/rest"
	"patgate/token"
)

// Identify implements forge.Resolver: GET /user, and what Gitea says when a scope is missing.
//
//	| credential                                  | Gitea's answer on /user                    | outcome            |
//	| ------------------------------------------- | ------------------------------------------ | ------------------ |
//	| personal access token with read:user        | 200                                        | CredentialPersonal |
//	| personal access token without it            | 403, names the scope                       | ErrCredential      |
//	| OAuth access token (a JWT)                  | is not asked                               | ErrCredentialKind  |
//	| token of an Actions job                     | 200, the Actions user, whose id is below 0 | ErrCredentialKind  |
//	| unknown, deleted; a password                | 401                                        | ErrCredential      |
//	| user who may not sign in                    | 403                                        | ErrBlocked         |
//
// Gitea's tokens have no end and show neither id nor name. Their scopes can be listed only with the user's password, but
// Gitea names them when it refuses a request for want of one. So requests are made that need a scope each and could do
// nothing: they name what cannot exist, and for anybody but a site administrator the first is refused in any case. The first
// answer that names the scopes is the end of it. A Gitea that does not name them (before 1.23, Forgejo) is asked for all of them.
func (r *Resolver) Identify(ctx context.Context, credential token.Secret) (forge.Identity, error) {
	ctx, cancel := r.Bound(ctx)
	defer cancel()
	id, err := r.identify(ctx, credential)
	if err != nil {
		return forge.Identity{}, fmt.Errorf("identifying a credential: %w", err)
	}
	return id, nil
}

// Whose is Identify for one who only wants to know whose a credential is, and not what it may do.
func (r *Resolver) Whose(ctx context.Context, credential token.Secret) (forge.Identity, error) {
	ctx, cancel := r.Bound(ctx)
	defer cancel()
	id, err := r.holder(ctx, credential)
	if err != nil {
		return forge.Identity{}, fmt.Errorf("finding out whose a credential is: %w", err)
	}
	return id, nil
}

func (r *Resolver) identify(ctx context.Context, credential token.Secret) (forge.Identity, error) {
	id, err := r.holder(ctx, credential)
	if err != nil {
		return forge.Identity{}, err
	}
	if id.Scopes, err = r.scopes(ctx, credential); err != nil {
		return forge.Identity{}, err
	}
	id.Needs = lacking(&id)
	id.Asks = id.Needs == ""
	return id, nil
}

// holder reads the user of a credential.
func (r *Resolver) holder(ctx context.Context, credential token.Secret) (forge.Identity, error) {
	if strings.Contains(credential.Reveal(), ".") {
		return forge.Identity{}, forge.ErrCredentialKind
	}
	rep, err := r.Client.Get(ctx, credential, "/user")
	switch {
	case err != nil:
		return forge.Identity{}, err
	case rep.Status == 403 && lacksScope(rep):
		return forge.Identity{}, fmt.Errorf("it cannot read its own user, it needs the scope read:user: %w", forge.ErrCredential)
	case rep.Status == 403 && saysBlocked(rep):
		return forge.Identity{}, forge.ErrBlocked
	case rep.Status == 403:
		return forge.Identity{}, forge.ErrCredential
	case rep.Status != 200:
		return forge.Identity{}, fmt.Errorf("status %d: %w", rep.Status, forge.ErrUnavailable)
	}
	u, err := rest.Decode[userAnswer](rep)
	switch {
	case err != nil:
		return forge.Identity{}, err
	case u.ID < 0:
		return forge.Identity{}, forge.ErrCredentialKind
	case u.ID == 0 || u.Login == "":
		return forge.Identity{}, fmt.Errorf("the forge names no user: %w", forge.ErrUnavailable)
	}
	return forge.Identity{UserID: u.ID, Username: u.Login, Admin: u.IsAdmin, Kind: forge.CredentialPersonal, Active: true}, nil
}

// lacking gives the scopes that a credential is missing for the questions about users, organizations and repositories.
func lacking(id *forge.Identity) string {
	var missing []string
	for _, kind := range [...]string{"user", "organization", "repository"} {
		if !id.HasScope("all") && !id.HasScope("read:"+kind) && !id.HasScope("write:"+kind) {
			missing = append(missing, "read:"+kind)
		}
	}
	return strings.Join(missing, " and ")
}

// probe is a request that needs a scope of one kind and has no effect.
type probe struct{ kind, write, read string }

// probes gives one for each kind of scope that opens anything ("misc" opens nothing, "activitypub" only where federation is
// on). No user, organization or repository is called "-", no task neither, and no id is 0.
func probes() []probe {
	return []probe{
		{"admin", "POST /admin/cron/-", "GET /admin/cron?limit=1"},
		{"package", "DELETE /packages/-/generic/-/0", "GET /packages/-?limit=1"},
		{"notification", "PATCH /notifications/threads/0", "GET /notifications/threads/0"},
		{"organization", "DELETE /orgs/-/public_members/-", "GET /orgs/-"},
		{"issue", "DELETE /repos/-/-/issues/0", "GET /repos/-/-/issues/0"},
		{"repository", "DELETE /repos/-/-/topics/-", "GET /repos/-/-"},
		{"user", "DELETE /user/following/-", "GET /user"},
	}
}

// scopes reads the scopes of a credential.
func (r *Resolver) scopes(ctx context.Context, credential token.Secret) ([]string, error) {
	var held []string
	for _, p := range probes() {
		for _, level := range []string{"write", "read"} {
			request := p.write
			if level == "read" {
				request = p.read
			}
			method, path, _ := strings.Cut(request, " ")
			rep, err := r.Client.Do(ctx, credential, method, path)
			if err != nil {
				return nil, err
			}
			if rep.Status != 403 || !lacksScope(rep) {
				held = append(held, level+":"+p.kind)
				break
			}
			if named := namedScopes(message(rep)); named != nil {
				return named, nil
			}
		}
	}
	return held, nil
}

var scopeName = regexp.MustCompile(`^(all|public-only|(read|write):[a-z]+)$`)

// namedScopes reads the scopes out of the message of a refusal; nil when it names none or in a form that is not known.
func namedScopes(message string) []string {
	_, list, ok := strings.Cut(message, "token scope=")
	if !ok {
		return nil
	}
	named := strings.Split(list, ",")
	if slices.ContainsFunc(named, func(s string) bool { return !scopeName.MatchString(s) }) {
		return nil
	}
	return named
}
