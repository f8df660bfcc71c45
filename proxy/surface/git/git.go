// Package git is the surface of git over HTTPS and of Git LFS, for projects, wikis and snippets.
package git

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/valyala/fasthttp"

	"patgate/forge"
	"patgate/policy"
	"patgate/proxy/header"
	"patgate/proxy/reply"
	"patgate/proxy/surface"
	"patgate/routes"
	"patgate/routes/git"
	"patgate/routes/params/refusal"
)

var (
	errTwin = reply.BadRequest("ambiguous_path",
		"The forge could take the repository's path for that of a project with this whole name. Rename one of the two.")
	errBody   = reply.BadRequest("unexpected_body", "This request takes no body.")
	errTicket = reply.Forbidden("ticket_missing",
		"Access denied: The address of an attachment is good for a day, and for the token alone that it was given to. Ask the "+
			"API for the file again, and follow the browser_download_url of its answer.")
	errLength = &reply.Refusal{Status: fasthttp.StatusLengthRequired, Reason: "length_required",
		Message: "This request needs a body: send Content-Length, or Transfer-Encoding: chunked."}
)

// Surface is git with Git LFS.
type Surface struct {
	surface.Unsealing
	surface.Words
	Links  *reply.Links
	Seals  *surface.Seals
	Layout *git.Layout
}

// Name is for logs and tests.
func (*Surface) Name() string { return "git" }

// Has tells whether a raw path is git's.
func (s *Surface) Has(path []byte, _ string) bool {
	return s.Layout.Has(path)
}

// Proves implements surface.Proves: GitLab 19.3 (app/controllers/repositories) and Gitea 1.26 (services/auth) refuse a wrong
// credential in Basic.
func (*Surface) Proves(q *surface.Request, _ *surface.Body) bool {
	var op routes.Operation
	var r git.Request
	return q.Credential.Auth == routes.AuthBasic && git.Classify(q.Table, &op, &r, q.Method, q.Target) == nil &&
		r.Attachment.Folder == "" // Gitea takes no Basic there
}

// ReadsByPost implements surface.ReadsByPost: a fetch is a POST.
func (s *Surface) ReadsByPost(path []byte) bool { return s.Layout.IsFetch(path) }

// WritesByGet implements surface.WritesByGet: the first step of a push is a GET, which creates a project where there is none.
func (*Surface) WritesByGet(_, target []byte) bool {
	return bytes.Contains(target, []byte("git-receive-pack"))
}

// Classify reads the target.
func (s *Surface) Classify(q *surface.Request, op *routes.Operation) (surface.Visit, error) {
	v := &visit{s: s}
	err := git.Classify(q.Table, op, &v.request, q.Method, q.Target)
	if err == nil {
		return v, nil
	}
	op.Route = nil
	if q.Method == fasthttp.MethodGet {
		if to := s.Layout.WithSuffix(q.Target); to != nil {
			return nil, &reply.Refusal{Status: fasthttp.StatusMovedPermanently, Reason: "git_suffix",
				Message: "The repository's path must end in .git.", Location: q.Root + string(to)}
		}
	}
	return nil, err
}

// Refuse writes a refusal as text, which git shows; Git LFS shows only messages in JSON.
func (s *Surface) Refuse(q *surface.Request, n *reply.Notice, out *fasthttp.Response) {
	switch n.Challenge {
	case reply.ChallengeNone:
		s.Insufficient(q, n, &out.Header)
	default:
		s.Basic(&out.Header) // git sends its credential only when it is asked for that
	}
	if bytes.Contains(q.Path, []byte(".git/info/lfs/")) || bytes.Contains(q.Path, []byte(".git/gitlab-lfs/")) {
		out.Header.SetContentType(git.LFSMediaType)
		out.SetBody(git.LFSMessage(text(n), n.ID))
		return
	}
	out.Header.SetContentType("text/plain; charset=utf-8")
	out.SetBodyString(text(n) + "\n")
}

// text is what git's user reads.
func text(n *reply.Notice) string {
	if n.GrantURL == "" {
		return n.Text
	}
	return n.Text + "\nGrant it: " + n.GrantURL
}

// visit is one request of git or Git LFS.
type visit struct {
	s       *Surface
	request git.Request
	push    *push      // of a receive-pack request, when its head was read
	batch   *git.Batch // of an LFS batch request, when it was read
}

// NeedsBody: the body alone says whether an LFS batch is for an upload.
func (v *visit) NeedsBody() bool { return v.request.Batch }

// Judge reads an LFS batch before the plan, and looks for twins after the decision, so that nobody learns from them what exists.
func (v *visit) Judge(q *surface.Request, b *surface.Body, j *surface.Judgement) error {
	j.SentByPath = true
	if v.request.Batch {
		if err := v.readBatch(q, b, j); err != nil {
			return err
		}
	}
	if err := j.Ordinary(q, b); err != nil {
		return err
	}
	if err := v.checkTwin(q, j); err != nil {
		return err
	}
	if err := v.checkTicket(q, j); err != nil {
		return err
	}
	return v.checkUpstream(q, j)
}

