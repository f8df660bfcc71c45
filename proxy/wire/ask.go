package wire

import (
	"io"

	"github.com/valyala/fasthttp"
)

// mostAsked bounds the answers that Ask reads, in bytes.
const mostAsked = 256 << 10

// Ask sends a request without a body that may be sent twice, and reads a short answer whole.
func (p *Pool) Ask(head []byte, claim Claim) (status int, body []byte, err error) {
	var answer fasthttp.Response
	conn, err := p.Do(head, &Upload{}, true, false, &answer, claim)
	if err != nil {
		return 0, nil, err
	}
	answer.StreamBody = true
	if err := answer.ReadBody(conn.Reader(), 0); err != nil {
		p.Drop(conn)
		return 0, nil, ErrBroken
	}
	body, err = io.ReadAll(io.LimitReader(answer.BodyStream(), mostAsked+1))
	_ = answer.CloseBodyStream()
	if err != nil || len(body) > mostAsked {
		p.Drop(conn)
		return 0, nil, ErrBroken
	}
	conn.GiveBack(&answer)
	return answer.StatusCode(), body, nil
}
