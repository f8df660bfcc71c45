package git

import (
	"bytes"
	"errors"

	"patgate/routes"
	"patgate/routes/pattern"
)

// Request is what a request wants from a repository, beside its operation. It is good as long as the target's bytes.
type Request struct {
	Name Name
	// Suffix is what stands behind ".git" in the target that is sent, in its one spelling and with its query:
	// "/info/refs?service=git-upload-pack".
	Suffix []byte
	// Batch tells that the operation is in the body, and which row it is must be said by Batched.
	Batch bool
	// Attachment is what is asked for, if it is one.
	Attachment Attachment

	method string
	layout *Layout
	named  bool // see routes.Table.Named
}

// maxSuffix is room for the name of a row.
const maxSuffix = 512

var (
	errMethod = refuse(routes.CodeMethod, "this method is not one that git or Git LFS sends there")
	errNotGit = refuse(routes.CodeNoRoute, "Neither git nor Git LFS uses this path: see docs/git.md for what is passed on.")
	errDumb   = refuse(routes.CodeNoRoute, "Only the smart HTTP protocol is passed on: the request needs "+
		"service=git-upload-pack or service=git-receive-pack.")
	errService = refuse(routes.CodeAmbiguousPath, "The service parameter must stand alone, once, and be git-upload-pack or "+
		"git-receive-pack.")
	errQuery = refuse(routes.CodeAmbiguousPath, "This request takes no query: what it asks for is said by its path and "+
		"its body.")
	errNoSuffix = refuse(routes.CodeReference, "The repository's path must end in .git.")
)

// Has tells whether a git or Git LFS client asks for the raw path, without query, in any of the forms that the forge knows.
func (l *Layout) Has(path []byte) bool {
	if l.files {
		if _, _, _, isFile := fileIn(path); isFile {
			return true
		}
	}
	for _, end := range [...]string{"/info/refs", "/git-upload-pack", "/git-receive-pack"} {
		if bytes.HasSuffix(path, []byte(end)) {
			return true
		}
	}
	return bytes.Contains(path, []byte(".git/info/lfs/")) || bytes.Contains(path, []byte(".git/gitlab-lfs/")) ||
		l.bare && bytes.Contains(path, []byte("/info/lfs/"))
}

// IsFetch tells whether a POST to the raw path fetches from a repository, and so only reads. A path that merely ends like one
// does not count: GitLab and Gitea have pages that write under a path of any length.
func (l *Layout) IsFetch(path []byte) bool {
	repository, found := bytes.CutSuffix(path, []byte("/git-upload-pack"))
	if !found || len(repository) < 2 || repository[0] != '/' {
		return false
	}
	name, suffixed := bytes.CutSuffix(repository[1:], []byte(".git"))
	if !suffixed && !l.bare || len(name) == 0 {
		return false
	}
	_, err := l.name(name)
	return err == nil || errors.Is(err, errDesign)
}

// Classify reads a method and a raw request target into op and r. The error is a *routes.Refusal.
func Classify(t *routes.Table, op *routes.Operation, r *Request, method string, target []byte) error {
	op.Set(nil, method == "HEAD")
	*r = Request{method: method, layout: LayoutOf(t.Forge()), named: t.Named()}
	if r.layout == nil {
		return errNotGit
	}
	if err := routes.CheckTarget(target); err != nil {
		return err
	}
	path, query, hasQuery := bytes.Cut(target[1:], []byte{'?'})
	if r.layout.files {
		if project, rest, folder, isFile := fileIn(target[:len(path)+1]); isFile {
			return r.readFile(t, op, project, rest, folder, query)
		}
	}
	i := bytes.Index(path, []byte(".git/"))
	if i <= 0 {
		return errNoSuffix
	}
	name, err := r.layout.name(path[:i])
	if err != nil {
		return err
	}
	r.Name = name
	s := suffix{path: path[i+len(".git"):], query: query, hasQuery: hasQuery}
	if err := s.read(r); err != nil {
		return err
	}
	r.Suffix = s.canonical
	return r.find(t, op, s.row, s.captures[:s.n])
}

// find looks the row up by its name.
func (r *Request) find(t *routes.Table, op *routes.Operation, row string, captures []routes.Capture) error {
	var room [maxSuffix]byte
	key := append(append(append(room[:0], r.method...), ' '), r.layout.templates[r.Name.Kind]...)
	key = append(key, row...)
	route := t.SurfaceRow(key)
	if route == nil {
		return errNotGit
	}
	var all [pattern.MaxCaptures]routes.Capture
	list := all[:0]
	container := routes.RefProject
	if r.Name.Kind == RepositoryWiki {
		container = r.layout.wikis
	}
	if r.Name.Container != nil {
		list = append(list, routes.Capture{Name: container.String(), Value: r.Name.Container, Ref: container, Named: r.named})
	}
	if r.Name.Snippet != nil {
		list = append(list, routes.Capture{Name: "snippet_id", Value: r.Name.Snippet})
	}
	op.Set(route, op.Head, append(list, captures...)...)
	return nil
}

// Batched chooses the row of an LFS batch request by the operation that its body names.
func (r *Request) Batched(t *routes.Table, op *routes.Operation, upload bool) error {
	row := batchRow + "#download"
	if upload {
		row = batchRow + "#upload"
	}
	return r.find(t, op, row, nil)
}

// AppendTarget writes the target that is sent: container is the full path of the project or group as the forge writes it
// now, which is the one that was checked; it is not used for a snippet that is named by its id alone.
func (r *Request) AppendTarget(dst []byte, container string) []byte {
	return append(r.appendRepository(dst, container), r.Suffix...)
}

// RepositoryTarget is AppendTarget for the repository itself: "/group/project.git".
func (r *Request) RepositoryTarget(container string) []byte {
	return r.appendRepository(nil, container)
}

func (r *Request) appendRepository(dst []byte, container string) []byte {
	dst = append(dst, '/')
	switch r.Name.Kind {
	case RepositoryProject:
		dst = append(dst, container...)
	case RepositoryWiki:
		dst = append(append(dst, container...), ".wiki"...)
	case RepositoryProjectSnippet:
		dst = append(append(dst, container...), "/snippets/"...)
		dst = append(dst, r.Name.Snippet...)
	case RepositorySnippet:
		dst = append(append(dst, "snippets/"...), r.Name.Snippet...)
	case RepositoryFile:
		return append(dst, container...)
	}
	return append(dst, ".git"...)
}

// WithSuffix gives the right target for a client that left out the ".git" behind a project's path; nil for any other target. It
// is only for the first request of a clone, fetch or push.
func (l *Layout) WithSuffix(target []byte) []byte {
	path, query, _ := bytes.Cut(target, []byte{'?'})
	repository, found := bytes.CutSuffix(path, []byte("/info/refs"))
	if !found || len(repository) < 2 || bytes.HasSuffix(repository, []byte(".git")) {
		return nil
	}
	name, err := l.name(repository[1:])
	if err != nil || name.Kind != RepositoryProject {
		return nil
	}
	service, _ := serviceOf(query)
	if service == "" {
		return nil
	}
	return append(append(bytes.Clone(repository), ".git/info/refs?service="...), service...)
}
