package proxy

import (
	"slices"

	"github.com/valyala/fasthttp"

	"patgate/proxy/reply"
)

// mostScopeAnswer bounds the answers that are looked into for what a credential lacks.
const mostScopeAnswer = 4 << 10

// lacksScope tells, of the forge's answer to a request that the token allows, that the owner's credential has not the scope for
// it. The answer is read then; else nothing of it is.
func (x *exchange) lacksScope() *reply.Refusal {
	d, q := &x.delivery, &x.request
	from := &d.answer.Header
	length := from.ContentLength()
	if d.answer.StatusCode() != fasthttp.StatusForbidden || !q.IsPatgate() || q.IsHead || x.h.dialect.LacksScope == nil ||
		length <= 0 || length > mostScopeAnswer || len(from.ContentEncoding()) > 0 {
		return nil
	}
	reader := d.upstream.Reader()
	body, err := reader.Peek(length)
	if err != nil {
		return nil // it is told where the answer is delivered
	}
	wants, lacks := x.h.dialect.LacksScope(body)
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
