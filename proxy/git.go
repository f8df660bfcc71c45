package proxy

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/valyala/fasthttp"

	"patgate/forge"
	"patgate/policy"
	"patgate/routes"
	"patgate/routes/git"
	"patgate/routes/params"
)

// maxCommands bounds the list of refs and options in front of a pack, in bytes, as sent and inflated.
const maxCommands = 8 << 20

// gitRequest is what an exchange keeps of a request of git or Git LFS.
type gitRequest struct {
	git.Request
	push  *git.Push  // of a receive-pack request, when its commands were read
	batch *git.Batch // of an LFS batch request
}

var (
	refuseTwin = refuse400("ambiguous_path",
		"The forge could take the repository's path for that of a project with this whole name. Rename one of the two.")
	refusePushOption = refuse403("push_option",
		"Access denied: The push option merge_request.target_project names another project: make the merge request with the REST API.")
	refuseGitBody = refuse400("unexpected_body", "This request takes no body.")
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

// readCommands reads the list of refs in front of a pack. What was read is kept as it came, to be sent in front of the
// rest.
func (x *exchange) readCommands() (err error) {
	b := &x.body
	b.lease.from = x.h.room
	raw := leasedBuffer{lease: &b.lease}
	source := io.Reader(io.TeeReader(&limited{from: b, left: maxCommands}, &raw))
	if b.gzipped {
		inflated, err := gzip.NewReader(source)
		if err != nil {
			return commandError(err)
		}
		inflated.Multistream(false) // the list stands in the first member, as every reader of it understands
		source = inflated
	}
	if x.git.push, err = git.ReadPush(source, maxCommands); err != nil {
		return commandError(err)
	}
	b.prefix = raw.b
	return nil
}

// askForRefs puts the changes of refs that a push asks for into the question.
func (x *exchange) askForRefs() {
	if x.git.push == nil {
		return
	}
	for i := range x.git.push.Updates {
		update := (*policy.RefUpdate)(&x.git.push.Updates[i])
		x.question.Acts = append(x.question.Acts, policy.Act{Kind: policy.ActRef, Update: update})
	}
}

// leasedBuffer keeps what is written to it, in memory that it takes room for.
type leasedBuffer struct {
	lease *lease
	b     []byte
}

// Write takes room for p and keeps it.
func (l *leasedBuffer) Write(p []byte) (int, error) {
	if n := len(l.b) + len(p); n > cap(l.b) && !l.lease.memoryFor(int64(2*n)) {
		return 0, errNoRoom
	}
	l.b = append(l.b, p...)
	return len(p), nil
}

// limited reads at most left bytes and then fails.
type limited struct {
	from io.Reader
	left int64
}

func (l *limited) Read(p []byte) (int, error) {
	if l.left <= 0 {
		return 0, git.ErrPushTooLong
	}
	n, err := l.from.Read(p[:min(int64(len(p)), l.left)])
	l.left -= int64(n)
	return n, err
}

// commandError maps the errors of reading a push; those of the client's connection stay what they are.
func commandError(err error) error {
	var source *errUpload
	switch {
	case errors.As(err, &source), errors.Is(err, errNoRoom):
		return err
	case errors.Is(err, git.ErrPushTooLong):
		return errBodyTooLarge
	case errors.Is(err, git.ErrMalformedPush):
		return refuse400("malformed_push", err.Error())
	}
	return refuse400("malformed_push", "the push cannot be read: its compression is broken")
}

// checkOptions adds what push options would have the forge do besides: make or change a merge request.
func (x *exchange) checkOptions() error {
	if x.git.push == nil || len(x.question.Acts) == 0 {
		return nil
	}
	needs := routes.PermissionSet{}
	switch {
	case x.table.Named():
		return x.checkNamedOptions(needs) // of a wiki, too: Gitea's hook for refs/for/ does not ask which repository it is for
	case x.git.Name.Kind != git.RepositoryProject:
		return nil
	}
	for _, option := range x.git.push.Options {
		name, found := strings.CutPrefix(option, "merge_request.")
		switch {
		case !found:
			continue
		case strings.HasPrefix(name, "target_project"):
			return refusePushOption
		}
		wanted := []string{"create_merge_request", "update_merge_request"}
		if strings.HasPrefix(name, "merge_when_pipeline_succeeds") || strings.HasPrefix(name, "auto_merge") {
			wanted = append(wanted, "merge_merge_request")
		}
		for _, permission := range wanted {
			if p, known := x.table.Catalogue().Find(permission); known {
				needs.Add(p)
			}
		}
	}
	x.alsoNeeds(needs)
	return nil
}

// checkNamedOptions is checkOptions for Gitea 1.26 (services/agit, routers/private): a push to refs/for/ opens or changes a
// pull request, and options can make a repository public.
func (x *exchange) checkNamedOptions(needs routes.PermissionSet) error {
	add := func(permission string) {
		if p, known := x.table.Catalogue().Find(permission); known {
			needs.Add(p)
		}
	}
	for i := range x.git.push.Updates {
		name := x.git.push.Updates[i].Name
		if bytes.HasPrefix(name, []byte("refs/for/")) || bytes.HasPrefix(name, []byte("refs/draft/")) || bytes.HasPrefix(name, []byte("refs/for-review/")) {
			add("create_merge_request")
			add("update_merge_request")
		}
	}
	for _, option := range x.git.push.Options {
		if strings.HasPrefix(option, "repo.") {
			add("update_project")
		}
	}
	x.alsoNeeds(needs)
	return nil
}

// alsoNeeds adds an act that needs further permissions on the row's own container.
func (x *exchange) alsoNeeds(needs routes.PermissionSet) {
	if needs.Empty() {
		return
	}
	further := x.question.Acts[0]
	further.Kind, further.Needs = policy.ActTarget, &needs
	x.question.Acts = append(x.question.Acts, further)
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
	x.upload = upload{whole: b.out}
	if len(x.op.Route.Body.Stream) > 0 {
		x.upload = upload{stream: b, length: b.length}
		if len(b.prefix) > 0 {
			x.upload.stream = io.MultiReader(bytes.NewReader(b.prefix), b)
		}
	}
	x.head = x.appendHead(x.head[:0], x.rebuilt)
	return nil
}

// ownContainer gives the container of the row's own boundary.
func (x *exchange) ownContainer() *policy.Container {
	for i := range x.question.Acts {
		if act := &x.question.Acts[i]; act.Kind == policy.ActOwn {
			return act.Container
		}
	}
	return nil
}

// refusePush answers a push whose refs were read in git's own form, which shows its user why; the rest of what the client
// sends is read and dropped first, because git reads no answer before it has sent everything. It returns false when the
// client would not understand it.
func (x *exchange) refusePush(message string) bool {
	push := x.git.push
	if push == nil || !push.Report || len(push.Updates) == 0 || x.upload.running() {
		return false
	}
	if _, err := io.CopyN(io.Discard, &x.body, maxDropped); !errors.Is(err, io.EOF) {
		x.ctx.Response.Header.SetConnectionClose()
	}
	allowed := func(int) bool { return false }
	if x.decision.Reason == policy.ReasonRef {
		allowed = x.allowedRefs()
	}
	out := &x.ctx.Response
	out.SetStatusCode(fasthttp.StatusOK)
	out.Header.SetContentType("application/x-git-receive-pack-result")
	body := push.AppendReport(nil, message, func(i int) string {
		if allowed(i) {
			return "patgate refused the push because of another ref"
		}
		return "patgate: not allowed for this token"
	})
	out.SetBody(body)
	x.complete(fasthttp.StatusOK, int64(len(body)))
	return true
}

// allowedRefs gives a function that tells whether the i-th ref alone would have been allowed.
func (x *exchange) allowedRefs() func(i int) bool {
	refs := len(x.question.Acts) - len(x.git.push.Updates) // they stand last
	alone := policy.Question{Route: x.question.Route, Acts: slices.Clone(x.question.Acts[:refs+1])}
	return func(i int) bool {
		alone.Acts[refs] = x.question.Acts[refs+i]
		return policy.Decide(x.session.Grant, &alone).Verdict == policy.Allow
	}
}

// maxDropped bounds what is read of a push that is refused, in bytes.
const maxDropped = 1 << 30

// refMessage says which ref a push may not change.
func (x *exchange) refMessage() string {
	u := x.question.Acts[x.decision.Act].Update
	what := "change"
	if u.Delete {
		what = "delete"
	} else if u.Create {
		what = "create"
	}
	return "Access denied: This token may push here, but may not " + what + " " + string(u.Name) + ": it is limited to some refs."
}
