// Package forge asks the forge what requests refer to: projects, groups, users and objects with global ids, and whose a
// credential is. Its answers are facts with an age; what follows from them is decided in policy.
//
// Implementations are the packages forge/gitlab and forge/gitea. forge/resolvertest tests that they do what this package says,
// and forge/forgetest is a stand-in forge to run them against.
package forge

import (
	"context"
	"time"

	"patgate/policy"
	"patgate/routes"
	"patgate/token"
)

// Resolver reads facts from one forge with the credential of a token's owner. It is safe for concurrent use.
type Resolver interface {
	// Resolve finds the container or user that a reference names, as the token's owner sees it. The zero Container
	// means that it does not exist or that the owner cannot see it, which is no error. Every fact in it was read from
	// the forge no longer than maxAge ago; a maxAge of 0 leaves that to the resolver's own limit.
	//
	// A path that the forge redirects (a renamed project) gives the container that is there now, under its own path
	// and id. A reference of kind RefNamespace may give a project, a group or a user namespace: the Container's
	// Boundary tells; its ID is then the id of that project, group or user, and not always that of the namespace, so
	// what is sent on for a project or user is the Path.
	//
	// Errors wrap ErrUnavailable, ErrTimeout, ErrBudget, ErrCredential, or the context's error.
	Resolve(ctx context.Context, s *token.Session, ref routes.Reference, maxAge time.Duration) (policy.Container, error)

	// Known gives what Resolve would give without asking the forge; nil when Resolve would ask. now is the time: callers have
	// just read the clock. The container must not be changed.
	Known(s *token.Session, ref routes.Reference, maxAge time.Duration, now time.Time) *policy.Container

	// Lookup makes the upstream read that the route declares in Find.Lookup for an object with a global id, with the
	// operation's captures. It fails as Resolve does; on a route without a Lookup it returns an error of its own.
	Lookup(ctx context.Context, s *token.Session, route *routes.Route, op *routes.Operation) (LookupResult, error)

	// Identify asks the forge whose credential this is and what it may do. A credential that the forge refuses is
	// ErrCredential; one that is no personal access token is ErrCredentialKind.
	Identify(ctx context.Context, credential token.Secret) (Identity, error)

	// Denied tells that a request was denied after questions to the forge: the token pays for them, as for questions about what
	// is not there.
	Denied(s *token.Session, questions int)

	// Listed must be called before each question about the entries of a list, and before each further page of it. The token pays
	// for these; when it cannot, the error wraps ErrListBudget.
	Listed(s *token.Session) error

	// Below gives the sorted ids of the projects that lie below a group, at any depth, as far as the owner sees them. complete
	// tells that there are no others. It costs what questions about single entries of a list cost, because it replaces them. It
	// fails as Resolve does, and when the token cannot pay.
	Below(ctx context.Context, s *token.Session, group *policy.Container, maxAge time.Duration) (projects []int64, complete bool,
		err error)

	// Forget drops what is known about a container, for all owners, because a request that was forwarded may have changed
	// it: once Forget has returned, Resolve answers from reads that began later. The zero Container drops only what was
	// found to be absent, for requests that made something new.
	Forget(container policy.Container)
}

// LookupResult says where an object with a global id belongs. The zero value is "not found or not visible".
type LookupResult struct {
	// Found: the forge showed the object. All other fields are empty otherwise.
	Found bool
	// Projects and Groups are the ids of the containers that it belongs to; all of them, when there are several.
	Projects []int64
	Groups   []int64
	// Instance: it belongs to the instance. User: it belongs to the owner.
	Instance bool
	User     bool
	// Send replaces the capture that the look-up was made with, in what is sent on. Empty when the row says nothing.
	Send string
}

// CredentialKind is what sort of credential a forge says it was shown. The zero value is unknown, and of no use.
type CredentialKind uint8

const (
	CredentialUnknown CredentialKind = iota
	// CredentialPersonal is a legacy personal access token; tokens of project and group bots are such tokens too.
	CredentialPersonal
	// CredentialGranular is a fine-grained personal access token.
	CredentialGranular
	// CredentialOAuth is an access token that a user has let an OAuth application have. Only who asks whose it is sees it.
	CredentialOAuth
)

// String gives "unknown", "personal", "granular" or "oauth".
func (k CredentialKind) String() string {
	switch k {
	case CredentialPersonal:
		return "personal"
	case CredentialGranular:
		return "granular"
	case CredentialOAuth:
		return "oauth"
	}
	return "unknown"
}

// Identity is what the forge says about a credential and of the user behind it.
type Identity struct {
	UserID   int64
	Username string
	// Admin: an administrator of the forge. Auditor: may read everything (GitLab EE). Bot: a project or group bot or a
	// service account.
	Admin   bool
	Auditor bool
	Bot     bool

	Kind      CredentialKind
	TokenID   int64
	TokenName string
	// Application is the public id of the OAuth application that the access token is for. It stays when the token is renewed.
	Application string
	Scopes      []string  // "api", "read_api", ...
	ExpiresAt   time.Time // the first moment at which it is not valid any more; zero: never
	// Active: neither expired nor revoked.
	Active bool
	// Asks tells that the scopes let patgate ask this forge about projects and groups; Needs says which are missing for that.
	Asks  bool
	Needs string
}

// HasScope tells whether the credential has a scope of that name.
func (i *Identity) HasScope(name string) bool {
	for _, s := range i.Scopes {
		if s == name {
			return true
		}
	}
	return false
}
