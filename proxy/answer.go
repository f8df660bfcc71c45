package proxy

import (
	"bytes"
	"strconv"
	"strings"
	"time"

	"github.com/valyala/fasthttp"

	"patgate/policy"
	"patgate/routes"
	"patgate/routes/git"
)

// refuse answers a request that is not forwarded, or whose forwarding failed, in the shape of its surface.
func (x *exchange) refuse(r *refusal) {
	out := &x.ctx.Response
	out.Reset()
	out.SetStatusCode(r.status)
	h := &out.Header
	h.SetContentType("application/json")
	h.Set("Cache-Control", "no-store")
	h.SetBytesV("Date", fasthttp.AppendHTTPDate(nil, time.Now()))
	id := x.event.ID.String()
	h.Set("X-Request-Id", id)
	if r.retry > 0 {
		h.Set("Retry-After", strconv.Itoa(int((r.retry+time.Second-1)/time.Second)))
	}
	if r.status == fasthttp.StatusMethodNotAllowed {
		h.Set("Allow", "GET, HEAD, POST, PUT, PATCH, DELETE")
	}
	if r.close {
		h.SetConnectionClose()
	}
	f := facts{refusal: r, id: id, message: r.message}
	if r.decision != nil {
		f.denial(x)
	}
	x.challenge(&f)
	x.notice(&f)
	if r.location != "" {
		h.Set("Location", r.location)
	}
	if x.surface == surfaceGit && f.grantURL != "" {
		f.message += "\nMake a token that may: " + f.grantURL
	}
	if r.status == fasthttp.StatusForbidden && x.refusePush(f.message) {
		return
	}
	body := f.body(x)
	switch {
	case x.surface == surfaceGit && isLFSPath(x.path):
		h.SetContentType(git.LFSMediaType)
		body = git.LFSMessage(f.message, id)
	case x.surface == surfaceGit:
		h.SetContentType("text/plain; charset=utf-8")
	case f.decision != nil && x.surface == surfaceAPI && !x.h.dialect.message && takesProblem(x.fields.get(fieldAccept)):
		h.SetContentType("application/problem+json")
	}
	out.SetBody(body)
	sent := int64(len(body))
	if x.isHead {
		sent = 0
	}
	x.complete(r.status, sent)
}

// takesProblem tells whether a denial may be labelled as problem details (RFC 9457), with GitLab's keys as its extension
// members: the client takes anything, or asks for that. A client that names application/json gets that. Of clients that
// do not care for the label some, such as gitbeaker, then show the whole text, and with it the permission that is missing.
func takesProblem(accept []byte) bool {
	if bytes.Contains(accept, []byte("application/json")) {
		return false
	}
	return len(accept) == 0 || bytes.Contains(accept, []byte("*/*")) || bytes.Contains(accept, []byte("application/problem+json"))
}

// facts are what an answer tells.
type facts struct {
	*refusal
	id       string
	message  string
	missing  []string // permission names
	accepted []string // of the row
	boundary string
	grantURL string // where a token that may is made
}

// denial fills in what the grant lacks, with GitLab's own sentence first, which clients look for.
func (f *facts) denial(x *exchange) {
	d, catalogue := f.decision, x.table.Catalogue()
	f.missing = permissionNames(catalogue, &d.Missing)
	if r := x.op.Route; r != nil {
		f.accepted = permissionNames(catalogue, &r.NeedSet)
		if len(f.missing) == 0 {
			f.missing = f.accepted
		}
		if d.Reason == policy.ReasonQuickAction {
			f.accepted = f.missing
		}
	}
	if d.Boundary != routes.BoundaryNone {
		f.boundary = d.Boundary.String()
	}
	f.grantURL = x.grantURL(d)
	var b strings.Builder
	b.WriteString("Access denied: This operation requires a fine-grained personal access token with the following ")
	if f.boundary != "" {
		b.WriteString(f.boundary + " ")
	}
	b.WriteString("permissions: [" + titles(catalogue, f.missing) + "].")
	if len(f.missing) > 0 {
		b.WriteString(" Missing: " + strings.Join(f.missing, ", ") + ".")
	}
	if f.message != "" {
		b.WriteString(" " + f.message)
	}
	f.message = b.String()
}

