package reply

import (
	"fmt"
	"strings"

	"patgate/proxy/header"
)

// Base is an address below which a forge, or patgate, has everything: an origin and perhaps a path, which GitLab calls a
// relative URL root.
type Base struct {
	Scheme string
	Host   string // with or without a port
	Path   string // "/gitlab"; empty: none
}

// ParseBase reads the address of a base. It must have no trailing slash.
func ParseBase(address string) (b Base, ok bool) {
	scheme, rest, found := strings.Cut(address, "://")
	host, path, _ := strings.Cut(rest, "/")
	b = Base{Scheme: scheme, Host: host, Path: rest[len(host):]}
	ok = found && (scheme == "http" || scheme == "https") && header.IsHost([]byte(host)) && (b.Path == "" || IsRoot(path))
	return b, ok
}

// IsRoot tells whether a path, without its leading slash, is of segments that every server spells in one way.
func IsRoot(path string) bool {
	for segment := range strings.SplitSeq(path, "/") {
		if segment == "" || segment == "." || segment == ".." {
			return false
		}
		for _, c := range []byte(segment) {
			if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-._~", c) >= 0) {
				return false
			}
		}
	}
	return true
}

// CutRoot cuts a root off a raw path or target that lies at or below it; false: it does not. What is left is empty, or begins
// with what follows the root.
func CutRoot(target []byte, root string) (rest []byte, below bool) {
	if !header.HasPrefix(target, root) {
		return target, false
	}
	if rest = target[len(root):]; len(rest) == 0 || rest[0] == '/' || rest[0] == '?' || rest[0] == '#' {
		return rest, true
	}
	return target, false
}

// CheckAddresses gives an error that names the first address, or the first origin, that is not valid.
func CheckAddresses(addresses, origins []string) error {
	for _, address := range addresses {
		if _, ok := ParseBase(address); !ok {
			return fmt.Errorf("%q is not an address such as https://gitlab.example.com", address)
		}
	}
	for _, origin := range origins {
		if b, ok := ParseBase(origin); !ok || b.Path != "" {
			return fmt.Errorf("%q is not an origin such as https://gitlab.example.com", origin)
		}
	}
	return nil
}
