package proxy

import (
	"context"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/valyala/fasthttp"

	"patgate/cache"
	"patgate/forge"
	"patgate/policy"
	"patgate/proxy/loop"
	"patgate/routes"
)

// Handler serves requests. Make one with New; it is used by a Server.
type Handler struct {
	options        Options
	dialect        *dialect
	exchanges      sync.Pool
	mostLoops      int          // one for each processor
	loops          []*loop.Loop // none where there are no event loops
	stations       []*station   // by the number of the loop
	nextLoop       atomic.Uint32
	kept           context.Context // for look-ups in a loop
	patgate        *pool           // connections to the forge for patgate tokens
	others         *pool           // and for everybody else
	dog            *watchdog
	links          links
	storage        storage
	proxies        *proxies
	attempts       *forge.Attempts
	via            string           // the line of that name
	room           *room            // for bodies that are read whole
	registry       *registryBackend // nil: it is not behind patgate
	seals          seals
	proxyTokens    proxyTokens
	upstreamHost   string
	upstreamScheme string
	publicHost     string
	publicSecure   bool
}

// New makes a handler. The error tells which option is missing or cannot be read.
func New(o Options) (*Handler, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	o.setDefaults()
	h := &Handler{options: o, dialect: dialectOf(o.Forge), mostLoops: runtime.GOMAXPROCS(0),
		proxies: newProxies(o.TrustedProxies, o.Untrusted), attempts: o.Attempts, via: "Via: " + o.Via + "\r\n", links: newLinks(o.Upstream, o.PublicURL), storage: newStorage(o.StorageURLs)}
	h.exchanges.New = func() any { return &exchange{} }
	h.upstreamScheme, h.upstreamHost, _ = strings.Cut(o.Upstream.URL, "://")
	if scheme, host, ok := strings.Cut(o.PublicURL, "://"); ok {
		h.publicHost, h.publicSecure = host, scheme == "https"
	}
	h.dog = newWatchdog(o.Timeouts.shortest())
	h.kept = cache.WithoutLoading(context.Background())
	h.patgate, h.others = h.newPool(), h.newPool()
	h.dog.also = []func(int64){h.patgate.reap, h.others.reap}
	var err error
	if h.seals, err = newSeals(); err != nil {
		return nil, err
	}
	if h.registry, err = h.newRegistry(); err != nil {
		return nil, err
	}
	if h.registry != nil && !h.registry.own {
		h.dog.also = append(h.dog.also, h.registry.pool.reap)
	}
	if !o.withoutLoops {
		h.loops = newLoops(h.mostLoops)
	}
	for range h.loops {
		h.stations = append(h.stations, newStation())
	}
	go h.dog.run()
	h.room = newRoom(o.Limits.BodiesMemory, o.Limits.BodiesDisk)
	return h, nil
}

// Close closes the connections to the forge. Requests that still run keep theirs until they end.
func (h *Handler) Close() {
	h.patgate.close()
	h.others.close()
	if h.registry != nil && !h.registry.own {
		h.registry.pool.close()
	}
	h.dog.close()
	for _, l := range h.loops {
		l.Close()
	}
}

// Serve handles one request. It is the server's handler.
func (h *Handler) Serve(ctx *fasthttp.RequestCtx) {
	x := h.acquire(ctx)
	defer x.recovered()
	if kept := x.proceed(); !kept {
		x.release()
	}
}

// expect decides on a request that waits for "100 Continue" before it sends its body. What can be known without the
// body is decided here, so that a body that would be refused is not sent. The server then reads the body and calls
// Serve, which decides again, with it.
func (h *Handler) expect(ctx *fasthttp.RequestCtx) int {
	x := h.acquire(ctx)
	defer x.recovered()
	if r := x.begin(); r != nil {
		x.deny(r)
	} else if x.local() || x.claimed() {
		x.release() // decided with the body
		return fasthttp.StatusContinue
	} else if r := x.foresee(); r != nil {
		x.deny(r)
	} else {
		x.release()
		return fasthttp.StatusContinue
	}
	status := ctx.Response.StatusCode()
	x.release()
	return status
}

// recovered turns a panic into a 500. The exchange is not used again.
func (x *exchange) recovered() {
	value := recover()
	if value == nil {
		return
	}
	x.h.report(value)
	if x.upstream != nil {
		x.pool.drop(x.upstream)
	}
	x.body.release()
	x.event.Failure = failurePanic
	x.deny(refuseInternal)
}

