package cli

import (
	"context"
	"net/http"
	"strings"

	"go.uber.org/zap"

	"patgate/admin/api"
	"patgate/admin/tokens"
	"patgate/config"
	"patgate/proxy"
	"patgate/store"
)

// local gives the gateway its token API, in the gateway's own types.
type local struct {
	*api.Handler
	// console answers below config.ConsolePath; nil when it is served elsewhere or not at all.
	console http.Handler
}

var _ proxy.Local = local{}

// Answer implements proxy.Local.
func (l local) Answer(ctx context.Context, r *proxy.LocalRequest) proxy.LocalAnswer {
	if below, ok := strings.CutPrefix(r.Path, config.ConsolePath); ok && l.console != nil && (below == "" || below[0] == '/') {
		return answerConsole(ctx, l.console, r)
	}
	a := l.Handler.Answer(ctx, &api.Request{Method: r.Method, Path: r.Path, Query: r.Query, Body: r.Body, Header: r.Header,
		Session: r.Session, Credential: r.Credential, Client: r.Client, Origin: r.Origin})
	return proxy.LocalAnswer{Status: a.Status, Header: a.Header, Body: a.Body, Pass: a.Pass, Identified: a.Identified}
}

// Revocation implements proxy.Local.
func (l local) Revocation(method string, path []byte) proxy.Revocation {
	switch bySecret, byCredential := l.Handler.Revocation(method, path); {
	case bySecret:
		return proxy.RevokesBySecret
	case byCredential:
		return proxy.RevokesByCredential
	}
	return proxy.RevokesNothing
}

// makeTokens makes the token service and its API, in which every change is in force on this node when it is answered.
func (g *gateway) makeTokens(o *opened) (err error) {
	c := g.config
	g.tokens, err = newTokens(c, o, g.resolver, g.routes.Table, func(o *tokens.Options) {
		o.Change = func(ctx context.Context, f func(context.Context, store.Store) error) error {
			return g.sessions.Change(ctx, f)
		}
		o.Record = g.recordChange
	})
	if err != nil {
		return err
	}
	g.api, err = api.New(api.Options{Tokens: g.tokens, Base: g.routes.Table().Base(), OwnPaths: g.routes.Table().Named(), Version: g.resolver.Version, Leaks: newLeaks(c),
		Report: func(err error) { g.logger.Error("token API", zap.Error(err)) }})
	return err
}

// recordChange writes what was done to a token into the log.
func (g *gateway) recordChange(c tokens.Change) {
	g.logger.Info("token", zap.String("change", c.What), zap.Int64("token_id", c.TokenID), zap.Int64("owner_id", c.OwnerID), zap.String("by", c.By),
		zap.String("reason", c.Reason), zap.Int64("other_token_id", c.Other))
}