func permissionNames(c *routes.Catalogue, set *routes.PermissionSet) []string {
	var names []string
	for i, word := range set {
		for bit := 0; word != 0; bit, word = bit+1, word>>1 {
			if word&1 != 0 {
				names = append(names, c.Info(routes.Permission(i*64+bit)).Name)
			}
		}
	}
	return names
}

// titles writes permissions as GitLab does in its denials: "Merge Request: Read, Job: Run".
func titles(c *routes.Catalogue, names []string) string {
	all := make([]string, 0, len(names))
	for _, name := range names {
		p, ok := c.Find(name)
		if !ok {
			continue
		}
		info := c.Info(p)
		all = append(all, info.Title+": "+title(info.Action))
	}
	return strings.Join(all, ", ")
}

func title(snake string) string {
	words := strings.Split(snake, "_")
	for i, w := range words {
		if w != "" {
			words[i] = strings.ToUpper(w[:1]) + w[1:]
		}
	}
	return strings.Join(words, " ")
}

// challenge sets the headers that say how to get in: WWW-Authenticate (RFC 6750, 3), and which permissions would do.
func (x *exchange) challenge(f *facts) {
	h := &x.ctx.Response.Header
	switch {
	case f.challenge != challengeNone && (x.toRegistry() || x.toOwnRegistry()):
		h.Set("Docker-Distribution-Api-Version", "registry/2.0")
		h.SetBytesV("WWW-Authenticate", x.appendRegistryChallenge(nil))
	case f.challenge == challengeMissing && x.surface == surfaceRegistry:
		x.registryChallenge()
	case f.challenge == challengeMissing && (x.surface == surfaceGit || isPackagePath(x.path)):
		h.Set("WWW-Authenticate", `Basic realm="`+x.h.dialect.realm+`"`)
	case f.challenge == challengeMissing:
		h.Set("WWW-Authenticate", `Bearer realm="`+x.h.dialect.realm+`"`)
	case f.challenge == challengeToken && (x.cred.place == placeBasic || x.surface == surfaceGit):
		h.Set("WWW-Authenticate", `Basic realm="`+x.h.dialect.realm+`"`)
	case f.challenge == challengeToken:
		h.Set("WWW-Authenticate", `Bearer realm="`+x.h.dialect.realm+`", error="invalid_token", error_description="`+f.message+`"`)
	case f.decision != nil:
		h.Set("WWW-Authenticate", `Bearer realm="`+x.h.dialect.realm+`", error="insufficient_scope", scope="`+strings.Join(f.missing, " ")+`"`)
	}
	if len(f.accepted) > 0 {
		h.Set("X-Accepted-Permissions", strings.Join(f.accepted, ","))
	}
}

// registryChallenge names the token service of patgate, as docker expects it. Without a public URL the client's own
// address is used, when it is a valid one.
func (x *exchange) registryChallenge() {
	origin := x.h.links.publicOrigin(x.origin)
	if below(x.path, "/jwt/auth") || len(origin) == 0 {
		x.ctx.Response.Header.Set("WWW-Authenticate", `Basic realm="`+x.h.dialect.realm+`"`)
		return
	}
	x.ctx.Response.Header.Set("Docker-Distribution-Api-Version", "registry/2.0")
	x.ctx.Response.Header.SetBytesV("WWW-Authenticate", x.appendRegistryChallenge(nil))
}

// ownFields are the header fields of an answer that patgate makes of the forge's: of those that came with it only what says whether
// and how to ask again.
func (x *exchange) ownFields(mediaType string) {
	h := &x.ctx.Response.Header
	status, closes := h.StatusCode(), h.ConnectionClose()
	kept := map[string]string{"Cache-Control": "no-store"}
	for _, name := range [...]string{"Date", "X-Request-Id", "Retry-After", "WWW-Authenticate", "LFS-Authenticate"} {
		if v := h.Peek(name); len(v) > 0 {
			kept[name] = string(v)
		}
	}
	h.Reset()
	h.SetStatusCode(status)
	h.SetContentType(mediaType)
	for name, value := range kept {
		h.Set(name, value)
	}
	if closes {
		h.SetConnectionClose()
	}
}

// isLFSPath tells whether Git LFS asks there, which shows only messages in JSON.
func isLFSPath(path []byte) bool {
	return bytes.Contains(path, []byte(".git/info/lfs/")) || bytes.Contains(path, []byte(".git/gitlab-lfs/"))
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
