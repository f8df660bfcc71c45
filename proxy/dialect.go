package proxy

import (
	"patgate/proxy/header"
	"patgate/routes"
	"patgate/routes/git"
)

// dialect is how a forge is spoken to where forges differ: which places of a request it reads, and where it wants what. It is
// data that the handler asks; nothing else in this package knows a forge by its name.
type dialect struct {
	realm   string // in challenges
	fields  *header.Table
	surface func(path []byte, base string) surface
	// organizations: most routes are drawn again below /o/<organization>.
	organizations bool
	// anyCookie: the session cookie's name is the instance's own, so that every cookie may be one.
	anyCookie bool
	// usernameTokens: Basic may have the token as its username, with the password empty or "x-oauth-basic".
	usernameTokens bool
	// rawTokens: Authorization may be the token itself.
	rawTokens bool
	// ordinary are the places where the API reads a credential on every row that does not say another, the best first;
	// elsewhere it is in Basic.
	ordinary []routes.Place
	// ownRegistry: the forge itself serves the container registry below /v2/, and its token service does not narrow.
	ownRegistry bool
	// message: a denial is {"message": ...}, as all of the forge's own are.
	message bool
}

// dialects are those of the forges that there are tables for.
var dialects = map[string]*dialect{
	routes.ForgeGitLab: {realm: "GitLab", fields: header.GitLab, surface: surfaceOf, organizations: true, rawTokens: true,
		ordinary: []routes.Place{routes.PlacePrivateToken, routes.PlaceBearer}},
	routes.ForgeGitea: {realm: "Gitea", fields: header.Gitea, surface: giteaSurface, anyCookie: true, usernameTokens: true, ownRegistry: true,
		ordinary: []routes.Place{routes.PlaceToken}, message: true},
}

// dialectOf gives a forge's dialect; an empty name is GitLab. nil: there is none.
func dialectOf(forge string) *dialect {
	if forge == "" {
		forge = routes.ForgeGitLab
	}
	return dialects[forge]
}

// giteaSurface reads the surface of a raw path as Gitea 1.26 does (routers/init.go, routers/web/web.go).
func giteaSurface(path []byte, base string) surface {
	switch {
	case hasPrefix(path, "/api/"):
		return surfaceAPI
	case string(path) == "/v2", hasPrefix(path, "/v2/"):
		return surfaceRegistry
	case git.IsNamed(path):
		return surfaceGit
	}
	return surfaceWeb
}

// isSession tells whether a Cookie header may log in at the forge.
func (d *dialect) isSession(cookie []byte) bool {
	return d != nil && d.anyCookie || isSession(cookie)
}