// Read reads what the body says of what the request does.
func (v *visit) Read(q *surface.Request, b *surface.Body, j *surface.Judgement) error {
	row := j.Op.Route
	switch {
	case v.batch != nil:
		return nil // read before the plan
	case q.Method == fasthttp.MethodGet || q.IsHead:
		if b.Present() {
			return errBody
		}
		return nil
	case len(row.Body.Stream) == 0:
		return v.readLock(q, b, j)
	}
	if !header.EqualFold(q.Fields.Get(header.ContentType), row.Body.Stream[0]) {
		return &refusal.Refusal{Code: refusal.CodeContentType,
			Message: "the Content-Type of this request must be " + row.Body.Stream[0]}
	}
	if !q.Fields.Has(header.ContentLength) && !q.Fields.Has(header.TransferEncoding) {
		return errLength
	}
	b.ContentType = append(b.ContentType[:0], row.Body.Stream[0]...)
	isPack := !strings.Contains(row.Path, "lfs/objects/")
	switch encoding := q.Fields.Get(header.ContentEncoding); {
	case len(encoding) == 0, header.EqualFold(encoding, "identity"):
	case isPack && (header.EqualFold(encoding, "gzip") || header.EqualFold(encoding, "x-gzip")):
		b.Encoding = "gzip"
	default:
		return &refusal.Refusal{Code: refusal.CodeContentEncoding,
			Message: "the Content-Encoding of this request must be gzip, or none"}
	}
	if row.Refs == routes.RefsListed {
		return v.readPush(q, b, j)
	}
	return nil
}

// Act adds what a push would have the forge do: other things than taking commits, and the changes of refs.
func (v *visit) Act(q *surface.Request, j *surface.Judgement) error {
	if v.push == nil {
		return nil
	}
	v.push.ask(q.Table, j)
	for i := range v.push.updates {
		j.Question.Acts = append(j.Question.Acts, policy.Act{Kind: policy.ActRef, Update: &v.push.updates[i]})
	}
	return nil
}

// Explain says which ref or option of a push asks for more than the token allows.
func (v *visit) Explain(q *surface.Request, j *surface.Judgement, r *reply.Refusal) {
	if v.push == nil || j.Decision.Act < 0 {
		return
	}
	switch j.Decision.Reason {
	case policy.ReasonQuickAction:
		if c := j.DeniedCommand(); c != nil && c.Line == 0 {
			r.Message = unseenMessage(c, q.Table.Catalogue())
		}
	case policy.ReasonRef:
		r.Message, r.Decision = refMessage(j.Question.Acts[j.Decision.Act].Update), nil
	case policy.ReasonTargetDenied:
		r.Message = v.push.message(q, j)
	}
}

// checkTwin refuses a path that the forge would take for a project's own, because there is one of that name.
func (v *visit) checkTwin(q *surface.Request, j *surface.Judgement) error {
	if len(v.request.Name.Twin) == 0 {
		return nil
	}
	found, err := j.Exists(q, v.request.Name.Twin)
	if err == nil && found {
		err = errTwin
	}
	return err
}

// checkTicket refuses an attachment that no ticket says to be the project's: the forge gives its owner any by the UUID alone.
func (v *visit) checkTicket(q *surface.Request, j *surface.Judgement) error {
	file := &v.request.Attachment
	if file.Folder == "" {
		return nil
	}
	hash, err := q.TokenHash()
	c := j.Own()
	if err != nil || c == nil {
		return errTicket
	}
	t := surface.FileTicket{Project: c.ID, Folder: file.Folder, UUID: file.UUID}
	if !v.s.Seals.IsFile(t, hash, file.Ticket, q.Start) {
		return errTicket
	}
	return nil
}

// Rebuild writes the path that the container has now, and the body as it came or as it was read.
func (v *visit) Rebuild(q *surface.Request, b *surface.Body, j *surface.Judgement, s *surface.Sending) error {
	path := ""
	if v.request.Name.Kind != git.RepositorySnippet {
		if path = j.OwnPath(); path == "" {
			return forge.ErrUnavailable // it was allowed, so there is one
		}
	} else if id := j.Op.Captures()[0].ID; strconv.FormatInt(id, 10) != string(v.request.Name.Snippet) {
		return forge.ErrUnavailable
	}
	s.Target = v.request.AppendTarget(s.Target[:0], path)
	s.Auth = routes.AuthBasic // the forges read no other there
	s.WholeAnswer = s.WholeAnswer || v.batch != nil
	switch {
	case v.push != nil:
		s.Upload = v.push.rebuild(q, j)
	case len(j.Op.Route.Body.Stream) > 0:
		s.Upload.Stream, s.Upload.Length = b, b.Length
	default:
		s.Upload.Whole = b.Out
	}
	return nil
}
