package proxy

import (
	"strings"

	"patgate/routes"
)

// placeOf translates a place of the route table.
var placeOf = [...]place{
	routes.PlacePrivateToken: placePrivateToken, routes.PlaceBearer: placeBearer, routes.PlaceBasic: placeBasic,
	routes.PlaceToken: placeTokenKey, routes.PlaceRaw: placeRaw, routes.PlaceNugetKey: placeNugetKey, routes.PlaceTicket: placeTicket,
}

// placing tells where the owner's credential goes: where the client had its token when the forge looks there on this row,
// else where it looks first.
func (x *exchange) placing() place {
	if x.surface == surfaceGit || x.registry.auth != nil || x.toOwnRegistry() {
		return placeBasic // the forges read no other there
	}
	places := x.h.dialect.ordinary
	if r := x.op.Route; r != nil && len(r.Auth) > 0 {
		places = r.Auth
	}
	for _, p := range places {
		if placeOf[p] == x.cred.place {
			return x.cred.place
		}
	}
	return placeOf[places[0]]
}

// notice tells what is missing where package managers show it: npm prints Npm-Notice, NuGet X-NuGet-Warning, and neither
// shows the body of a refusal.
func (x *exchange) notice(f *facts) {
	if f.decision == nil || len(f.missing) == 0 || !isPackagePath(x.path) {
		return
	}
	text := "patgate: the token is not allowed " + strings.Join(f.missing, ", ") + " here"
	x.ctx.Response.Header.Set("Npm-Notice", text)
	x.ctx.Response.Header.Set("X-NuGet-Warning", text)
}
