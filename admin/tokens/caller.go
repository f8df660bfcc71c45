package tokens

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

	"patgate/forge"
	"patgate/routes"
	"patgate/store"
	"patgate/token"
)

// Caller is who asks. Exactly one of its kinds: an owner with a forge credential (Owner), a token (Token) or an operator
// on the machine (Operator). The zero Caller may do nothing.
type Caller struct {
	identity *forge.Identity
	secret   token.Secret
	session  *token.Session
	operator string
	// remembered: the forge credential was presented a while ago, and is kept for this caller.
	remembered bool
}

// Operator is somebody who works on patgate's own machine, by a name for the record such as "cli:alice".
func Operator(name string) *Caller { return &Caller{operator: name} }

// Token is the holder of a valid patgate token.
func Token(s *token.Session) *Caller { return &Caller{session: s} }

// Owner asks the forge whose credential this is, and takes what may be an owner's: an active legacy personal access token
// with the scope api or read_api. Errors are ErrUnknownCaller, ErrForbidden and those of the forge.
func (s *Service) Owner(ctx context.Context, credential token.Secret) (*Caller, error) {
	id, err := s.o.Forge.Identify(ctx, credential)
	switch {
	case errors.Is(err, forge.ErrCredentialKind):
		return nil, refuse(ErrForbidden, "a legacy personal access token is needed: job, deploy, OAuth and fine-grained tokens make no tokens")
	case errors.Is(err, forge.ErrCredential):
		return nil, refuse(ErrUnknownCaller, "401 Unauthorized")
	case err != nil:
		return nil, err
	}
	return s.known(id, credential)
}

// Identified is Owner for a credential that the forge has identified already.
func (s *Service) Identified(id forge.Identity, credential token.Secret) (*Caller, error) {
	return s.known(id, credential)
}

func (s *Service) known(id forge.Identity, credential token.Secret) (*Caller, error) {
	if err := s.Acceptable(&id); err != nil {
		return nil, err
	}
	return &Caller{identity: &id, secret: credential}, nil
}

// Acceptable tells, by an ErrForbidden, why nothing is done on the word of such a credential, nor is it sealed.
func (s *Service) Acceptable(id *forge.Identity) error {
	const allow = "use another token, or set tokens.allow_admin_owners"
	switch {
	case id.Kind != forge.CredentialPersonal:
		return refuse(ErrForbidden, "the forge credential is not a legacy personal access token but %s (fix: make one with the scope api or read_api)", id.Kind)
	case !id.Active:
		return refuse(ErrForbidden, "the forge credential is expired or revoked (fix: make a new one)")
	case id.Lacks() != "":
		return refuse(ErrForbidden, "the forge credential has the scopes %s; patgate needs %s to ask the forge for projects", strings.Join(id.Scopes, ", "), id.Lacks())
	case s.o.AllowAdminOwners:
		return nil
	case id.HasScope("sudo"):
		return refuse(ErrForbidden, "the forge credential has the scope sudo and could act as anybody (fix: %s)", allow)
	case id.HasScope("admin_mode"):
		return refuse(ErrForbidden, "the forge credential has the scope admin_mode and could change the forge itself (fix: %s)", allow)
	case id.Admin:
		return refuse(ErrForbidden, "%s is an administrator of the forge, so the credential reaches everything there (fix: %s)", id.Username, allow)
	}
	return nil
}

// Remembered gives an owner whose credential is kept, as in a web session, rather than presented with the request. Such a
// caller lists, narrows, pauses and revokes; what gives power (making, widening, rotating, resuming) is ErrAgain.
func (c *Caller) Remembered() *Caller {
	kept := *c
	kept.remembered = true
	return &kept
}

// Again makes a remembered owner an owner once more, on a credential that is presented now and is the same user's.
func (s *Service) Again(ctx context.Context, c *Caller, credential token.Secret) (*Caller, error) {
	if c.identity == nil {
		return nil, ErrUnknownCaller
	}
	fresh, err := s.Owner(ctx, credential)
	if err != nil {
		return nil, err
	}
	if fresh.identity.UserID != c.identity.UserID {
		return nil, refuse(ErrForbidden, "that is a credential of %s, and you are signed in as %s", fresh.identity.Username, c.identity.Username)
	}
	return fresh, nil
}

// Still asks the forge whether it still takes a remembered owner's credential, and gives the owner as the forge names it now.
func (s *Service) Still(ctx context.Context, c *Caller) (*Caller, error) {
	fresh, err := s.Again(ctx, c, c.secret)
	if err != nil {
		return nil, err
	}
	return fresh.Remembered(), nil
}

// giving tells, by ErrAgain, that a remembered caller's word is not enough for what gives power.
func (c *Caller) giving() error {
	if c.remembered {
		return ErrAgain
	}
	return nil
}

