package proxy

import (
	"errors"

	"github.com/valyala/fasthttp"

	"patgate/routes/git"
	"patgate/routes/params"
)

// maxBatchAnswer bounds the forge's answer to an LFS batch, which is read whole.
const maxBatchAnswer = 16 << 20

// readLFS reads the whole JSON body of a Git LFS request.
func (x *exchange) readLFS() ([]byte, error) {
	b := &x.body
	b.open(x)
	media, _, _ := cutMediaType(x.fields.get(fieldContentType))
	switch {
	case !equalFold(media, git.LFSMediaType) && !equalFold(media, "application/json"):
		return nil, &params.Refusal{Code: params.CodeContentType, Message: "the Content-Type of this request must be " + git.LFSMediaType}
	case x.fields.has(fieldContentEncoding):
		return nil, &params.Refusal{Code: params.CodeContentEncoding, Message: "this request takes no Content-Encoding"}
	}
	b.contentType = append(b.contentType[:0], git.LFSMediaType...)
	if err := b.whole(x, false); err != nil {
		return nil, err
	}
	return b.memory, nil
}

// cutMediaType splits a media type from its parameters.
func cutMediaType(value []byte) (media, parameters []byte, found bool) {
	for i, c := range value {
		if c == ';' {
			return trimSpace(value[:i]), value[i+1:], true
		}
	}
	return value, nil, false
}

// readBatch reads the body of an LFS batch request, which alone says whether it is for an upload.
func (x *exchange) readBatch() *refusal {
	body, err := x.readLFS()
	if err == nil {
		x.git.batch, err = git.ReadBatch(body)
	}
	if err == nil {
		err = x.git.Batched(x.table, &x.op, x.git.batch.Operation == "upload")
	}
	if err != nil {
		return refusalOf(lfsError(err))
	}
	x.body.out = append(x.body.out[:0], x.git.batch.Encode()...)
	return nil
}

// readLock reads the body of a request on locks.
func (x *exchange) readLock() error {
	body, err := x.readLFS()
	if err != nil {
		return err
	}
	out, err := git.RewriteLock(body)
	x.body.out = append(x.body.out[:0], out...)
	return lfsError(err)
}

func lfsError(err error) error {
	if errors.Is(err, git.ErrMalformedLFS) {
		return refuse400("malformed_lfs", err.Error())
	}
	return err
}

// deliverBatch answers an LFS batch request: the forge's answer holds its address and a credential for all LFS objects of
// the project, so the client gets one that was made anew.
func (x *exchange) deliverBatch() (kept bool) {
	a := &x.answer
	status := a.StatusCode()
	a.StreamBody = true
	if err := a.ReadBody(x.upstream.br, 0); err != nil {
		return x.broken(refuseUnavailable, failureUpstream)
	}
	x.body.lease.from = x.h.room
	body, err := readUpTo(a.BodyStream(), nil, maxBatchAnswer, x.body.lease.memoryFor)
	if err == nil && len(body) >= maxBatchAnswer {
		err = errBodyTooLarge
	}
	if err == nil && status == fasthttp.StatusOK {
		base := append(x.h.links.publicOrigin(x.origin), x.git.RepositoryTarget(x.ownPath())...)
		body, err = x.git.RewriteAnswer(x.git.batch, body, string(base))
	}
	if err != nil {
		return x.broken(refuseIllegible, failureAnswer)
	}
	if status != fasthttp.StatusOK {
		body = git.LFSMessage("The forge refused the request.", x.event.ID.String())
	}
	_ = a.CloseBodyStream()
	x.free(true)
	out := &x.ctx.Response
	x.ownFields(git.LFSMediaType)
	out.SetBody(body)
	x.complete(status, int64(len(body)))
	return false
}

// ownPath gives the full path of the row's own container; empty when it has none.
func (x *exchange) ownPath() string {
	if c := x.ownContainer(); c != nil {
		return c.Path
	}
	return ""
}
