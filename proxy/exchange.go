package proxy

import (
	"net/netip"
	"time"

	"github.com/valyala/fasthttp"

	"patgate/audit"
	"patgate/forge"
	"patgate/policy"
	"patgate/routes"
	"patgate/routes/params"
	"patgate/token"
)

// exchange is the state of one request. It is reused, so nothing in it may be kept after release; what is kept of the
// request itself points into the server's buffers and is good until the handler returns.
type exchange struct {
	h     *Handler
	ctx   *fasthttp.RequestCtx
	conn  *clientConn
	table *routes.Table

	method  string // a constant
	target  []byte
	path    []byte // of the target, without the query
	surface surface
	fields  fields
	cred    credential
	print   forge.Fingerprint // of the credentials of a caller without a patgate token; see fingerprint
	client  netip.Addr
	secure  bool // the client's own connection is https

	session    *token.Session
	op         routes.Operation
	git        gitRequest
	registry   registryRequest
	sealed     sealedRequest
	web        webRequest
	set        params.Set
	question   policy.Question
	containers []policy.Container
	found      []routes.Reference // of containers, by index
	decision   policy.Decision
	body       requestBody

	resolving time.Time // since when the forge is asked
	event     *audit.Event
	own       audit.Event          // what event points to, when that is not a flight's
	used      routes.PermissionSet // what event.Used points to, when it is not a row's own
	recorded  bool

	head     []byte // the upstream request's head
	rebuilt  []byte // its target
	renamed  bool   // it holds names in the forge's spelling, not the client's
	scratch  []byte
	origin   []byte // by which the client came
	upload   upload
	answer   fasthttp.Response
	answered bool // by patgate itself
	pool     *pool
	upstream *upstreamConn
	stream   answerStream
	isHead   bool

	// Of an exchange that an event loop began and a goroutine goes on with.
	step step
	in   []byte // the request's head, as it came
}

// acquire takes an exchange for a request.
func (h *Handler) acquire(ctx *fasthttp.RequestCtx) *exchange {
	conn := clientOf(ctx.Conn())
	if conn != nil && conn.resumed != nil {
		x := conn.resumed
		conn.resumed = nil
		x.ctx = ctx
		conn.enter(phaseExchange)
		return x
	}
	x := h.exchanges.Get().(*exchange)
	x.ctx = ctx
	x.start(h, conn, &x.own)
	if conn != nil {
		conn.enter(phaseExchange)
	} else if addr, ok := netip.AddrFromSlice(ctx.RemoteIP()); ok {
		x.client = addr.Unmap()
	}
	return x
}

// start begins the exchange of a request that came on a connection, whose address and scheme hold until the header block
// says otherwise.
func (x *exchange) start(h *Handler, conn *clientConn, event *audit.Event) {
	x.h, x.table = h, h.options.Table()
	*event = audit.Event{ID: audit.NewRequestID(), Start: time.Now(), Scope: -1}
	x.event = event
	if x.conn = conn; conn != nil {
		x.client, x.secure = conn.peer, conn.secure != nil
	}
}

// maxKept bounds what an exchange keeps of its buffers for the next request.
const maxKept = 64 << 10

// release gives the exchange back.
func (x *exchange) release() {
	h := x.h
	x.reset()
	h.exchanges.Put(x)
}

// reset forgets the request.
func (x *exchange) reset() {
	x.body.release()
	x.h, x.ctx, x.conn, x.table, x.session, x.upstream, x.pool = nil, nil, nil, nil, nil, nil, nil
	x.target, x.path, x.method, x.upload, x.recorded, x.isHead, x.secure, x.answered = nil, nil, "", upload{}, false, false, false, false
	x.step, x.in = 0, emptied(x.in) // in held the token
	x.client = netip.Addr{}
	x.cred.caller, x.cred.place, x.cred.secret = 0, 0, nil
	x.print = forge.Fingerprint{}
	x.unjudge()
	x.git, x.registry, x.sealed, x.web = gitRequest{}, registryRequest{}, sealedRequest{}, webRequest{}
	clear(x.fields.list)
	clear(x.head) // it held the owner's credential
	x.cred.buf = emptied(x.cred.buf)
	if cap(x.head) > maxKept || cap(x.scratch) > maxKept || cap(x.rebuilt) > maxKept {
		x.head, x.scratch, x.rebuilt = nil, nil, nil
	}
	x.head, x.scratch, x.origin, x.rebuilt = x.head[:0], x.scratch[:0], x.origin[:0], x.rebuilt[:0]
	x.stream = answerStream{}
	x.event, x.own, x.used = nil, audit.Event{}, routes.PermissionSet{}
}

// settle forgets a request that was judged in a loop and sent: all that such requests set and the next does not set anew.
func (x *exchange) settle() {
	x.unjudge()
	clear(x.head) // it held the owner's credential
	x.cred.buf = emptied(x.cred.buf)
	x.event, x.recorded = nil, false
}

// unjudge forgets what judging the request has found out.
func (x *exchange) unjudge() {
	x.decision = policy.Decision{}
	x.op.Route = nil // a request that is refused before it is classified has none
	x.question.Route = nil
	x.question.Checks = emptied(x.question.Checks)
	x.question.Refs, x.question.Commands = emptied(x.question.Refs), emptied(x.question.Commands)
	x.containers, x.found = emptied(x.containers), emptied(x.found)
	x.renamed = false
}

// emptied empties a slice that keeps its memory for the next request. Most are empty already.
func emptied[T any](s []T) []T {
	if len(s) > 0 {
		clear(s)
	}
	return s[:0]
}

// record has the sink accept the decision; without it nothing is forwarded.
func (x *exchange) record() error {
	e := x.event
	e.Client, e.Method = x.client, x.method
	if e.Method == "" {
		e.Method = "OTHER"
	}
	e.Route = x.op.Route
	switch x.cred.caller {
	case callerPatgate:
		e.Credential = audit.CredentialToken
	case callerLegacy, callerWeb:
		e.Credential = audit.CredentialLegacy
	default:
		e.Credential = audit.CredentialAnonymous
	}
	if x.session != nil {
		e.TokenID, e.OwnerID = x.session.TokenID, x.session.OwnerUserID
	}
	if err := x.h.options.Audit.Decision(e); err != nil {
		return err
	}
	x.recorded = true
	return nil
}

// complete records how the request ended.
func (x *exchange) complete(status int, sent int64) {
	if !x.recorded {
		return
	}
	x.recorded = false
	e := x.event
	e.Status, e.ResponseBytes, e.Duration = status, sent, time.Since(e.Start)
	e.RequestBytes = x.body.received
	x.h.options.Audit.Completion(e)
}
