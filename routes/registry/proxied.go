package registry

import (
	"bytes"
	"slices"
	"strings"

	"patgate/routes"
)

// Proxied is a request for an image that GitLab fetches from elsewhere and keeps for a group: its dependency proxy
// (GitLab 19.3, config/routes/group.rb).
type Proxied struct {
	Group []byte // the group's full path; points into the target
	Image string // "library/alpine"
	// Row is the name of its row: "GET /v2/{group}/dependency_proxy/containers/{image}/manifests/{reference}".
	Row string
	// Suffix is what stands behind the group in the target that is sent.
	Suffix string
}

// between stands between a group's path and the name of an image.
const between = "/dependency_proxy/containers/"

// ProxiedRow is the name of the row for a token that pulls through the dependency proxy.
const ProxiedRow = "GET /jwt/auth?scope=repository:{group}/dependency_proxy/containers/{image}:pull"

// maxImage is how many parts the name of an image may have (GitLab 19.3, container_image_regex in
// lib/gitlab/path_regex.rb).
const maxImage = 5

var (
	errProxied = &routes.Refusal{
		Code: routes.CodeNoRoute,
		Message: "The dependency proxy serves manifests, blobs and referrers of one image of a group, for reading; this " +
			"path is none of these.",
	}
	errProxiedQuery = refuse("A request to the dependency proxy takes no query.")
)

// IsProxied tells whether a path below /v2/, or the name in a scope, is meant for the dependency proxy.
func IsProxied(path []byte) bool { return bytes.Contains(path, []byte(between)) }

// ParseProxied reads a method and a raw target below /v2/. The error is a *routes.Refusal.
func ParseProxied(method string, target []byte) (*Proxied, error) {
	if method != "GET" && method != "HEAD" {
		return nil, errProxied
	}
	raw, _, hasQuery := bytes.Cut(target, []byte{'?'})
	if hasQuery {
		return nil, errProxiedQuery
	}
	path, found := bytes.CutPrefix(raw, []byte("/v2/"))
	i := bytes.Index(path, []byte(between))
	if !found || i <= 0 {
		return nil, errProxied
	}
	parts := strings.Split(string(path[i+len(between):]), "/")
	n := len(parts)
	if n < 3 {
		return nil, errProxied
	}
	row, last := "", parts[n-1]
	switch kind := parts[n-2]; {
	case kind == "manifests" && (isTag(last) || isDigest(last)):
		row = "/manifests/{reference}"
	case kind == "blobs" && isDigest(last):
		row = "/blobs/{digest}"
	case kind == "referrers" && isDigest(last):
		row = "/referrers/{digest}"
	default:
		return nil, errProxied
	}
	p := &Proxied{
		Group:  path[:i],
		Image:  strings.Join(parts[:n-2], "/"),
		Row:    "GET /v2/{group}" + between + "{image}" + row,
		Suffix: string(path[i:]),
	}
	if !isGroup(p.Group) || !isProxiedImage(parts[:n-2]) {
		return nil, errProxied
	}
	return p, nil
}

// Scope gives the scope that a token for the request must have.
func (p *Proxied) Scope() string {
	return "repository:" + string(p.Group) + between + p.Image + ":pull"
}

// ProxiedGroup gives the group in a scope's name; nil when the name is not one of the dependency proxy's.
func ProxiedGroup(name string) []byte {
	group, image, found := strings.Cut(name, between)
	if !found || !isGroup([]byte(group)) || !isProxiedImage(strings.Split(image, "/")) {
		return nil
	}
	return []byte(group)
}

// isProxiedImage tells whether these are the parts of an image's name in which GitLab's router sees nothing else: neither
// a second group, nor where the name ends.
func isProxiedImage(parts []string) bool {
	for _, p := range parts {
		if !isComponent(p) || slices.Contains([]string{"manifests", "blobs", "referrers", "dependency_proxy"}, p) {
			return false
		}
	}
	return len(parts) > 0 && len(parts) <= maxImage
}

// isGroup tells whether path is a full path, spelled plainly, and not an id.
func isGroup(path []byte) bool {
	ref, ok := routes.ParseReference(routes.RefGroup, path)
	return ok && ref.ID == 0 && bytes.IndexByte(path, '%') < 0
}
