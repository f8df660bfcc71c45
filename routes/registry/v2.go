package registry

import (
	"bytes"
	"strings"

	"patgate/routes"
)

// Image is a request to the registry itself, for one image.
type Image struct {
	Name string
	// Row is the name of its row: "PUT /v2/{project}/manifests/{reference}".
	Row string
	// Target is the target to send: the same path, with the part of the query that belongs to it.
	Target string
}

var (
	errV2 = &routes.Refusal{
		Code: routes.CodeNoRoute,
		Message: "Fine-grained tokens reach manifests, blobs, uploads, tags and referrers of one image; this path is none " +
			"of these.",
	}
	errV2Query = refuse("The query of this request has a parameter that does not belong to it, or comes twice, or has " +
		"characters that it does not need.")
)

// parameters are those that belong to a row's path. Where a blob would be mounted from another image, mount and from are
// left out, which makes it an upload: that image is another project's, perhaps.
var parameters = map[string][]string{
	"/manifests/{reference}":  {},
	"/blobs/{digest}":         {},
	"/blobs/uploads":          {"digest", "-mount", "-from"},
	"/blobs/uploads/{upload}": {"digest", "_state"},
	"/tags/list":              {"n", "last"},
	"/referrers/{digest}":     {"artifactType"},
}

// ParseImage reads a method and a raw target below /v2/. The error is a *routes.Refusal.
func (s *Service) ParseImage(method string, target []byte) (*Image, error) {
	raw, query, _ := bytes.Cut(target, []byte{'?'})
	path, found := strings.CutPrefix(string(raw), "/v2/")
	if !found {
		return nil, errV2
	}
	parts := strings.Split(path, "/")
	row, tail := "", 0
	last := func(n int) string { return parts[max(len(parts)-n, 0)] }
	switch {
	case len(parts) > 4 && last(3) == "blobs" && last(2) == "uploads" && last(1) == "":
		row, tail = "/blobs/uploads", 3
	case len(parts) > 4 && last(3) == "blobs" && last(2) == "uploads" && isUpload(last(1)):
		row, tail = "/blobs/uploads/{upload}", 3
	case len(parts) > 3 && last(2) == "manifests" && (isTag(last(1)) || isDigest(last(1))):
		row, tail = "/manifests/{reference}", 2
	case len(parts) > 3 && last(2) == "blobs" && isDigest(last(1)):
		row, tail = "/blobs/{digest}", 2
	case len(parts) > 3 && last(2) == "referrers" && isDigest(last(1)):
		row, tail = "/referrers/{digest}", 2
	case len(parts) > 3 && last(2) == "tags" && last(1) == "list":
		row, tail = "/tags/list", 2
	default:
		return nil, errV2
	}
	name := strings.Join(parts[:len(parts)-tail], "/")
	if Projects(name) == nil {
		return nil, errV2
	}
	if method == "HEAD" {
		method = "GET"
	}
	sent, ok := passedQuery(query, parameters[row])
	if !ok {
		return nil, errV2Query
	}
	return &Image{Name: name, Row: method + " /v2/{" + s.Container.String() + "}" + row, Target: string(raw) + sent}, nil
}

// Actions gives the actions that a token for such a request must have.
func (i *Image) Actions() string {
	switch method, _, _ := strings.Cut(i.Row, " "); {
	case strings.HasSuffix(i.Row, "/{upload}"), method == "POST", method == "PUT", method == "PATCH":
		return "pull,push"
	case method == "DELETE":
		return "delete"
	}
	return "pull"
}

// passedQuery gives the query that is sent; names with a dash in front are taken and left out.
func passedQuery(query []byte, known []string) (string, bool) {
	var out strings.Builder
	seen := map[string]bool{}
	for len(query) > 0 {
		var pair []byte
		pair, query, _ = bytes.Cut(query, []byte{'&'})
		name, value, _ := strings.Cut(string(pair), "=")
		passes, dropped := false, false
		for _, k := range known {
			passes, dropped = passes || k == name, dropped || k == "-"+name
		}
		if _, ok := unescape([]byte(value)); !ok || strings.ContainsAny(value, "#? \"<>") || seen[name] || !passes && !dropped {
			return "", false
		}
		seen[name] = true
		if dropped {
			continue
		}
		if out.Len() == 0 {
			out.WriteByte('?')
		} else {
			out.WriteByte('&')
		}
		out.Write(pair)
	}
	return out.String(), true
}

// isTag is [a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}.
func isTag(s string) bool {
	return len(s) > 0 && len(s) <= 128 && s[0] != '.' && s[0] != '-' && strings.Trim(s, letters+".-") == ""
}

// isDigest is an algorithm and at least 32 hexadecimal digits.
func isDigest(s string) bool {
	algorithm, digits, found := strings.Cut(s, ":")
	return found && algorithm != "" && strings.Trim(algorithm, "abcdefghijklmnopqrstuvwxyz0123456789+._-") == "" &&
		len(digits) >= 32 && len(digits) <= 256 && strings.Trim(digits, "0123456789abcdef") == ""
}

// isUpload is what registries give uploads for an id.
func isUpload(s string) bool {
	return len(s) > 0 && len(s) <= 512 && strings.Trim(s, letters+"-=.") == "" && s != "." && s != ".."
}

const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"
