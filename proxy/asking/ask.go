package asking

import (
	"io"

	"github.com/valyala/fasthttp"

	"patgate/proxy/wire"
)

// mostAsked bounds the answers that Ask reads, in bytes.
const mostAsked = 256 << 10

// Ask sends a request without a body that may be sent twice, on a connection of the pool, and reads a short answer whole.
func Ask(p *wire.Pool, head []byte, claim wire.Claim) (status int, body []byte, err error) {
	var answer fasthttp.Response
	conn, err := p.Do(head, &wire.Upload{}, true, false, &answer, claim)
	if err != nil {
		return 0, nil, err
	}
	answer.StreamBody = true
	if err := answer.ReadBody(conn.Reader(), 0); err != nil {
		p.Drop(conn)
		return 0, nil, wire.ErrBroken
	}
	body, err = io.ReadAll(io.LimitReader(answer.BodyStream(), mostAsked+1))
	_ = answer.CloseBodyStream()
	if err != nil || len(body) > mostAsked {
		p.Drop(conn)
		return 0, nil, wire.ErrBroken
	}
	conn.GiveBack(&answer)
	return answer.StatusCode(), body, nil
}
