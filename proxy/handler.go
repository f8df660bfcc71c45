package proxy

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"

	"github.com/valyala/fasthttp"

	"patgate/cache"
	"patgate/forge"
	"patgate/proxy/fast"
	"patgate/proxy/header"
	"patgate/proxy/legacy"
	"patgate/proxy/local"
	"patgate/proxy/reading"
	"patgate/proxy/reply"
	"patgate/proxy/surface"
	"patgate/proxy/surfaces"
	"patgate/proxy/wire"
	"patgate/routes"
)

// Handler serves requests. Make one with New; it is used by a Server.
type Handler struct {
	options    Options
	dialect    *surface.Dialect
	rest       surface.Surface // the REST API, in whose words is refused what could not be read
	reader     reading.Reader
	others     legacy.Rules // of requests without a patgate token
	rules      surface.Rules
	bodies     surface.BodyLimits
	forge      surface.Upstream
	forwarding surface.Forwarding
	registry   *surface.Upstream // nil: no other server than the forge is behind patgate
	storage    reply.Storage
	origins    reply.Origins
	seals      *surface.Seals
	attempts   *forge.Attempts

	exchanges sync.Pool
	loops     *wire.Loops
	front     *fast.Front
	kept      context.Context // for look-ups in a loop
	dog       *wire.Watchdog
}

// New makes a handler. The error tells which option is missing or cannot be read.
func New(o Options) (*Handler, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	o.setDefaults()
	if err := errors.Join(o.Upstream.connect(), o.Registry.connect()); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrOption, err)
	}
	h := &Handler{options: o, dialect: surface.DialectOf(o.Forge), attempts: o.Attempts, storage: reply.NewStorage(o.StorageURLs),
		seals: &surface.Seals{By: o.Sealer}, origins: reply.NewOrigins(o.Origins, local.Pages)}
	h.exchanges.New = func() any { return &exchange{} }
	h.rules = surface.Rules{Resolver: o.Resolver, Reads: o.Freshness.Reads, Writes: o.Freshness.Writes,
		Deadline: o.ResolverDeadline, ClientGone: o.Timeouts.ClientGone, AllowQuickActions: o.AllowQuickActions}
	h.bodies = surface.BodyLimits{Room: surface.NewRoom(o.Limits.BodiesMemory, o.Limits.BodiesDisk), Bytes: o.Limits.BodyBytes,
		Memory: o.Limits.BodyMemory, TempDir: o.TempDir, Wait: o.ResolverDeadline, Unkept: o.Unkept}
	h.dog = wire.NewWatchdog(&h.options.Timeouts)
	most := runtime.GOMAXPROCS(0)
	if o.withoutLoops {
		most = 0
	}
	h.loops = wire.NewLoops(most)
	h.kept = cache.WithoutLoading(context.Background())
	h.forge = h.upstream(o.Upstream)
	h.forge.Others = h.newPool(o.Upstream)
	h.rules.Addresses, h.rules.Attachments = h.forge.Links.Apart(), o.PublicURL != ""
	h.forwarding = h.newForwarding()
	if o.Registry.URL != "" {
		u := h.upstream(o.Registry)
		u.IsRegistry = true
		h.registry = &u
	}
	h.reader = reading.Reader{Dialect: h.dialect, Forge: &h.forge, Root: h.forge.Root, PublicURL: o.PublicURL, Via: o.Via,
		Proxies: reading.NewProxies(o.TrustedProxies, o.Untrusted), IDTokens: o.IDTokens}
	if public, _ := reply.ParseBase(o.PublicURL); public.Path != "" {
		h.reader.Root = public.Path
	}
	h.rest, h.reader.Surfaces = surfaces.Parts{
		Forge:         cmp.Or(o.Forge, routes.ForgeGitLab),
		Seals:         h.seals,
		Registry:      h.registry,
		WithoutSchema: o.WithoutSchema,
		Ask:           h.ask,
		Upstream:      &h.forge,
		Forwarding:    &h.forwarding,
	}.List()
	h.others = legacy.Rules{Modes: o.Modes, Organizations: h.dialect.Organizations, Surfaces: h.reader.Surfaces,
		OwnCookies: o.OwnCookies, Forwarding: &h.forwarding}
	h.front = fast.New(fast.Options{
		Gateway:    steps{h},
		Loops:      h.loops.Count(),
		Upstream:   &h.forge,
		Bodies:     &h.bodies,
		Audit:      o.Audit,
		Storage:    h.storage,
		OwnCookies: o.OwnCookies,
		OwnPages:   o.OwnPages,
		Shared:     h.origins.Any(),
	})
	go h.dog.Run()
	return h, nil
}

