package git

import (
	"errors"

	"github.com/valyala/fasthttp"

	"patgate/proxy/header"
	"patgate/proxy/reply"
	"patgate/proxy/surface"
	"patgate/routes/git"
	"patgate/routes/params/refusal"
)

// maxBatchAnswer bounds the forge's answer to an LFS batch, which is read whole.
const maxBatchAnswer = 16 << 20

// readLFS reads the whole JSON body of a Git LFS request.
func readLFS(q *surface.Request, b *surface.Body, j *surface.Judgement) error {
	media := header.TrimSpace(header.Before(q.Fields.Get(header.ContentType), ';'))
	switch {
	case !header.EqualFold(media, git.LFSMediaType) && !header.EqualFold(media, "application/json"):
		return &refusal.Refusal{Code: refusal.CodeContentType,
			Message: "the Content-Type of this request must be " + git.LFSMediaType}
	case q.Fields.Has(header.ContentEncoding):
		return &refusal.Refusal{Code: refusal.CodeContentEncoding, Message: "this request takes no Content-Encoding"}
	}
	b.ContentType = append(b.ContentType[:0], git.LFSMediaType...)
	return b.Whole(j.Op.Route.Body.Limit, false)
}

// readBatch reads the body of an LFS batch request, which alone says whether it is for an upload.
func (v *visit) readBatch(q *surface.Request, b *surface.Body, j *surface.Judgement) error {
	err := readLFS(q, b, j)
	if err == nil {
		v.batch, err = git.ReadBatch(b.Memory)
	}
	if err == nil {
		err = v.request.Batched(q.Table, &j.Op, v.batch.Operation == "upload")
	}
	if err != nil {
		v.batch = nil
		return lfsError(err)
	}
	b.Out = append(b.Out[:0], v.batch.Encode()...)
	return nil
}

// readLock reads the body of a request on locks.
func (v *visit) readLock(q *surface.Request, b *surface.Body, j *surface.Judgement) error {
	if err := readLFS(q, b, j); err != nil {
		return err
	}
	out, err := git.RewriteLock(b.Memory)
	b.Out = append(b.Out[:0], out...)
	return lfsError(err)
}

func lfsError(err error) error {
	if errors.Is(err, git.ErrMalformedLFS) {
		return reply.BadRequest("malformed_lfs", err.Error())
	}
	return err
}

// Rewrites: the forge's answer to an LFS batch holds its address and a credential for all LFS objects of the project, so the
// client gets one that was made anew.
func (v *visit) Rewrites(int) int64 {
	if v.batch == nil {
		return 0
	}
	return maxBatchAnswer
}

// Rewrite makes the answer to an LFS batch anew.
func (v *visit) Rewrite(q *surface.Request, j *surface.Judgement, status int, body []byte) ([]byte, string, error) {
	if status != fasthttp.StatusOK {
		return git.LFSMessage("The forge refused the request.", q.ID.String()), git.LFSMediaType, nil
	}
	base := append(append([]byte(nil), v.s.Links.PublicOrigin(q.Origin)...), v.request.RepositoryTarget(j.OwnPath())...)
	written, err := v.request.RewriteAnswer(v.batch, body, string(base))
	return written, git.LFSMediaType, err
}
