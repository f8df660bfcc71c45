package away

import (
	"net/http"
	"net/url"
	"regexp"

	"patgate/admin/console/draft"
)

// drafts are the addresses of forms that one spends a while on: a new token, and a token that is edited.
var drafts = regexp.MustCompile(`^/tokens(?:/([0-9]+)/edit)?$`)

// confirming are the addresses of forms that ask before something is done, of tokens and trusts.
var confirming = regexp.MustCompile(`^/(?:bulk|(?:forge-)?tokens/[0-9]+/[a-z]+|trusts/[^/]+/revoke)$`)

// longestBack is the longest address, in bytes, that a form without a session leads back to.
const longestBack = 4096

// Typed gives the part of a form without a session that is kept for after the sign-in: never a credential.
func Typed(r *http.Request) string {
	if r.Method != http.MethodPost || !drafts.MatchString(r.URL.Path) {
		return ""
	}
	return draft.Kept(r.PostForm)
}

// Edited gives the token that the form at a path edits, empty for a new one; ok tells whether it is one of the forms of Typed.
func Edited(path string) (id string, ok bool) {
	at := drafts.FindStringSubmatch(path)
	if at == nil {
		return "", false
	}
	return at[1], true
}

// CameFrom gives the page that a request asks for, or that shows its form again; "/" when none does.
func CameFrom(r *http.Request) string {
	at := r.URL.RequestURI()
	switch {
	case r.Method != http.MethodPost:
		return at
	case !confirming.MatchString(r.URL.Path):
		return "/"
	case r.URL.Path == "/bulk":
		at = "/bulk?" + draft.Kept(r.PostForm)
	}
	if len(at) > longestBack {
		return "/"
	}
	return at
}

// SignIn gives the sign-in page that leads on to a path.
func SignIn(next string) string { return "/sign-in?next=" + url.QueryEscape(next) }