// Close closes the connections to the forge. Requests that still run keep theirs until they end.
func (h *Handler) Close() {
	h.forge.Patgate.Close()
	h.forge.Others.Close()
	if h.registry != nil {
		h.registry.Patgate.Close()
	}
	h.dog.Close()
	h.loops.Close()
}

// Serve handles one request. It is the server's handler.
func (h *Handler) Serve(ctx *fasthttp.RequestCtx) {
	x := h.acquire(ctx)
	defer x.recovered()
	kept := x.proceed()
	x.share()
	leave(ctx)
	if !kept {
		x.release()
	}
}

// leave has the answer say that its connection ends, while the server leaves. A tunnel goes on.
func leave(ctx *fasthttp.RequestCtx) {
	if wire.ClientOf(ctx.Conn()).Leaving() && !ctx.Hijacked() {
		ctx.SetConnectionClose()
	}
}

// share lets a page of a configured origin read the answer.
func (x *exchange) share() {
	x.h.origins.Share(&x.ctx.Response.Header, &x.ctx.Request.Header, x.request.Path)
}

// serve takes a request through its steps. kept tells that the exchange is still needed for the answer's body.
func (x *exchange) serve() (kept bool) {
	h, q, j := x.h, &x.request, &x.judgement
	if r := x.read(); r != nil {
		if r == reply.ErrMethod && x.preflight() {
			return false
		}
		return x.deny(r)
	}
	if h.isLocal(q) {
		return x.serveLocal()
	}
	if answer := forAll(q); answer != nil {
		return x.serveForAll(answer)
	}
	if !q.IsPatgate() {
		return x.serveOther()
	}
	if err := x.identify(); err != nil {
		return x.deny(err)
	}
	if err := x.body.Shed(q); err != nil {
		return x.deny(err)
	}
	if h.owns(j.Op.Route) {
		return x.serveOwned()
	}
	j.Enforced = h.probes(j.Op.Route)
	if err := j.Judge(q, &x.body); err != nil {
		if j.Unplanned && j.Enforced {
			return x.serveOwned()
		}
		return x.deny(err)
	}
	if own, is := j.Visit.(surface.Own); is {
		if answer, err := own.Answer(q, j); err != nil || answer != nil {
			return x.serveAnswer(answer, err)
		}
	}
	if err := h.rebuild(q, &x.body, j, &x.sending); err != nil {
		return x.deny(err)
	}
	if r := x.pass.Connect(); r != nil {
		return x.deny(r)
	}
	if err := x.record(); err != nil {
		return x.deny(reply.ErrAudit)
	}
	return x.forward(q.Upstream.Patgate)
}

// read reads what every request has: method, target, header block, client and credential.
func (x *exchange) read() *reply.Refusal {
	head := &x.ctx.Request.Header
	method, version := reading.MethodOf(head.Method()), reading.VersionOf(head.Protocol())
	return x.h.reader.Read(&x.request, method, head.RequestURI(), head.RawHeaders(), version)
}

