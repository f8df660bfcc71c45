package surface

import (
	"bytes"
	"strings"

	"github.com/valyala/fasthttp"

	"patgate/proxy/header"
	"patgate/proxy/reply"
	"patgate/routes"
)

// Words are those of a forge's REST API, in which most surfaces refuse.
type Words struct {
	Dialect *Dialect
	Help    string // the address of the API's description, for forges that name it
}

// Refuse writes a refusal.
func (w Words) Refuse(q *Request, n *reply.Notice, out *fasthttp.Response) {
	w.Challenge(q, n, &out.Header)
	out.SetBody(n.JSON(reply.Speech{
		Message:    w.Dialect.Message,
		Help:       w.Help,
		ErrorAlone: showsErrorAlone(q.Fields.Get(header.UserAgent)),
	}))
}

// showsErrorAlone tells whether a client, by its User-Agent, shows its user the value of error and nothing else of a refusal:
// python-gitlab (http_request takes error after message) and release-it (plugin/gitlab). Others compare that value with the
// codes that GitLab has, so that it stays the code for them.
func showsErrorAlone(agent []byte) bool {
	return header.HasPrefix(agent, "python-gitlab/") || header.HasPrefix(agent, "webpro/release-it")
}

// Challenge writes how to get in (RFC 6750, 3), and what is missing where package managers show it: npm prints
// Npm-Notice, NuGet X-NuGet-Warning, and neither shows the body of a refusal.
func (w Words) Challenge(q *Request, n *reply.Notice, h *fasthttp.ResponseHeader) {
	packages := isPackagePath(q.Path)
	switch {
	case n.Challenge == reply.ChallengeMissing && packages:
		w.Basic(h)
	case n.Challenge == reply.ChallengeMissing:
		h.Set("WWW-Authenticate", `Bearer realm="`+w.Dialect.Realm+`"`)
	default:
		w.Insufficient(q, n, h)
	}
	if n.Decision != nil && len(n.Missing) > 0 && packages {
		text := "patgate: the token is not allowed " + strings.Join(n.Missing, ", ") + " here"
		h.Set("Npm-Notice", text)
		h.Set("X-NuGet-Warning", text)
	}
}

// Basic asks for a name and a password.
func (w Words) Basic(h *fasthttp.ResponseHeader) {
	h.Set("WWW-Authenticate", `Basic realm="`+w.Dialect.Realm+`"`)
}

// Insufficient says what is wrong with the token that came.
func (w Words) Insufficient(q *Request, n *reply.Notice, h *fasthttp.ResponseHeader) {
	bearer := `Bearer realm="` + w.Dialect.Realm + `", `
	switch {
	case n.Challenge == reply.ChallengeToken && q.Credential.Auth == routes.AuthBasic:
		w.Basic(h)
	case n.Challenge == reply.ChallengeToken:
		h.Set("WWW-Authenticate", bearer+`error="invalid_token", error_description="`+n.Text+`"`)
	case n.Decision != nil:
		h.Set("WWW-Authenticate", bearer+`error="insufficient_scope", scope="`+strings.Join(n.Missing, " ")+`"`)
	}
}

// isPackagePath tells whether package clients ask there; most send their credential only when they are asked for Basic.
func isPackagePath(path []byte) bool {
	for _, part := range [...]string{"/packages/", "/virtual_registries/", "/terraform/state/"} {
		if bytes.Contains(path, []byte(part)) {
			return true
		}
	}
	return false
}
