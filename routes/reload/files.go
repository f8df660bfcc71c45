package reload

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"patgate/routes"
)

// maxFile bounds one overlay file, in bytes. The whole embedded table is a tenth of it.
const maxFile = 8 << 20

// ReadFiles reads overlay files from disk. A directory stands for the files in it that end in .yaml or .yml and do not
// begin with a dot, sorted by name; its subdirectories are left out. Symbolic links are followed, as mounted Kubernetes
// ConfigMaps need. Every path that cannot be read is a problem.
func ReadFiles(paths []string) ([]routes.File, []routes.Problem) {
	return readFiles(paths, false, false)
}

// readFiles reads files. With empty, a directory without files gives none. With gone, a path at which nothing is gives none
// either; a path that cannot be looked at, or a symbolic link that leads nowhere, is a problem all the same.
func readFiles(paths []string, empty, gone bool) ([]routes.File, []routes.Problem) {
	var files []routes.File
	var problems []routes.Problem
	fail := func(path, message, fix string) {
		problems = append(problems, routes.Problem{Source: routes.Source{File: path, Line: 1}, Message: message, Fix: fix})
	}
	for _, path := range paths {
		names, err := expand(path)
		if err != nil && gone && absent(path) {
			continue
		}
		if err != nil {
			fail(path, reason(err), "give a YAML file, or a directory with such files")
			continue
		}
		if len(names) == 0 && !empty {
			fail(path, "the directory has no .yaml file", "put one into it, or remove the directory from the list")
		}
		for _, name := range names {
			data, err := read(name)
			if err != nil && gone && absent(name) {
				continue
			}
			if err != nil {
				fail(name, reason(err), "make the file readable, or remove it from the list")
				continue
			}
			files = append(files, routes.File{Name: name, Data: data})
		}
	}
	return files, problems
}

// absent tells whether there is nothing at a path.
func absent(path string) bool {
	_, err := os.Lstat(path)
	return errors.Is(err, fs.ErrNotExist)
}

// expand gives the files that a path stands for.
func expand(path string) ([]string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return []string{path}, nil
	}
	entries, err := os.ReadDir(path) // sorted by name
	if err != nil {
		return nil, err
	}
	var names []string
	for _, entry := range entries {
		name := entry.Name()
		if ext := filepath.Ext(name); (ext != ".yaml" && ext != ".yml") || strings.HasPrefix(name, ".") {
			continue
		}
		full := filepath.Join(path, name)
		if info, err := os.Stat(full); err != nil || info.IsDir() {
			if err != nil && !absent(full) { // removed since
				return nil, err
			}
			continue
		}
		names = append(names, full)
	}
	return names, nil
}

func read(name string) ([]byte, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", name)
	}
	if info.Size() > maxFile {
		return nil, fmt.Errorf("%s has more than %d MiB", name, maxFile>>20)
	}
	return os.ReadFile(name)
}

// reason says why a file cannot be read, without repeating its name where the error has it apart.
func reason(err error) string {
	if path, ok := err.(*fs.PathError); ok {
		err = path.Err
	}
	return "cannot be read: " + err.Error()
}