// rebuild writes the upstream request.
func (h *Handler) rebuild(q *surface.Request, b *surface.Body, j *surface.Judgement, s *surface.Sending) error {
	s.Auth = q.Credential.AuthFor(j.Op.Route)
	s.WholeAnswer = j.Change().Any()
	if err := j.Visit.Rebuild(q, b, j, s); err != nil {
		return err
	}
	s.WriteHead(q, b, j, &h.forwarding)
	return nil
}

// serveAnswer records the decision and answers in the forge's place.
func (x *exchange) serveAnswer(a *surface.Answer, err error) (kept bool) {
	if err == nil {
		err = x.record()
	}
	if err != nil {
		return x.deny(err)
	}
	x.answer(a)
	return false
}

// forAll gives patgate's own answer to a request on which everybody is told the same.
func forAll(q *surface.Request) *surface.Answer {
	if s, is := q.Surface.(surface.ForAll); is {
		return s.ForAll(q)
	}
	return nil
}

// serveForAll gives such an answer. A token that is no good is told so.
func (x *exchange) serveForAll(a *surface.Answer) (kept bool) {
	if x.request.IsPatgate() {
		if r := x.authenticate(); r != nil {
			return x.deny(r)
		}
	}
	x.allowLocal()
	return x.serveAnswer(a, nil)
}

// preflight answers a browser that asks whether a page may send a request. Browsers ask in origin form alone.
func (x *exchange) preflight() (answered bool) {
	q := &x.request
	if !header.HasPrefix(q.Path, "/") || q.Fields.Repeated(header.Origin) {
		return false
	}
	fields := x.h.origins.Preflight(&x.ctx.Request.Header, q.Fields.Get(header.Origin), q.Path)
	if fields == nil {
		return false
	}
	x.allowLocal()
	x.serveAnswer(&surface.Answer{Status: fasthttp.StatusNoContent, Header: fields}, nil)
	return true
}

// expect decides on a request that waits for "100 Continue" before it sends its body. What can be known without the
// body is decided here, so that a body that would be refused is not sent. The server then reads the body and calls
// Serve, which decides again, with it.
func (h *Handler) expect(ctx *fasthttp.RequestCtx) int {
	x := h.acquire(ctx)
	defer x.recovered()
	err := x.foresee()
	if err == nil {
		x.release() // decided with the body
		return fasthttp.StatusContinue
	}
	x.deny(err)
	x.share()
	status := ctx.Response.StatusCode()
	x.release()
	return status
}

// foresee is serve up to the decision, without the body.
func (x *exchange) foresee() error {
	h, q, j := x.h, &x.request, &x.judgement
	if r := x.read(); r != nil {
		return r
	}
	switch {
	case h.isLocal(q), h.claims(q):
		return nil
	case !q.IsPatgate():
		return x.foreseeOther().OrNil()
	}
	x.pass.Foreseen = true
	if err := x.identify(); err != nil {
		return err
	}
	blind, is := j.Visit.(surface.Blind)
	if is && blind.NeedsBody() || h.owns(j.Op.Route) || j.Session.Limits != nil { // or asked, and counted, with the body
		return nil
	}
	return j.Foresee(q)
}

// recovered turns a panic into a 500. The exchange is not used again.
func (x *exchange) recovered() {
	value := recover()
	if value == nil {
		return
	}
	steps{x.h}.Panicked(value)
	x.tried()
	x.left.drop()
	x.delivery.drop()
	x.body.Release()
	x.event.Failure = reply.FailurePanic
	x.deny(reply.ErrInternal)
	x.share()
	leave(x.ctx)
	x.pass.Release()
}

// owns tells whether the row that a patgate token asks for is answered here.
func (h *Handler) owns(row *routes.Route) bool {
	l := h.options.Local
	return l != nil && row != nil && l.Owns(row)
}

// probes tells whether a row that was denied is answered here all the same.
func (h *Handler) probes(row *routes.Route) bool {
	l := h.options.Local
	return l != nil && row != nil && !h.options.ForwardProbes && l.Probes(row)
}
