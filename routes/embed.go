package routes

import (
	"embed"
	"fmt"
	"io/fs"
	"strings"
)

// gitlabFiles holds the route table for GitLab as it is shipped.
//
//go:embed gitlab/*.yaml gitlab/graphql
var gitlabFiles embed.FS

// giteaFiles holds the route table for Gitea and Forgejo as it is shipped.
//
//go:embed gitea/*.yaml
var giteaFiles embed.FS

// The forges that there are tables for.
const (
	ForgeGitLab = "gitlab"
	ForgeGitea  = "gitea"
)

// Forges gives the names of the forges that there are tables for.
func Forges() []string { return []string{ForgeGitLab, ForgeGitea} }

// File is one YAML file of a route table: its name, for messages, and its content.
type File struct {
	Name string
	Data []byte
}

// GitLabFiles gives the files of the embedded table for GitLab, sorted by name: routes/gitlab/access.yaml and so on.
func GitLabFiles() []File { return embedded(gitlabFiles, "gitlab") }

// GiteaFiles gives the files of the embedded table for Gitea and Forgejo, sorted by name.
func GiteaFiles() []File { return embedded(giteaFiles, "gitea") }

// Files gives the files of the embedded table for a forge; nil for a forge without one. Empty is GitLab.
func Files(forge string) []File {
	switch forge {
	case "", ForgeGitLab:
		return GitLabFiles()
	case ForgeGitea:
		return GiteaFiles()
	}
	return nil
}

// Schema gives the embedded GraphQL schema of a forge; its zero value for one that has none.
func Schema(forge string) File {
	if forge != ForgeGitLab {
		return File{}
	}
	return read(gitlabFiles, "gitlab/graphql/schema.graphql")
}

// embedded reads the YAML files of an embedded folder and of those below it. An embedded folder can always be read.
func embedded(files fs.FS, folder string) (out []File) {
	err := fs.WalkDir(files, folder, func(name string, _ fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(name, ".yaml") {
			out = append(out, read(files, name))
		}
		return err
	})
	if err != nil {
		panic(fmt.Sprintf("reading the embedded folder %s: %v", folder, err))
	}
	return out
}

func read(files fs.FS, name string) File {
	data, err := fs.ReadFile(files, name)
	if err != nil {
		panic(fmt.Sprintf("reading the embedded file %s: %v", name, err))
	}
	return File{Name: "routes/" + name, Data: data}
}
