package web

import (
	"bytes"

	"patgate/routes"
)

// goGetRow is the row that decides on a Go module: the first step of fetching the project's repository.
const goGetRow = "GET /{project}.git/info/refs?service=git-upload-pack"

// maxGoGetSegments is how deep a project may lie below the root: a group, twenty below it, and the project (GitLab 19.3).
const maxGoGetSegments = 22

// IsGoGet tells whether the Go command asks where the module of an import path is (Go, "Finding a repository for a module path").
func IsGoGet(method string, target []byte) bool {
	_, query, _ := bytes.Cut(target, []byte{'?'})
	return method == "GET" && string(query) == "go-get=1"
}

// GoGetProjects gives the paths of the projects that an import path may belong to, the longest first: a package may lie in a
// folder of any depth. A forge that names projects owner/name has but one.
func GoGetProjects(target []byte, named bool) (paths []string) {
	path := bytes.Trim(bytes.TrimSuffix(target, []byte("?go-get=1")), "/")
	most := maxGoGetSegments
	if named {
		most = 2
	}
	for end := range len(path) + 1 {
		if end < len(path) && path[end] != '/' {
			continue
		}
		if most--; most < 0 {
			break
		}
		ref, ok := routes.ParseReference(routes.RefProject, path[:end])
		if ok && ref.ID == 0 && bytes.IndexByte(path[:end], '/') > 0 {
			paths = append([]string{string(path[:end])}, paths...)
		}
	}
	return paths
}

// GoGet sets an operation to reading the repository of a project; an empty path is of no project.
func GoGet(t *routes.Table, op *routes.Operation, path string) bool {
	route := t.SurfaceRow([]byte(goGetRow))
	if route != nil {
		op.Set(route, false, routes.Capture{Name: "project", Value: []byte(path), Ref: routes.RefProject, Named: t.Named()})
	}
	return route != nil
}