// serve runs the request through its steps. kept tells that the exchange is still needed for the answer's body.
func (x *exchange) serve() (kept bool) {
	if r := x.begin(); r != nil {
		return x.deny(r)
	}
	if x.local() {
		if r := x.serveLocal(); r != nil {
			return x.deny(r)
		}
		return false
	}
	if x.discovers() {
		if r := x.serveDiscovery(); r != nil {
			return x.deny(r)
		}
		return false
	}
	if x.cred.caller != callerPatgate {
		return x.other()
	}
	if r := x.judge(); r != nil {
		return x.deny(r)
	}
	if x.answered {
		return false
	}
	if err := x.rebuild(); err != nil {
		return x.deny(refusalOf(err))
	}
	if err := x.record(); err != nil {
		return x.deny(refuseAudit)
	}
	return x.forward(x.poolFor(x.h.patgate))
}

// deny records a refusal and answers it. When the sink does not take it, it is answered as that.
func (x *exchange) deny(r *refusal) (kept bool) {
	if !x.recorded {
		x.event.Verdict, x.event.Reason = policy.Deny, r.reason
		if err := x.record(); err != nil {
			r = refuseAudit
		}
	}
	x.refuse(r)
	return false
}

// begin reads what every request has: method, target, header block, client and credential.
func (x *exchange) begin() *refusal {
	header := &x.ctx.Request.Header
	return x.read(methodOf(header.Method()), header.RequestURI(), header.RawHeaders(), header.Protocol())
}

// read takes the parts of a request's head. raw is the header block, from behind the request line up to and with the
// empty line.
func (x *exchange) read(method string, target, raw, protocol []byte) *refusal {
	x.method = method
	x.isHead = x.method == fasthttp.MethodHead
	x.target = target
	x.path = before(x.target, '?')
	x.fields.table, x.cred.dialect = x.h.dialect.fields, x.h.dialect
	x.surface = x.h.dialect.surface(x.path, x.table.Base())
	if problem := x.fields.parse(raw); problem != "" {
		return &refusal{status: fasthttp.StatusBadRequest, reason: "malformed_header", message: problem, close: true}
	}
	if string(protocol) != "HTTP/1.1" && string(protocol) != "HTTP/1.0" {
		return refuseVersion
	}
	if !isHost(x.fields.get(fieldHost)) || x.fields.repeated(fieldHost) {
		return refuseHost
	}
	if x.fields.has(fieldVia) && x.returned() {
		return refuseLoop
	}
	x.client, x.secure = x.h.proxies.client(x.client, x.secure, &x.fields)
	x.origin = appendClientOrigin(x.origin[:0], x.secure, x.fields.get(fieldHost))
	if x.method == "" {
		return refuseMethod
	}
	if len(x.target) == 0 || x.target[0] != '/' {
		return refuseTarget
	}
	if r := x.cred.find(&x.fields, x.target); r != nil {
		return r
	}
	return x.openSealed()
}

// methodOf gives the constant of a method that is passed on; empty for others.
func methodOf(method []byte) string {
	switch string(method) {
	case fasthttp.MethodGet:
		return fasthttp.MethodGet
	case fasthttp.MethodHead:
		return fasthttp.MethodHead
	case fasthttp.MethodPost:
		return fasthttp.MethodPost
	case fasthttp.MethodPut:
		return fasthttp.MethodPut
	case fasthttp.MethodPatch:
		return fasthttp.MethodPatch
	case fasthttp.MethodDelete:
		return fasthttp.MethodDelete
	}
	return ""
}

// judge decides a request with a patgate token: authenticate, classify, plan, read the parameters, resolve, decide.
func (x *exchange) judge() *refusal {
	if r := x.identify(); r != nil {
		return r
	}
	if x.owned() {
		return x.serveOwned()
	}
	switch {
	case x.registry.probe:
		return x.judgeProbe()
	case x.registry.auth != nil:
		r := x.judgeRegistry()
		if r == nil && x.toOwnRegistry() {
			return x.answerToken()
		}
		return r
	case x.registry.image != nil:
		return x.judgeImage()
	}
	if x.git.Batch {
		if r := x.readBatch(); r != nil {
			return r
		}
	}
	if r := x.plan(); r != nil {
		if x.probed() {
			return x.serveOwned()
		}
		return r
	}
	if err := x.readParameters(); err != nil {
		return refusalOf(err)
	}
	if err := x.resolve(); err != nil {
		return refusalOf(err)
	}
	if r := x.decide(); r != nil {
		return r
	}
	if err := x.checkTwin(); err != nil {
		return refusalOf(err)
	}
	if x.op.Route.Issues != "" {
		return x.issueOwn()
	}
	return nil
}

