package proxy

import (
	"patgate/routes"

	"regexp"
	"slices"
)

// looked says where GitLab 19.3 looks for a personal access token, by method and path, the first that matches: read off
// `authenticate_with` and `route_setting :authentication` of lib/api, not off the route table.
var looked = []struct {
	request *regexp.Regexp
	places  []routes.Place
}{
	{regexp.MustCompile(`^\w+ .*/dependency_proxy/packages/maven/`), []routes.Place{routes.PlacePrivateToken, routes.PlaceBasic}},
	{regexp.MustCompile(`^\w+ .*/dependency_proxy/packages/npm/`), []routes.Place{routes.PlaceBearer}},
	{regexp.MustCompile(`^\w+ .*/virtual_registries/`), []routes.Place{routes.PlacePrivateToken, routes.PlaceBearer}},
	{regexp.MustCompile(`^(PUT|DELETE) .*/packages/nuget`), []routes.Place{routes.PlaceNugetKey, routes.PlaceBasic}},
	{regexp.MustCompile(`^\w+ .*/packages/(nuget|conan|debian|helm|rpm)(/|$)`), []routes.Place{routes.PlaceBasic}},
	{regexp.MustCompile(`^\w+ .*/debian_distributions`), []routes.Place{routes.PlacePrivateToken}},
	{regexp.MustCompile(`^\w+ .*/packages/rubygems/`), []routes.Place{routes.PlaceBasic, routes.PlaceRaw}},
	{regexp.MustCompile(`^\w+ .*/packages/(cargo|ml_models)/`), []routes.Place{routes.PlaceBearer}},
	{regexp.MustCompile(`^\w+ /packages/terraform/modules/.*/file$`), []routes.Place{routes.PlaceTicket}},
	{regexp.MustCompile(`^\w+ /packages/terraform/modules/`), []routes.Place{routes.PlaceBearer}},
	{regexp.MustCompile(`^GET /projects/.*/packages/terraform/modules/`), []routes.Place{routes.PlaceBasic}},
	{regexp.MustCompile(`^PUT /projects/.*/packages/terraform/modules/`), []routes.Place{routes.PlacePrivateToken}},
	{regexp.MustCompile(`^\w+ .*/packages/(composer|generic|go|maven|pypi)(/|$)`), []routes.Place{routes.PlacePrivateToken, routes.PlaceBearer, routes.PlaceBasic}},
	{regexp.MustCompile(`^\w+ .*/terraform/state/`), []routes.Place{routes.PlacePrivateToken, routes.PlaceBearer, routes.PlaceBasic}},
	{regexp.MustCompile(``), []routes.Place{routes.PlacePrivateToken, routes.PlaceBearer}},
}

// placedAt is where the credential must arrive: where the client had it when GitLab looks there, else where it does.
func placedAt(method, path string, sent routes.Place) routes.Place {
	if method == "HEAD" {
		method = "GET"
	}
	for _, l := range looked {
		if !l.request.MatchString(method + " " + path) {
			continue
		}
		if slices.Contains(l.places, sent) {
			return sent
		}
		return l.places[0]
	}
	return sent
}
