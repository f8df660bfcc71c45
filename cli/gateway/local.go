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

	"patgate/admin/api"
	"patgate/config"
	"patgate/proxy/local"
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

// Answer implements local.Service. Everything that patgate answers itself is an HTTP handler. The path is passed on as it stands,
// so that no handler reads it in another way.
func (l answers) Answer(ctx context.Context, r *local.Call) local.Result {
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
	asker := api.Asker{Session: r.Session, Credential: r.Credential, Origin: r.Origin}
	asker.Identified = func() { identified = true }
	asker.Passed = func() { passed = true }
	asker.Wrong = func() { wrong = true }
	handler.ServeHTTP(a, request.WithContext(api.WithAsker(ctx, asker)))
	a.header.Del("Content-Length")
	return local.Result{Status: cmp.Or(a.status, http.StatusOK), Header: a.header, Body: a.body.Bytes(),
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
