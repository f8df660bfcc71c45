package proxy

import (
	"patgate/proxy/wire"
	"patgate/routes/web"
)

// webRequest is what an exchange keeps of a request for one of the web paths that take a token.
type webRequest = web.Request

var refuseStranger = refuse403("no_token_there",
	"Access denied: GitLab takes no personal access token for this path, so that it answers for public projects alone: use "+
		"GET /projects/:id/releases/permalink/latest/downloads/:file of the REST API.")

var refuseWebPages = refuse403("unsupported_surface", "Access denied: Web pages are not supported with fine-grained tokens: use the REST API.")

// classifyWeb reads a target among the forge's web paths.
func (x *exchange) classifyWeb() *refusal {
	if x.table.Named() {
		return refuseWebPages // its rows outside of the API are found by routes/git
	}
	if err := web.Classify(x.table, &x.op, &x.web, x.method, x.target); err != nil {
		x.op.Route = nil
		return refusalOf(err)
	}
	return nil
}

// rebuildWeb writes the upstream request: the path that the container has now, and no word of the client's on formats.
func (x *exchange) rebuildWeb() error {
	own := x.ownContainer()
	switch {
	case own == nil || own.Path == "":
		return refuseUnavailable // it was allowed, so there is one
	case x.web.Stranger && !x.decision.Anonymous:
		return refuseStranger
	}
	x.rebuilt = x.web.AppendTarget(x.rebuilt[:0], own.Path)
	x.upload = wire.Upload{}
	x.head = x.appendHead(x.head[:0], x.rebuilt)
	return nil
}
