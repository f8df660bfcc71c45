package proxy

import "patgate/routes"

// placeOf translates a place of the route table.
var placeOf = [...]place{
	routes.PlacePrivateToken: placePrivateToken, routes.PlaceBearer: placeBearer, routes.PlaceBasic: placeBasic,
	routes.PlaceToken: placeTokenKey, routes.PlaceRaw: placeRaw, routes.PlaceNugetKey: placeNugetKey,
}

// ordinary are the places that GitLab's API reads on every row that does not say another (GitLab 19.3,
// lib/gitlab/auth/auth_finders.rb).
var ordinary = [...]routes.Place{routes.PlacePrivateToken, routes.PlaceBearer}

// placing tells where the owner's credential goes: where the client had its token when the forge looks there on this row,
// else where it looks first.
func (x *exchange) placing() place {
	if x.surface == surfaceGit || x.registry.auth != nil {
		return placeBasic // the forge reads no other there
	}
	places := ordinary[:]
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
