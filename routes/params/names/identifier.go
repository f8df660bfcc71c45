package names

// longestIdentifier is the length of the longest word of the rule.
const longestIdentifier = len("organizations")

// IdentifierWord tells whether one component of a canonical parameter name looks as if it named a container, a person, a URL
// or a credential. Such a parameter is refused unless its row declares it, because the forge might act on what it names and
// nobody would have checked that.
//
// The rule: the last word of the component is one of id, ids, iid, iids, gid, gids, path, paths, namespace,
// namespaces, project, projects, group, groups, user, users, owner, owners, organization, organizations, url, urls, uri,
// uris, token, tokens. Words end at '_', at '-', at any other character that is no letter or digit, and between a small
// and a capital letter (projectId); capitals do not matter. page_token, a position in a list, is the one exception.
func IdentifierWord(component []byte) bool {
	start := len(component)
	for start > 0 && LetterOrDigit(component[start-1]) {
		start--
		if start > 0 && Upper(component[start]) && !Upper(component[start-1]) {
			break
		}
	}
	word := component[start:]
	if len(word) > longestIdentifier {
		return false
	}
	var lower [longestIdentifier]byte
	for i, c := range word {
		if Upper(c) {
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

func Upper(c byte) bool { return c >= 'A' && c <= 'Z' }

func LetterOrDigit(c byte) bool { return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || Upper(c) }
