package web

import (
	"bytes"
	"fmt"
	"html"

	"github.com/valyala/fasthttp"

	"patgate/policy"
	"patgate/proxy/reply"
	"patgate/proxy/surface"
	"patgate/routes"
	"patgate/routes/web"
)

// errNoModule is all that is told of a module that the token may not fetch, whether there is one or not. The Go command shows it.
var errNoModule = &reply.Refusal{Status: fasthttp.StatusNotFound, Reason: "no_go_module",
	Message: "There is no Go module here that this token may fetch. It needs download_code on the project, and the Go command " +
		"finds it in ~/.netrc, as the password for this host."}

// goGet is the Go command's question where the module of an import path is. patgate answers it itself: the answer tells only that
// the token may fetch the repository.
type goGet struct {
	surface.Plain
	s    *Surface
	path string // of the project
}

// Judge decides as for the first step of fetching the project's repository: the one with the longest path that the owner sees.
func (v *goGet) Judge(q *surface.Request, b *surface.Body, j *surface.Judgement) error {
	if b.Present() {
		return reply.BadRequest("unexpected_body", "This request takes no body.")
	}
	paths := web.GoGetProjects(q.Target, q.Table.Named())
	if len(paths) == 0 {
		return errNoModule
	}
	if r := j.PlanRow(q, j.Op.Route); r != nil {
		return errNoModule
	}
	c, path, err := j.Find(q, routes.RefProject, paths)
	if err != nil {
		return err
	}
	if c != nil {
		v.path = c.Path
	}
	j.SentByPath = true
	web.GoGet(q.Table, &j.Op, path)
	if err := j.Ordinary(q, b); err != nil {
		if j.Decision.Verdict != policy.Allow {
			return errNoModule
		}
		return err
	}
	if v.path == "" {
		return errNoModule
	}
	return nil
}

// Read finds nothing to read.
func (*goGet) Read(*surface.Request, *surface.Body, *surface.Judgement) error { return nil }

// Rebuild is not called: the forge is not asked.
func (*goGet) Rebuild(*surface.Request, *surface.Body, *surface.Judgement, *surface.Sending) error {
	return reply.ErrInternal
}

// Answer leads to the repository at patgate, in the words that the Go command reads (Go, "Finding a repository for a module
// path").
func (v *goGet) Answer(q *surface.Request, _ *surface.Judgement) (*surface.Answer, error) {
	base := v.s.Links.PublicOrigin(q.Origin)
	_, host, _ := bytes.Cut(base, []byte("://"))
	module := html.EscapeString(string(host) + "/" + v.path)
	body := fmt.Sprintf(`<html><head><meta name="go-import" content="%s git %s/%s.git"></head><body>go get %s</body></html>`+"\n",
		module, html.EscapeString(string(base)), html.EscapeString(v.path), module)
	return &surface.Answer{Status: fasthttp.StatusOK, Body: []byte(body),
		Header: [][2]string{{"Content-Type", "text/html; charset=utf-8"}, {"Cache-Control", "no-store"}}}, nil
}

// Refuse writes a refusal as text, which the Go command shows.
func (v *goGet) Refuse(_ *surface.Body, _ *surface.Judgement, n *reply.Notice, _ bool, out *fasthttp.Response) bool {
	if n.Challenge != reply.ChallengeNone {
		v.s.Basic(&out.Header)
	}
	out.Header.SetContentType("text/plain; charset=utf-8")
	out.SetBodyString(n.Text + "\n")
	return true
}
