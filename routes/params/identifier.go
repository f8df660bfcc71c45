package params

// IdentifierLike tells whether a canonical parameter name looks as if it named a container, a person, a URL or a
// credential. Such a parameter is refused unless its row declares it, because the forge might act on what it names and
// nobody would have checked that.
//
// The rule: any component of the name whose last word is one of id, ids, iid, iids, gid, gids, path, paths, namespace,
// namespaces, project, projects, group, groups, user, users, owner, owners, organization, organizations, url, urls, uri,
// uris, token, tokens. Words end at '_', at '-', at any other character that is no letter or digit, and between a small
// and a capital letter (projectId); capitals do not matter. page_token, a position in a list, is the one exception.
func IdentifierLike(name string) bool {
	for rest := []byte(name); len(rest) > 0; {
		var word []byte
		if word, rest = nextWord(rest); identifierWord(word) {
			return true
		}
	}
	return false
}

// longestIdentifier is the length of the longest word of the rule.
const longestIdentifier = len("organizations")

// identifierWord applies the rule to one component.
func identifierWord(component []byte) bool {
	start := len(component)
	for start > 0 && letterOrDigit(component[start-1]) {
		start--
		if start > 0 && upper(component[start]) && !upper(component[start-1]) {
			break
		}
	}
	word := component[start:]
	if len(word) > longestIdentifier {
		return false
	}
	var lower [longestIdentifier]byte
	for i, c := range word {
		if upper(c) {
			c += 'a' - 'A'
		}
		lower[i] = c
	}
	switch string(lower[:len(word)]) {
	case "id", "ids", "iid", "iids", "gid", "gids", "path", "paths", "namespace", "namespaces", "project", "projects",
		"group", "groups", "user", "users", "owner", "owners", "organization", "organizations",
		"url", "urls", "uri", "uris", "token", "tokens":
		return string(component) != "page_token"
	}
	return false
}

func upper(c byte) bool { return c >= 'A' && c <= 'Z' }

func letterOrDigit(c byte) bool { return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || upper(c) }
