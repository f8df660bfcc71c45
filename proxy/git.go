package proxy

import (
	"context"
	"strconv"
	"strings"

	"github.com/valyala/fasthttp"

	"patgate/forge"
	"patgate/policy"
	"patgate/routes"
	"patgate/routes/git"
	"patgate/routes/params"
)

// gitRequest is what an exchange keeps of a request of git or Git LFS.
type gitRequest struct {
	git.Request
	push  *pushRequest // of a receive-pack request, when its commands were read
	batch *git.Batch   // of an LFS batch request
}

var (
	refuseTwin = refuse400("ambiguous_path",
		"The forge could take the repository's path for that of a project with this whole name. Rename one of the two.")
	refuseGitBody = refuse400("unexpected_body", "This request takes no body.")
	refuseLength  = &refusal{status: fasthttp.StatusLengthRequired, reason: "length_required", message: "This request needs a body: send Content-Length, or Transfer-Encoding: chunked."}
)

// classifyGit reads the target of a request of git or Git LFS.
func (x *exchange) classifyGit() *refusal {
	err := git.Classify(x.table, &x.op, &x.git.Request, x.method, x.target)
	if err == nil {
		return nil
	}
	x.op.Route = nil
	r := refusalOf(err)
	if x.method == fasthttp.MethodGet {
		if to := git.WithSuffix(x.target, x.table.Named()); to != nil {
			return &refusal{status: fasthttp.StatusMovedPermanently, reason: "git_suffix", location: string(to),
				message: "The repository's path must end in .git."}
		}
	}
	return r
}

// readGit reads what the body of a git or Git LFS request says of what it does.
func (x *exchange) readGit() error {
	b, route := &x.body, x.op.Route
	if x.git.batch != nil {
		return nil // read before the plan
	}
	b.open(x)
	switch {
	case x.method == fasthttp.MethodGet || x.isHead:
		if b.present() {
			return refuseGitBody
		}
		return nil
	case len(route.Body.Stream) == 0:
		return x.readLock()
	}
	if !equalFold(x.fields.get(fieldContentType), route.Body.Stream[0]) {
		return &params.Refusal{Code: params.CodeContentType, Message: "the Content-Type of this request must be " + route.Body.Stream[0]}
	}
	if !x.fields.has(fieldContentLength) && !x.fields.has(fieldTransferEncoding) {
		return refuseLength
	}
	b.contentType = append(b.contentType[:0], route.Body.Stream[0]...)
	isPack := !strings.Contains(route.Path, "lfs/objects/")
	switch encoding := x.fields.get(fieldContentEncoding); {
	case len(encoding) == 0, equalFold(encoding, "identity"):
	case isPack && (equalFold(encoding, "gzip") || equalFold(encoding, "x-gzip")):
		b.gzipped = true
	default:
		return &params.Refusal{Code: params.CodeContentEncoding, Message: "the Content-Encoding of this request must be gzip, or none"}
	}
	if route.Refs == routes.RefsListed {
		return x.readCommands()
	}
	return nil
}

// checkTwin refuses a path that the forge would take for a project's own, because there is one of that name. It is asked
// only for what the grant allows, so that nobody learns from it what exists.
func (x *exchange) checkTwin() error {
	if x.surface != surfaceGit || len(x.git.Name.Twin) == 0 {
		return nil
	}
	twin, err := x.h.options.Resolver.Resolve(context.Background(), x.session, routes.Reference{Kind: routes.RefProject, Path: x.git.Name.Twin}, x.maxAge())
	if err == nil && twin.ID != 0 {
		err = refuseTwin
	}
	return err
}

// rebuildGit writes the upstream request: the path that the container has now, and the body as it came or as it was read.
func (x *exchange) rebuildGit() error {
	path := ""
	if x.git.Name.Kind != git.RepositorySnippet {
		own := x.ownContainer()
		if own == nil || own.Path == "" {
			return forge.ErrUnavailable // it was allowed, so there is one
		}
		path = own.Path
	} else if id := x.op.Captures()[0].ID; strconv.FormatInt(id, 10) != string(x.git.Name.Snippet) {
		return forge.ErrUnavailable
	}
	x.rebuilt = x.git.AppendTarget(x.rebuilt[:0], path)
	b := &x.body
	switch {
	case x.git.push != nil:
		x.upload = x.rebuildPush()
	case len(x.op.Route.Body.Stream) > 0:
		x.upload = upload{stream: b, length: b.length}
	default:
		x.upload = upload{whole: b.out}
	}
	x.head = x.appendHead(x.head[:0], x.rebuilt)
	return nil
}

// ownContainer gives the container of the row's own boundary.
func (x *exchange) ownContainer() *policy.Container {
	for i := range x.question.Checks {
		if c := &x.question.Checks[i]; !c.Target {
			return c.Container
		}
	}
	return nil
}
