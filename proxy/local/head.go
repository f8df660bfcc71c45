package local

import (
	"net/http"
	"slices"
	"strings"

	"github.com/valyala/fasthttp"

	"patgate/proxy/header"
	"patgate/proxy/surface"
	"patgate/routes"
	"patgate/token"
)

// HeaderOf gives the headers that the token API reads, and those that patgate's own web pages read.
func HeaderOf(q *surface.Request, head *fasthttp.RequestHeader) http.Header {
	out := http.Header{}
	if header.Below(q.Path, Pages) {
		for i := range q.Fields.List {
			f := &q.Fields.List[i]
			if name := strings.ToLower(string(f.Text)); !f.Alias && slices.Contains(pageHeaders, name) {
				out.Add(string(f.Text), string(f.Value))
			}
		}
	}
	for _, name := range [...]string{"Content-Type", "Github-Public-Key-Identifier", "Github-Public-Key-Signature"} {
		if v := head.Peek(name); len(v) > 0 {
			out.Set(name, string(v))
		}
	}
	if header.Below(q.Path, Prefix+"/leaks") {
		out.Set("Authorization", string(q.Fields.Get(header.Authorization)))
	}
	return out
}

// pageHeaders are those that patgate's own web pages read.
var pageHeaders = []string{"cookie", "origin", "sec-fetch-site", "sec-fetch-mode", "accept", "range", "if-range", "host"}

// CredentialOf gives the one credential of the forge's own that a request carries, as PRIVATE-TOKEN or Bearer, or in
// front of Gitea as Authorization: token; none when there are several or it stands elsewhere.
func CredentialOf(q *surface.Request) token.Secret {
	var secret []byte
	if surface.QueryCredential(q.Target) {
		return token.Secret{}
	}
	for i := range q.Fields.List {
		f := &q.Fields.List[i]
		if f.Class != header.ClassCredential || f.Name == header.Cookie && !q.Dialect.IsSession(f.Value) {
			continue
		}
		auth, value := q.Credential.Read(f)
		readable := auth == routes.AuthPrivateToken || auth == routes.AuthBearer ||
			auth == routes.AuthToken && !q.Dialect.RawTokens
		if secret != nil || f.Alias || !readable || !header.IsToken(value) {
			return token.Secret{}
		}
		secret = value
	}
	return token.NewSecret(string(secret))
}
