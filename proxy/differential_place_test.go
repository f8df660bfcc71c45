package proxy

import (
	"regexp"
	"slices"
)

// looked says where GitLab 19.3 looks for a personal access token, by method and path, the first that matches: read off
// `authenticate_with` and `route_setting :authentication` of lib/api, not off the route table.
var looked = []struct {
	request *regexp.Regexp
	places  []place
}{
	{regexp.MustCompile(`^\w+ .*/dependency_proxy/packages/maven/`), []place{placePrivateToken, placeBasic}},
	{regexp.MustCompile(`^\w+ .*/dependency_proxy/packages/npm/`), []place{placeBearer}},
	{regexp.MustCompile(`^\w+ .*/virtual_registries/`), []place{placePrivateToken, placeBearer}},
	{regexp.MustCompile(`^(PUT|DELETE) .*/packages/nuget`), []place{placeNugetKey, placeBasic}},
	{regexp.MustCompile(`^\w+ .*/packages/(nuget|conan|debian|helm|rpm)(/|$)`), []place{placeBasic}},
	{regexp.MustCompile(`^\w+ .*/debian_distributions`), []place{placePrivateToken}},
	{regexp.MustCompile(`^\w+ .*/packages/rubygems/`), []place{placeBasic, placeRaw}},
	{regexp.MustCompile(`^\w+ .*/packages/(cargo|ml_models)/`), []place{placeBearer}},
	{regexp.MustCompile(`^\w+ /packages/terraform/modules/.*/file$`), []place{placeTicket}},
	{regexp.MustCompile(`^\w+ /packages/terraform/modules/`), []place{placeBearer}},
	{regexp.MustCompile(`^GET /projects/.*/packages/terraform/modules/`), []place{placeBasic}},
	{regexp.MustCompile(`^PUT /projects/.*/packages/terraform/modules/`), []place{placePrivateToken}},
	{regexp.MustCompile(`^\w+ .*/packages/(composer|generic|go|maven|pypi)(/|$)`), []place{placePrivateToken, placeBearer, placeBasic}},
	{regexp.MustCompile(`^\w+ .*/terraform/state/`), []place{placePrivateToken, placeBearer, placeBasic}},
	{regexp.MustCompile(``), []place{placePrivateToken, placeBearer}},
}

// placedAt is where the credential must arrive: where the client had it when GitLab looks there, else where it does.
func placedAt(method, path string, sent place) place {
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
