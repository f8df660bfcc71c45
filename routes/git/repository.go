package git

import (
	"bytes"

	"patgate/routes"
)

// Repository is which of the repositories of a project, group or user a path names. The zero value is none.
type Repository uint8

const (
	RepositoryNone Repository = iota
	// RepositoryProject holds a project's code: group/project.git.
	RepositoryProject
	// RepositoryWiki holds the wiki of a project or group: group/project.wiki.git.
	RepositoryWiki
	// RepositoryProjectSnippet is a snippet of a project: group/project/snippets/5.git.
	RepositoryProjectSnippet
	// RepositorySnippet is a snippet named by its id alone: snippets/5.git.
	RepositorySnippet
	// RepositoryFile is no repository but a file of a project: owner/name/raw/branch/main/README.md. Not every
	// forge has it.
	RepositoryFile

	repositories
)

// Name is what a path says about a repository.
type Name struct {
	Kind Repository
	// Container is the full path of the project, or of the project or group that has the wiki; empty for a snippet that is
	// named by its id alone. It points into the target.
	Container []byte
	// Snippet is the id of a snippet, in digits.
	Snippet []byte
	// Twin is the full path of a project that the forge would take the name for first, if there were one: a project may be
	// called x.wiki, and a group snippets (lib/gitlab/repo_path.rb). Empty when there can be none.
	Twin []byte
}

var (
	errDesign = refuse(routes.CodeNoRoute, "Design repositories are not passed on for fine-grained tokens.")
	errPath   = refuse(routes.CodeReference, "The repository's path must be the full path of a project, group or snippet, "+
		"as the forge shows it, followed by .git.")
	errNamed   = refuse(routes.CodeReference, "The repository's path must be owner/name or owner/name.wiki, followed by .git.")
	errEncoded = refuse(routes.CodeAmbiguousPath, "The path of a git repository must not be percent-encoded, nor hold empty or "+
		"dot segments.")
	errPrefix = refuse(routes.CodeAmbiguousPath, "Repositories below /o/ and /-/ are not passed on: use the plain path of the "+
		"repository.")
)

func refuse(code routes.RefusalCode, message string) *routes.Refusal {
	return &routes.Refusal{Code: code, Message: message}
}

// ownerName reads owner/name, as Gitea has it: what ends in .wiki is a wiki, whatever there is.
func ownerName(path []byte) (n Name, err error) {
	if !plain(path) {
		return n, errEncoded
	}
	n = Name{Kind: RepositoryProject, Container: path}
	if container, found := bytes.CutSuffix(path, []byte(".wiki")); found {
		n = Name{Kind: RepositoryWiki, Container: container}
	}
	if _, ok := routes.ParseName(routes.RefProject, n.Container); !ok || bytes.HasSuffix(n.Container, []byte(".git")) ||
		bytes.HasSuffix(n.Container, []byte(".wiki")) {
		return Name{}, errNamed
	}
	return n, nil
}

// fullName reads the full path of what has a repository, as GitLab has it.
func fullName(path []byte) (n Name, err error) {
	switch {
	case !plain(path):
		return n, errEncoded
	case bytes.HasPrefix(path, []byte("o/")), path[0] == '-':
		return n, errPrefix
	case bytes.HasSuffix(path, []byte(".git")), path[len(path)-1] == '.':
		return n, errPath
	}
	if rest, found := bytes.CutPrefix(path, []byte("snippets/")); found && isNumber(rest) {
		return Name{Kind: RepositorySnippet, Snippet: rest}, nil
	}
	if i := bytes.LastIndex(path, []byte("/snippets/")); i > 0 && isNumber(path[i+len("/snippets/"):]) &&
		isPath(routes.RefProject, path[:i]) {
		return Name{Kind: RepositoryProjectSnippet, Container: path[:i], Snippet: path[i+len("/snippets/"):], Twin: path}, nil
	}
	if container, found := bytes.CutSuffix(path, []byte(".wiki")); found {
		if !isPath(routes.RefNamespace, container) {
			return n, errPath
		}
		n = Name{Kind: RepositoryWiki, Container: container}
		if isPath(routes.RefProject, path) {
			n.Twin = path
		}
		return n, nil
	}
	if bytes.HasSuffix(path, []byte(".design")) {
		return n, errDesign
	}
	if !isPath(routes.RefProject, path) {
		return n, errPath
	}
	return Name{Kind: RepositoryProject, Container: path}, nil
}

// plain tells whether a path holds nothing that could be read in more than one way.
func plain(path []byte) bool {
	start := 0
	for i := 0; i <= len(path); i++ {
		if i < len(path) && path[i] != '/' {
			if c := path[i]; !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' ||
				c == '-' || c == '.' || c == '_') {
				return false
			}
			continue
		}
		if s := string(path[start:i]); s == "" || s == "." || s == ".." {
			return false
		}
		start = i + 1
	}
	return true
}

// isPath tells whether a path is a full path of that kind, and not an id.
func isPath(kind routes.RefKind, path []byte) bool {
	ref, ok := routes.ParseReference(kind, path)
	return ok && ref.ID == 0
}

// isNumber tells whether b is an id: ^[1-9][0-9]{0,18}$ within int64.
func isNumber(b []byte) bool {
	ref, ok := routes.ParseReference(routes.RefProject, b)
	return ok && ref.ID != 0
}
