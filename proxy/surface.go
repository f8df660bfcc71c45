package proxy

import (
	"bytes"

	"patgate/routes/git"
)

// surface is which of the forge's faces a target belongs to: it decides the shape of an answer, and which targets a
// patgate token is good for at all. It decides nothing else.
type surface uint8

const (
	surfaceWeb surface = iota
	surfaceAPI
	surfaceGraphQL
	surfaceMCP
	surfaceGit
	surfaceRegistry
	surfaceCable
)

var surfaceNames = [...]string{"web", "api", "graphql", "mcp", "git", "registry", "websocket"}

// String gives the name for logs.
func (s surface) String() string { return surfaceNames[s] }

// unsupported says why a patgate token is refused there; empty where it is not.
func (s surface) unsupported() string {
	switch s {
	case surfaceAPI, surfaceGit, surfaceRegistry, surfaceWeb:
		return ""
	case surfaceGraphQL:
		return "GraphQL is not supported with fine-grained tokens yet: use the REST API."
	case surfaceMCP:
		return "The MCP server is not supported with fine-grained tokens yet: use the REST API."
	default:
		return "Websockets are not supported with fine-grained tokens yet."
	}
}

// surfaceOf reads the surface of a raw path (without query). base is the path of the REST API.
func surfaceOf(path []byte, base string) surface {
	if len(path) > len(base) && string(path[:len(base)]) == base && path[len(base)] == '/' {
		switch rest := path[len(base):]; {
		case below(rest, "/mcp"), below(rest, "/orbit/mcp"):
			return surfaceMCP
		case below(rest, "/glql"):
			return surfaceGraphQL
		}
		return surfaceAPI
	}
	switch {
	case below(path, "/api/graphql"), below(path, "/api/glql"):
		return surfaceGraphQL
	case hasPrefix(path, "/api/"):
		return surfaceAPI
	case below(path, "/v2"), below(path, "/jwt/auth"):
		return surfaceRegistry
	case below(path, "/-/cable"), bytes.HasSuffix(path, []byte(".ws")):
		return surfaceCable
	case git.Is(path):
		return surfaceGit
	}
	return surfaceWeb
}

// below tells whether path is prefix, or continues it with "/" or "." (a format suffix).
func below(path []byte, prefix string) bool {
	return hasPrefix(path, prefix) && (len(path) == len(prefix) || path[len(prefix)] == '/' || path[len(prefix)] == '.')
}

func hasPrefix(b []byte, prefix string) bool {
	return len(b) >= len(prefix) && string(b[:len(prefix)]) == prefix
}
