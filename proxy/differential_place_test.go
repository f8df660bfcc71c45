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
	places  []routes.Auth
}{
	{regexp.MustCompile(`^\w+ .*/dependency_proxy/packages/maven/`), []routes.Auth{routes.AuthPrivateToken, routes.AuthBasic}},
	{regexp.MustCompile(`^\w+ .*/dependency_proxy/packages/npm/`), []routes.Auth{routes.AuthBearer}},
	{regexp.MustCompile(`^\w+ .*/virtual_registries/`), []routes.Auth{routes.AuthPrivateToken, routes.AuthBearer}},
	{regexp.MustCompile(`^(PUT|DELETE) .*/packages/nuget`), []routes.Auth{routes.AuthNugetKey, routes.AuthBasic}},
	{regexp.MustCompile(`^\w+ .*/packages/(nuget|conan|debian|helm|rpm)(/|$)`), []routes.Auth{routes.AuthBasic}},
	{regexp.MustCompile(`^\w+ .*/debian_distributions`), []routes.Auth{routes.AuthPrivateToken}},
	{regexp.MustCompile(`^\w+ .*/packages/rubygems/`), []routes.Auth{routes.AuthBasic, routes.AuthRaw}},
	{regexp.MustCompile(`^\w+ .*/packages/(cargo|ml_models)/`), []routes.Auth{routes.AuthBearer}},
	{regexp.MustCompile(`^\w+ /packages/terraform/modules/.*/file$`), []routes.Auth{routes.AuthTicket}},
	{regexp.MustCompile(`^\w+ /packages/terraform/modules/`), []routes.Auth{routes.AuthBearer}},
	{regexp.MustCompile(`^GET /projects/.*/packages/terraform/modules/`), []routes.Auth{routes.AuthBasic}},
	{regexp.MustCompile(`^PUT /projects/.*/packages/terraform/modules/`), []routes.Auth{routes.AuthPrivateToken}},
	{regexp.MustCompile(`^\w+ .*/packages/(composer|generic|go|maven|pypi)(/|$)`),
		[]routes.Auth{routes.AuthPrivateToken, routes.AuthBearer, routes.AuthBasic}},
	{regexp.MustCompile(`^\w+ .*/terraform/state/`), []routes.Auth{routes.AuthPrivateToken, routes.AuthBearer, routes.AuthBasic}},
	{regexp.MustCompile(``), []routes.Auth{routes.AuthPrivateToken, routes.AuthBearer}},
}

// placedAt is where the credential must arrive: where the client had it when GitLab looks there, else where it does.
func placedAt(method, path string, sent routes.Auth) routes.Auth {
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
