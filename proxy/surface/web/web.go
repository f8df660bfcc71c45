// Package web is the surface of the forge's web paths: GitLab takes a personal access token on some of them (archives, release
// assets, feeds), and no patgate token is good for the others.
package web

import (
	"bytes"

	"patgate/proxy/reply"
	"patgate/proxy/surface"
	"patgate/routes"
	"patgate/routes/web"
)

var (
	errStranger = reply.Forbidden("no_token_there",
		"Access denied: GitLab takes no personal access token for this path, so that it answers for public projects alone: use "+
			"GET /projects/:id/releases/permalink/latest/downloads/:file of the REST API.")
	errPages = reply.Forbidden("unsupported_surface",
		"Access denied: Web pages are not supported with fine-grained tokens: use the REST API.")
	// Gitea serves an attachment by its UUID alone, whatever repository stands in the path (1.26,
	// routers/web/repo/attachment.go), and its API does not tell to which repository a UUID belongs. patgate's own
	// addresses of attachments do.
	errAttachment = reply.Forbidden("unsupported_surface",
		"Access denied: The address of an attachment does not say which repository it belongs to, so that no fine-grained token "+
			"can be held against it. With public_url set, patgate's answers name another one: ask the REST API for the file "+
			"(GET /repos/:owner/:repo/releases/:id, or .../assets/:id) and follow its browser_download_url.")
)

// Surface is the web. It has every path that no other surface has, so that it stands last in the list.
type Surface struct {
	surface.Unsealing
	surface.Words
	Links *reply.Links
	// Pages: there are no rows among the web paths, only pages.
	Pages bool
}

// Name is for logs and tests.
func (*Surface) Name() string { return "web" }

// ForBrowsers marks it.
func (*Surface) ForBrowsers() {}

// Has takes every path.
func (*Surface) Has([]byte, string) bool { return true }

// Classify reads a target among the web paths that take a token.
func (s *Surface) Classify(q *surface.Request, op *routes.Operation) (surface.Visit, error) {
	switch {
	case web.IsGoGet(q.Method, q.Target) && web.GoGet(q.Table, op, ""):
		return &goGet{s: s}, nil
	case s.Pages && bytes.Contains(q.Path, []byte("/attachments/")):
		return nil, errAttachment
	case s.Pages:
		return nil, errPages
	}
	v := &visit{}
	if err := web.Classify(q.Table, op, &v.request, q.Method, q.Target); err != nil {
		op.Route = nil
		return nil, err
	}
	return v, nil
}

type visit struct {
	surface.Plain
	request web.Request
}

// Read holds the row: these paths take no parameters.
func (*visit) Read(q *surface.Request, b *surface.Body, j *surface.Judgement) error {
	return j.ReadParameters(q, b)
}

// Rebuild writes the path that the container has now, and no word of the client's on formats.
func (v *visit) Rebuild(_ *surface.Request, _ *surface.Body, j *surface.Judgement, s *surface.Sending) error {
	path := j.OwnPath()
	switch {
	case path == "":
		return reply.ErrUnavailable // it was allowed, so there is one
	case v.request.Stranger && !j.Decision.Anonymous:
		return errStranger
	}
	s.Target = v.request.AppendTarget(s.Target[:0], path)
	s.AnyFormat = true
	return nil
}