// by names the caller for the record.
func (c *Caller) by() string {
	switch {
	case c.operator != "":
		return c.operator
	case c.identity != nil:
		return "user:" + strconv.FormatInt(c.identity.UserID, 10)
	case c.session != nil:
		return "token:" + strconv.FormatInt(c.session.TokenID, 10)
	}
	return "nobody"
}

// UserID is the forge user that the caller acts for; 0 for an operator.
func (c *Caller) UserID() int64 {
	switch {
	case c.identity != nil:
		return c.identity.UserID
	case c.session != nil:
		return c.session.OwnerUserID
	}
	return 0
}

// Username is the forge user's name; empty for an operator.
func (c *Caller) Username() string {
	switch {
	case c.identity != nil:
		return c.identity.Username
	case c.session != nil:
		return c.session.Username
	}
	return ""
}

// Scopes are those of an owner's forge credential.
func (c *Caller) Scopes() []string {
	if c.identity == nil {
		return nil
	}
	return slices.Clone(c.identity.Scopes)
}

// Administrates tells whether the caller may see, pause and revoke everyone's tokens.
func (s *Service) Administrates(c *Caller) bool { return s.administrates(c) }

// administrates tells whether the caller may see and revoke everyone's tokens.
func (s *Service) administrates(c *Caller) bool {
	return c.operator != "" || c.identity != nil && slices.Contains(s.o.Administrators, c.identity.UserID)
}

// holds tells whether a token's grant has a permission on its owner's account.
func (s *Service) holds(c *Caller, name string) bool {
	p, ok := s.o.Table().Catalogue().Find(name)
	return ok && c.session != nil && c.session.Grant.Holds(routes.BoundaryUser, p)
}

// find reads a token that the caller may see. Everything else is ErrNotFound.
func (s *Service) find(ctx context.Context, c *Caller, id int64) (store.Listed, error) {
	l, err := s.o.Store.Token(ctx, id)
	if errors.Is(err, store.ErrUnknownToken) {
		return l, ErrNotFound
	}
	if err != nil {
		return l, err
	}
	switch {
	case s.administrates(c):
	case c.identity != nil && l.Owner.UserID == c.identity.UserID && l.Owner.Origin == s.o.Origin:
	case c.session != nil && c.session.TokenID == id:
	case c.session != nil && c.session.OwnerUserID == l.Owner.UserID && l.Owner.Origin == s.o.Origin:
		if !s.holds(c, "read_personal_access_token") {
			return store.Listed{}, missing("read_personal_access_token")
		}
	default:
		return store.Listed{}, ErrNotFound
	}
	return l, nil
}

// ownersWord tells, by an error, whether a forge credential's word counts for a token: it must reach as far as the
// credential that the token is bound to, or a weak credential would come by a strong one through it.
func (s *Service) ownersWord(ctx context.Context, c *Caller, l *store.Listed) error {
	if c.identity.UserID != l.Owner.UserID || l.Owner.Origin != s.o.Origin {
		return ErrNotFound
	}
	bound, err := s.o.Store.Credential(ctx, l.CredentialID)
	if err != nil {
		return err
	}
	if beyond := Broader(bound.Scopes, c.identity.Scopes); len(beyond) > 0 {
		return refuse(ErrForbidden, "the token is bound to a forge credential with the scopes %s, and yours lacks %s: use one with the same scopes",
			strings.Join(bound.Scopes, ", "), strings.Join(beyond, ", "))
	}
	return nil
}

// covered are the scopes of a GitLab token that a wider scope holds already (doc/security/tokens, GitLab 19.3), or of a Gitea
// token: what writes also reads (models/auth, Gitea 1.26).
func covered(scope string) []string {
	if kind, writes := strings.CutPrefix(scope, "write:"); writes {
		return []string{"read:" + kind}
	}
	switch scope {
	case "api":
		return []string{"read_api", "read_user", "read_repository", "write_repository", "read_registry", "write_registry"}
	case "read_api":
		return []string{"read_user", "read_repository", "read_registry"}
	case "write_repository":
		return []string{"read_repository"}
	case "write_registry":
		return []string{"read_registry"}
	}
	return nil
}

// Broader gives the scopes of a forge credential that one with the scopes of another does not hold.
func Broader(scopes, than []string) []string {
	const narrows, all = "public-only", "all" // Gitea's: one that takes away, and one that holds every other
	var beyond []string
	if slices.Contains(than, narrows) && !slices.Contains(scopes, narrows) {
		beyond = append(beyond, "what is not public")
	}
	for _, scope := range scopes {
		held := scope == narrows || slices.ContainsFunc(than, func(have string) bool {
			return have == scope || slices.Contains(covered(have), scope) || have == all && strings.Contains(scope, ":")
		})
		if !held {
			beyond = append(beyond, scope)
		}
	}
	return beyond
}
