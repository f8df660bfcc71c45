package reply

import (
	"strings"

	"github.com/go-json-experiment/json"
)

// CredentialScopeOfGitLab reads {"error": "insufficient_scope", "scope": "api read_api"} (19.3, lib/api/api_guard.rb; RFC 6750,
// 3.1).
func CredentialScopeOfGitLab(body []byte) (wants []string, lacks bool) {
	var said struct {
		Error string `json:"error"`
		Scope string `json:"scope"`
	}
	if json.Unmarshal(body, &said) != nil || said.Error != "insufficient_scope" {
		return nil, false
	}
	return scopes(said.Scope), true
}

// CredentialScopeOfGitea reads {"message": "token does not have at least one of required scope(s), required=[write:issue], token
// scope=..."}, or that the token is for what is public alone (1.26, routers/api/v1/api.go).
func CredentialScopeOfGitea(body []byte) (wants []string, lacks bool) {
	var said struct {
		Message string `json:"message"`
	}
	if json.Unmarshal(body, &said) != nil {
		return nil, false
	}
	if strings.HasPrefix(said.Message, "token scope is limited to public ") {
		return []string{"what is not public"}, true
	}
	rest, lacks := strings.CutPrefix(said.Message, "token does not have at least one of required scope(s)")
	if _, rest, lists := strings.Cut(rest, "required=["); lists {
		rest, _, _ = strings.Cut(rest, "]")
		wants = scopes(rest)
	}
	return wants, lacks
}

// scopes reads names of scopes with spaces or commas between them. What cannot be one is left out: it goes into an answer.
func scopes(list string) (names []string) {
	for name := range strings.FieldsFuncSeq(list, func(r rune) bool { return r == ' ' || r == ',' }) {
		odd := func(r rune) bool { return (r < 'a' || r > 'z') && r != '_' && r != ':' && r != '-' }
		if len(name) <= 64 && !strings.ContainsFunc(name, odd) {
			names = append(names, name)
		}
	}
	return names
}
