package registry

import (
	"bytes"
	"slices"
	"strings"

	"patgate/routes"
	"patgate/routes/percent"
)

// Auth is a request for a registry token.
type Auth struct {
	Service string
	Scopes  []Scope // empty for a client that only tries its credential out
}

// Scope is one thing that a token is asked for: "repository:group/project/image:pull,push".
type Scope struct {
	Type    string // repository; others are for administrators of the registry
	Name    string
	Actions []string // as asked for, each once; "*" is written out and never passed on
}

const (
	maxQuery  = 8 << 10
	maxScopes = 32
)

var (
	errQuery = refuse("The query of the token service takes service, scope, account, client_id and offline_token; all but " +
		"scope once.")
	errEscape  = refuse("The query of the token service has a malformed escape or a control character.")
	errScopes  = refuse("The token service was asked for more than 32 scopes at once.")
	errScope   = refuse("A scope has the form repository:name:action,action.")
	errMissing = refuse("The token service needs the parameter service.")
)

func refuse(message string) *routes.Refusal {
	return &routes.Refusal{Code: routes.CodeAmbiguousPath, Message: message}
}

// ParseAuth reads the raw query of a request to the token service. Scopes may be several parameters, and several in one
// with spaces between them; both count (GitLab reads both). The error is a *routes.Refusal.
func ParseAuth(query []byte) (*Auth, error) {
	if len(query) > maxQuery {
		return nil, errQuery
	}
	a := &Auth{}
	seen := map[string]bool{}
	for len(query) > 0 {
		var pair []byte
		pair, query, _ = bytes.Cut(query, []byte{'&'})
		name, encoded, _ := bytes.Cut(pair, []byte{'='})
		value, ok := unescape(encoded)
		if !ok {
			return nil, errEscape
		}
		switch string(name) {
		case "scope":
			for _, text := range strings.Fields(value) {
				if len(a.Scopes) == maxScopes {
					return nil, errScopes
				}
				s, ok := parseScope(text)
				if !ok {
					return nil, errScope
				}
				a.Scopes = append(a.Scopes, s)
			}
			continue
		case "service":
			a.Service = value
		case "account", "client_id", "offline_token": // about the client; nothing depends on them
		default:
			return nil, errQuery
		}
		if seen[string(name)] {
			return nil, errQuery
		}
		seen[string(name)] = true
	}
	if !seen["service"] {
		return nil, errMissing
	}
	return a, nil
}

// parseScope reads type:name:actions. A name with a port is none here.
func parseScope(text string) (Scope, bool) {
	parts := strings.Split(text, ":")
	if len(parts) != 3 || parts[0] == "" || parts[1] == "" || parts[2] == "" {
		return Scope{}, false
	}
	s := Scope{Type: parts[0], Name: parts[1]}
	for action := range strings.SplitSeq(parts[2], ",") {
		if action != "*" && strings.Trim(action, "abcdefghijklmnopqrstuvwxyz") != "" || action == "" {
			return Scope{}, false
		}
		actions := []string{action}
		if action == "*" {
			actions = []string{"pull", "push", "delete"} // what it stands for, less what only administrators may
		}
		for _, action := range actions {
			if !slices.Contains(s.Actions, action) {
				s.Actions = append(s.Actions, action)
			}
		}
	}
	return s, true
}

// AppendTarget writes the target that is sent to the token service.
func AppendTarget(dst []byte, scopes []Scope) []byte {
	dst = append(dst, "/jwt/auth?service=container_registry"...)
	for i := range scopes {
		s := &scopes[i]
		dst = append(append(dst, "&scope=repository:"...), s.Name...)
		dst = append(append(dst, ':'), strings.Join(s.Actions, ",")...)
	}
	return dst
}

// RowName gives the name of the row for an action of a token; ok is false for actions that no row has.
func (s *Service) RowName(action string) (name string, ok bool) {
	switch action {
	case "pull", "push", "delete":
		return "GET " + s.Tokens + "?scope=repository:{" + s.Container.String() + "}:" + action, true
	}
	return "", false
}

// unescape decodes a value of a query once.
func unescape(b []byte) (string, bool) {
	out := make([]byte, 0, len(b))
	for i := 0; i < len(b); i++ {
		c := b[i]
		switch {
		case c == '+':
			c = ' '
		case c == '%':
			var ok bool
			if c, ok = percent.Decode(b[i:]); !ok {
				return "", false
			}
			i += 2
		}
		if c < ' ' || c >= 0x7f {
			return "", false
		}
		out = append(out, c)
	}
	return string(out), true
}
