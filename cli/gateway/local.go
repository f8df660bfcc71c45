package gateway

import (
	"bytes"
	"cmp"
	"context"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"go.uber.org/zap"

	"patgate/admin/api"
	"patgate/admin/learning"
	"patgate/admin/tokens"
	"patgate/cli/gateway/trading"
	"patgate/cli/opening"
	"patgate/config"
	"patgate/proxy/local"
	"patgate/proxy/surface"
	"patgate/store"
)

// answers gives the gateway its token API, in the gateway's own types.
type answers struct {
	*api.Handler
	// console answers below config.ConsolePath; nil when it is served elsewhere or not at all.
	console http.Handler
	// health answers at healthPath; nil when it is not served there.
	health http.Handler
}

// healthPath is where clients, such as a balancer that reaches no other listener, may ask whether requests are served.
const healthPath = local.Prefix + "/healthz"

var _ local.Service = answers{}

// Answer implements local.Service: both of what patgate answers itself are HTTP handlers. The path is given as it stands, so
// that nobody reads it another time.
func (l answers) Answer(ctx context.Context, r *local.Request) local.Answer {
	handler := http.Handler(l.Handler)
	if below, ok := strings.CutPrefix(r.Path, config.ConsolePath); ok && l.console != nil && (below == "" || below[0] == '/') {
		handler = l.console
	}
	if l.health != nil && r.Path == healthPath {
		handler = l.health
	}
	request := &http.Request{Method: r.Method, URL: &url.URL{Path: r.Path, RawQuery: r.Query}, Header: r.Header,
		Host: r.Header.Get("Host"),
		Body: io.NopCloser(bytes.NewReader(r.Body)), RemoteAddr: netip.AddrPortFrom(r.Client, 0).String()}
	a := &localAnswer{header: http.Header{}}
	identified, passed, wrong := false, false, false
	handler.ServeHTTP(a, request.WithContext(api.WithAsker(ctx, api.Asker{Session: r.Session, Credential: r.Credential,
		Origin: r.Origin, Identified: func() { identified = true }, Passed: func() { passed = true }, Wrong: func() { wrong = true }})))
	a.header.Del("Content-Length")
	return local.Answer{Status: cmp.Or(a.status, http.StatusOK), Header: a.header, Body: a.body.Bytes(),
		Pass: passed, Identified: identified, Wrong: wrong}
}

// Revocation implements local.Service.
func (l answers) Revocation(method string, path []byte) local.Revocation {
	switch bySecret, byCredential := l.Handler.Revocation(method, path); {
	case bySecret:
		return local.RevokesBySecret
	case byCredential:
		return local.RevokesByCredential
	}
	return local.RevokesNothing
}

// localAnswer takes what a handler answers to a request that came by the gateway.
type localAnswer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

// Header implements http.ResponseWriter.
func (a *localAnswer) Header() http.Header { return a.header }

// WriteHeader implements http.ResponseWriter.
func (a *localAnswer) WriteHeader(status int) { a.status = cmp.Or(a.status, status) }

// Write implements http.ResponseWriter.
func (a *localAnswer) Write(p []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	return a.body.Write(p)
}

// makeTokens makes the token service and its API, in which every change is in force on this node when it is answered.
func (g *gateway) makeTokens(o *opening.Opened) (err error) {
	c := g.config
	g.tokens, err = opening.Tokens(c, o, g.resolver, g.routes.Table, func(o *tokens.Options) {
		o.Change = func(ctx context.Context, f func(context.Context, store.Store) error) error {
			return g.sessions.Change(ctx, f)
		}
		o.Record, o.Name, o.Ceilings = g.recordChange, g.names.Keep, g.ceilings()
		o.Report = func(err error) { g.logs.Warn("tokens", zap.Error(err)) }
	})
	if err != nil {
		return err
	}
	leaks, err := newLeaks(c)
	if err != nil {
		return err
	}
	if g.trading, err = trading.New(trading.Options{Config: c, Table: g.routes.Table, Mounted: g.policies.Set, Tokens: g.tokens,
		Store: g.store, Logger: g.logs.Logger, Registry: g.metrics}); err != nil {
		return err
	}
	g.learning = learning.New(g.tokens)
	g.api, err = api.New(api.Options{
		Tokens:    g.tokens,
		Base:      g.routes.Table().Base(),
		OwnPaths:  !surface.DialectOf(g.routes.Table().Forge()).TokenAPI,
		Version:   g.resolver.Version,
		Leaks:     leaks,
		Exchange:  g.trading.Exchange(),
		Templates: g.policies.Templates,
		Learning:  g.learning,
		Questions: opening.Questions(c, g.tokens),
		Report:    func(err error) { g.logs.Error("token API", zap.Error(err)) },
	})
	return err
}

// recordChange writes what was done to a token into the log.
func (g *gateway) recordChange(c tokens.Change) {
	g.logs.Deeds.Info("token", zap.String("change", c.What), zap.Int64("token_id", c.TokenID), zap.Int64("owner_id", c.OwnerID),
		zap.String("by", c.By), zap.String("reason", c.Reason), zap.Int64("other_token_id", c.Other))
}
