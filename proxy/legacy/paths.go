package legacy

import (
	"bytes"

	"patgate/proxy/header"
	"patgate/routes/percent"
)

// routed gives a raw path as the forge's routers read it: doubled slashes are one, and GitLab draws most routes again below an
// organization.
func (r *Rules) routed(path []byte) []byte {
	if bytes.Contains(path, []byte("//")) {
		squeezed := make([]byte, 0, len(path))
		for i, c := range path {
			if c != '/' || i == 0 || path[i-1] != '/' {
				squeezed = append(squeezed, c)
			}
		}
		path = squeezed
	}
	if !r.Organizations {
		return path
	}
	return afterOrganization(path)
}

// internalPaths are for the parts of an instance among themselves, and for its operators (GitLab 19.3, config/routes.rb,
// lib/api/internal). Those of all forges are denied in front of each: which one it is may be found out late. They are
// trusted by address there, and patgate's address may be on that list.
var internalPaths = []string{
	"/api/v4/internal", "/api/v3/internal", "/-/metrics", "/-/health", "/-/liveness", "/-/readiness", "/-/chaos",
	"/-/debug", "/-/from_secondary", "/-/kubernetes-agent/k8s-proxy/internal", "/health_check", "/metrics", "/admin/sidekiq",
	"/-/sidekiq", "/-/peek",
	"/-/patgate",                    // patgate's own, in another spelling than it answers to
	"/api/internal", "/debug/pprof", // Gitea's (1.26, routers/private)
}

// internalPath tells whether any reading of a raw path leads to an internal one, or below an organization's prefix.
func internalPath(path []byte) bool { return anyReading(path, isInternal) }

// anyReading tells whether any reading of a raw path is one of those that is asks for: percent-encoded any number of times, with
// doubled or back slashes, dot segments, in any case.
func anyReading(path []byte, is func(clean []byte) bool) bool {
	read := bytes.ToLower(path)
	for range 6 {
		if is(cleanPath(read, true)) || is(cleanPath(read, false)) {
			return true
		}
		n := percent.DecodeInPlace(read)
		if n == len(read) {
			return false
		}
		read = bytes.ToLower(read[:n])
	}
	return true // encoded more often than any client does
}

// climbs tells whether any reading of a raw path has a ".." in it: below a root, it may lead to what is beside the forge.
func climbs(path []byte) bool {
	read := bytes.Clone(path)
	for range 6 {
		for segment := range bytes.FieldsFuncSeq(read, func(r rune) bool { return r == '/' || r == '\\' }) {
			segment, _, _ = bytes.Cut(segment, []byte{';'})
			if string(bytes.TrimFunc(segment, func(r rune) bool { return r <= ' ' })) == ".." {
				return true
			}
		}
		n := percent.DecodeInPlace(read)
		if n == len(read) {
			return false
		}
		read = read[:n]
	}
	return true
}

func isAPI(clean []byte) bool {
	return header.Below(clean, "/api") || header.Below(afterOrganization(clean), "/api")
}

func isInternal(clean []byte) bool {
	for _, p := range internalPaths {
		if header.Below(clean, p) || header.Below(afterOrganization(clean), p) {
			return true
		}
	}
	return false
}

// cleanPath squeezes slashes and takes out "." segments; a path parameter (";...") is cut off. ".." takes the segment
// before it along when it is resolved, as GitLab's Workhorse does to choose a route; Rails itself keeps it.
func cleanPath(path []byte, resolve bool) []byte {
	out := make([]byte, 0, len(path)+1)
	for segment := range bytes.FieldsFuncSeq(path, func(r rune) bool { return r == '/' || r == '\\' }) {
		segment, _, _ = bytes.Cut(segment, []byte{';'})
		segment = bytes.TrimFunc(segment, func(r rune) bool { return r <= ' ' })
		switch {
		case len(segment) == 0 || string(segment) == ".":
		case resolve && string(segment) == "..":
			out = out[:max(bytes.LastIndexByte(out, '/'), 0)]
		default:
			out = append(append(out, '/'), segment...)
		}
	}
	return out
}

// afterOrganization cuts off /o/<organization>, below which GitLab draws most of its routes again.
func afterOrganization(path []byte) []byte {
	if !header.HasPrefix(path, "/o/") {
		return path
	}
	if i := bytes.IndexByte(path[3:], '/'); i >= 0 {
		return path[3+i:]
	}
	return path
}
