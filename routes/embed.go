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

// File is one YAML file of a route table: its name, for messages, and its content.
type File struct {
	Name string
	Data []byte
}

// GitLabFiles gives the files of the embedded table for GitLab, sorted by name: routes/gitlab/access.yaml and so on.
func GitLabFiles() []File { return embedded(gitlabFiles, "gitlab") }

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