// foresee is judge without the body. What the body may still bring, a container that its parameters name, is left open.
func (x *exchange) foresee() *refusal {
	if x.cred.caller != callerPatgate {
		return x.refuseOther()
	}
	if r := x.identify(); r != nil || x.git.Batch || x.surface == surfaceRegistry {
		return r
	}
	if x.owned() {
		return nil
	}
	if r := x.plan(); r != nil {
		return r
	}
	if x.op.Route.Find.From == routes.FindInParam {
		return nil
	}
	if err := x.resolve(); err != nil {
		return refusalOf(err)
	}
	r := x.decide()
	if r != nil && x.decision.Reason == policy.ReasonTargetDenied && x.decision.Check < 0 {
		return nil
	}
	return r
}

func (x *exchange) classify() *refusal {
	if why := x.surface.unsupported(); why != "" {
		return refuse403("unsupported_surface", "Access denied: "+why)
	}
	if r := x.strange(); r != nil {
		return r
	}
	switch x.surface {
	case surfaceGit:
		return x.classifyGit()
	case surfaceRegistry:
		return x.classifyRegistry()
	case surfaceWeb:
		return x.classifyWeb()
	}
	if err := x.table.Classify(&x.op, x.method, x.target); err != nil {
		x.op.Route = nil
		return refusalOf(err)
	}
	return x.misused()
}

// plan denies what no container could change.
func (x *exchange) plan() *refusal {
	x.decision = policy.Plan(x.session.Grant, x.op.Route)
	x.note()
	if x.decision.Verdict != policy.Allow {
		return refusalOfDenial(&x.decision, x.op.Route)
	}
	x.set.Reset(x.op.Route, x.op.Captures())
	if err := x.set.Query(x.op.Query); err != nil {
		return refusalOf(err)
	}
	return nil
}

// decide asks the policy, unless the row alone decided.
func (x *exchange) decide() *refusal {
	if x.decision.Reason != policy.ReasonOpen {
		x.question.Route = x.op.Route
		x.askForCommands()
		x.decision = policy.Decide(x.session.Grant, &x.question)
		x.note()
		x.noteFurther()
	}
	if x.decision.Verdict != policy.Allow {
		r := refusalOfDenial(&x.decision, x.op.Route)
		switch x.decision.Reason {
		case policy.ReasonQuickAction:
			r.message = x.commandMessage()
		case policy.ReasonRef:
			r.message, r.decision = x.refMessage(), nil
		case policy.ReasonTargetDenied:
			if x.git.push != nil {
				r.message = "The push, or its options, ask for more than new commits: a merge request, or other settings of the project."
			}
		}
		return r
	}
	return nil
}

// note writes the decision into the event.
func (x *exchange) note() {
	e, d := x.event, &x.decision
	e.Verdict, e.Reason, e.Boundary, e.BoundaryID, e.Scope = d.Verdict, d.Reason.String(), d.Boundary, d.Container, d.Scope
	e.Undeclared, e.Used = x.set.Undeclared, nil
	switch {
	case d.Verdict == policy.Deny:
		e.Permission = firstName(x.table.Catalogue(), &d.Missing)
	case d.Reason == policy.ReasonGranted && x.op.Route != nil:
		e.Used = &x.op.Route.NeedSet
	}
}

// noteFurther adds to an allowed request's event what it needed besides the row's own permissions: on further containers,
// and for what its texts would have the forge do.
func (x *exchange) noteFurther() {
	if x.event.Used == nil {
		return
	}
	further := false
	for i := range x.question.Checks {
		further = further || x.question.Checks[i].Needs != nil
	}
	if !further && len(x.question.Commands) == 0 {
		return
	}
	x.used = *x.event.Used
	for i := range x.question.Checks {
		if needs := x.question.Checks[i].Needs; needs != nil {
			x.used.Union(needs)
		}
	}
	for i := range x.question.Commands {
		x.used.Union(x.question.Commands[i].Needs)
	}
	x.event.Used = &x.used
}

func firstName(c *routes.Catalogue, set *routes.PermissionSet) string {
	for i := range routes.Permission(c.Len() + 1) {
		if set.Has(i) {
			return c.Info(i).Name
		}
	}
	return ""
}
