// Package away takes a browser to the forge's sign-in page and back.
package away

import (
	"crypto/hmac"
	"encoding/base64"
	"io"
	"net/http"
	"net/url"
	"path"
	"strings"

	"patgate/admin/console/session"
	"patgate/forge/oauth"
)

// cookie is that of a browser which is on its way. It comes with the link from the forge back.
const cookie = "patgate-console-away"

// longest is the longest path, in bytes, that is taken along.
const longest = 1024

// Trip is how browsers go there and come back.
type Trip struct {
	App     *oauth.App
	Cookies session.Cookies
	Random  io.Reader
}

// state is what a browser takes to the forge and brings back: whose cookie it is, and where it was to go.
func state(value, next string) string {
	return session.FormToken(value, "state "+next) + "." + base64.RawURLEncoding.EncodeToString([]byte(next))
}

// verifier is that of PKCE (RFC 7636), which reaches the forge together with the code, not before.
func verifier(value string) string { return session.FormToken(value, "verifier") }

// Leave gives the address at the forge to which a browser goes that is to lie at the path next in the end.
func (t *Trip) Leave(w http.ResponseWriter, next string) (address string, err error) {
	value, err := session.Random(t.Random)
	if err != nil {
		return "", err
	}
	if len(next) > longest {
		next = "/"
	}
	t.Cookies.SetLax(w, cookie, value)
	return t.App.Address(state(value, next), verifier(value)), nil
}

// Return reads what a browser brings back. The cookie, which is good once, shows that this browser left: so a link cannot sign
// anybody in as somebody else. The code is empty when the forge gave none (RFC 6749, 4.1.2.1).
func (t *Trip) Return(w http.ResponseWriter, r *http.Request) (code, verify, next string, ok bool) {
	in := r.URL.Query()
	value := t.Cookies.Get(r, cookie)
	_, encoded, _ := strings.Cut(in.Get("state"), ".")
	asked, err := base64.RawURLEncoding.DecodeString(encoded)
	if err != nil || value == "" || !hmac.Equal([]byte(in.Get("state")), []byte(state(value, string(asked)))) {
		return "", "", "", false
	}
	t.Cookies.SetLax(w, cookie, "")
	return in.Get("code"), verifier(value), string(asked), true
}

// Local gives a path of the console, and nothing that a browser would take for an address elsewhere.
func Local(next string) string {
	u, err := url.Parse(next)
	switch {
	case err != nil, u.IsAbs(), u.Host != "", u.User != nil:
	case !strings.HasPrefix(next, "/"), strings.HasPrefix(next, "//"), strings.ContainsAny(next, "\\\r\n\t"):
	case len(next) > 8192, path.Clean(u.Path) != u.Path:
	default:
		return next
	}
	return "/"
}
