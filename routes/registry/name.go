package registry

import "strings"

// maxName bounds the name of an image (OCI distribution specification 1.1).
const maxName = 255

// prefixes is how many of the longest prefixes of a name may be the project's path (GitLab 19.3,
// lib/container_registry/path.rb).
const prefixes = 3

// Projects gives the paths that may be the project of an image's name, longest first; nil when no registry takes such
// a name: lower-case words with single dots, one or two underscores or dashes between them.
func Projects(name string) []string {
	if len(name) > maxName || !strings.Contains(name, "/") {
		return nil
	}
	for segment := range strings.SplitSeq(name, "/") {
		if !isComponent(segment) {
			return nil
		}
	}
	var paths []string
	for len(paths) < prefixes {
		paths = append(paths, name)
		i := strings.LastIndexByte(name, '/')
		if name = name[:i]; !strings.Contains(name, "/") {
			break
		}
	}
	return paths
}

// isComponent is [a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*.
func isComponent(s string) bool {
	word := func(c byte) bool { return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' }
	if s == "" || !word(s[0]) || !word(s[len(s)-1]) {
		return false
	}
	for i := 1; i < len(s); {
		if word(s[i]) {
			i++
			continue
		}
		start := i
		for i < len(s) && !word(s[i]) {
			i++
		}
		if between := s[start:i]; between != "." && between != "_" && between != "__" && strings.Trim(between, "-") != "" {
			return false
		}
	}
	return true
}
