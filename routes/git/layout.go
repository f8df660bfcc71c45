package git

import "patgate/routes"

// Layout says where a forge has its repositories and what belongs to them, and how it reads push options. It is data: nothing
// else in this package depends on which forge it is.
type Layout struct {
	// name reads the path of a repository, without the leading slash and the ".git" at the end.
	name func(path []byte) (Name, error)
	// templates are how the rows of each repository begin. Empty: the forge has no such repositories.
	templates [repositories]string
	wikis     routes.RefKind // what has a wiki
	bare      bool           // the ".git" behind a repository's path may be missing
	files     bool           // single files of projects have paths of their own: see fileFolders
	objects   string         // where LFS objects are, below a repository
	// option splits a push option into name and value. ok is false for what the forge takes no notice of.
	option func(text string) (name, value string, ok bool)
	yes    string // the value of a push option that says yes
}

// layouts are those of the forges that there are tables for (GitLab 19.3; Gitea 1.26, routers/web/githttp.go).
var layouts = map[string]*Layout{
	routes.ForgeGitLab: {
		name: fullName,
		templates: [...]string{
			RepositoryProject:        "/{project}.git",
			RepositoryWiki:           "/{namespace}.wiki.git",
			RepositoryProjectSnippet: "/{project}/snippets/{snippet_id}.git",
			RepositorySnippet:        "/snippets/{snippet_id}.git",
			RepositoryFile:           "",
		},
		wikis:   routes.RefNamespace,
		objects: "/gitlab-lfs/objects/",
		option:  namespacedOption,
	},
	routes.ForgeGitea: {
		name: ownerName,
		templates: [...]string{
			RepositoryProject: "/{project}.git",
			RepositoryWiki:    "/{project}.wiki.git",
			RepositoryFile:    "/{project}",
		},
		wikis:   routes.RefProject,
		bare:    true,
		files:   true,
		objects: "/info/lfs/objects/",
		option:  plainOption,
		yes:     "true",
	},
}

// LayoutOf gives the layout of a forge; nil: there is none.
func LayoutOf(forge string) *Layout { return layouts[forge] }
