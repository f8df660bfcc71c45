package surface

import (
	"patgate/proxy/header"
	"patgate/proxy/reply"
	"patgate/routes"
)

// Dialect is how a forge is spoken to where forges differ: which places of a request it reads, and where it wants what. It is
// data that is asked; nothing else here knows a forge by its name.
type Dialect struct {
	Realm  string // in challenges
	Fields *header.Table
	// Organizations: most routes are drawn again below /o/<organization>.
	Organizations bool
	// AnyCookie: the session cookie's name is the instance's own, so that every cookie may be one.
	AnyCookie bool
	// UsernameTokens: Basic may have the token as its username, with the password empty or "x-oauth-basic".
	UsernameTokens bool
	// RawTokens: Authorization may be the token itself.
	RawTokens bool
	// Ordinary are the places where the API reads a credential on every row that does not say another, the best first;
	// elsewhere it is in Basic.
	Ordinary []routes.Auth
	// OwnRegistry: the forge itself serves the container registry below /v2/, and its token service does not narrow.
	OwnRegistry bool
	// TokenAPI: the forge has GitLab's API of personal access tokens, by which patgate's can be managed too.
	TokenAPI   bool
	Modules    bool // the forge serves Terraform modules
	PageFields bool // lists tell their pages in X-Page and the like, and not in Link and X-Total-Count alone
	// NamedByHost: the forge makes addresses in answers and webhooks of Host and X-Forwarded-Proto, which are to name it.
	NamedByHost bool
	// Places say where a client sends its token, in the middle of a sentence.
	Places string
	// LacksCredentialScope tells whether the body of a 403 says that the credential lacks a scope, and which ones would do.
	LacksCredentialScope func(body []byte) (wants []string, lacks bool)
	// Message: a denial is {"message": ...}, as all of the forge's own are.
	Message bool
}

// dialects are those of the forges that there are tables for.
var dialects = map[string]*Dialect{
	routes.ForgeGitLab: {Realm: "GitLab", Fields: header.GitLab, Organizations: true, RawTokens: true,
		TokenAPI: true, Modules: true, PageFields: true, LacksCredentialScope: reply.CredentialScopeOfGitLab,
		Ordinary: []routes.Auth{routes.AuthPrivateToken, routes.AuthBearer},
		Places:   "as PRIVATE-TOKEN, as Authorization: Bearer, or as the password (not the username) of Basic"},
	routes.ForgeGitea: {Realm: "Gitea", Fields: header.Gitea, AnyCookie: true, UsernameTokens: true, OwnRegistry: true,
		NamedByHost: true, Ordinary: []routes.Auth{routes.AuthToken}, Message: true,
		LacksCredentialScope: reply.CredentialScopeOfGitea,
		Places:               "as Authorization: token, as Authorization: Bearer, or as the password of Basic"},
}

// DialectOf gives a forge's dialect; an empty name is GitLab. nil: there is none.
func DialectOf(forge string) *Dialect {
	if forge == "" {
		forge = routes.ForgeGitLab
	}
	return dialects[forge]
}

// IsSession tells whether a Cookie header may log in at the forge.
func (d *Dialect) IsSession(cookie []byte) bool {
	return d.AnyCookie || isSession(cookie)
}
