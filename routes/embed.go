package routes

import (
	"embed"
	"fmt"
	"io/fs"
)

// gitlabFiles holds the route table for GitLab as it is shipped.
//
//go:embed gitlab/*.yaml
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

// Files gives the files of the embedded table for a forge; nil for one that there is none for. Empty is GitLab.
func Files(forge string) []File {
	switch forge {
	case "", ForgeGitLab:
		return GitLabFiles()
	case ForgeGitea:
		return GiteaFiles()
	}
	return nil
}

// embedded reads every file of an embedded folder. An embedded folder can always be read.
func embedded(files fs.FS, folder string) []File {
	entries, err := fs.ReadDir(files, folder)
	if err != nil {
		panic(fmt.Sprintf("reading the embedded folder %s: %v", folder, err))
	}
	var out []File
	for _, entry := range entries {
		name := folder + "/" + entry.Name()
		data, err := fs.ReadFile(files, name)
		if err != nil {
			panic(fmt.Sprintf("reading the embedded file %s: %v", name, err))
		}
		out = append(out, File{Name: "routes/" + name, Data: data})
	}
	return out
}
