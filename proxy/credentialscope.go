package proxy

import (
	"slices"

	"github.com/valyala/fasthttp"

	"patgate/proxy/reply"
)

// mostLackingAnswer bounds the answers that are searched for a scope that the credential lacks, in bytes.
const mostLackingAnswer = 4 << 10

// lacksCredentialScope refuses a request that the token allows when the forge answers that the owner's credential lacks a scope.
// Only then is the answer read.
func (x *exchange) lacksCredentialScope() *reply.Refusal {
	d, q := &x.delivery, &x.request
	from := &d.answer.Header
	length := from.ContentLength()
	if d.answer.StatusCode() != fasthttp.StatusForbidden || !q.IsPatgate() || q.IsHead ||
		x.h.dialect.LacksCredentialScope == nil || length <= 0 || length > mostLackingAnswer || len(from.ContentEncoding()) > 0 {
		return nil
	}
	reader := d.upstream.Reader()
	body, err := reader.Peek(length)
	if err != nil {
		return nil // it is told where the answer is delivered
	}
	wants, lacks := x.h.dialect.LacksCredentialScope(body)
	if !lacks {
		return nil
	}
	_, _ = reader.Discard(length)
	x.free(true)
	has := x.judgement.Session.Scopes
	r := reply.CredentialLacks(has, slices.DeleteFunc(wants, func(s string) bool { return slices.Contains(has, s) }))
	r.Close = x.sending.Upload.Running() // part of the body may be unread
	return r
}
