// Package trading is the part of the gateway that trades ID tokens: it keeps issuers and policies up to date with the
// configuration and with policy as code, and logs the outcome of each trade.
package trading

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"patgate/admin/manifest"
	"patgate/admin/tokens"
	"patgate/admin/trustwatch"
	"patgate/cli/opening"
	"patgate/config"
	"patgate/forge"
	"patgate/proxy/reading"
	"patgate/routes"
	"patgate/routes/reload"
	"patgate/store"
	"patgate/trust"
	"patgate/trust/direct"
	"patgate/trust/exchange"
	"patgate/trust/keys"
)

// Options are what a Desk works with. All are required.
type Options struct {
	Config *config.Config
	Table  func() *routes.Table
	// Mounted gives the files of policy as code that are in force; none where it gives nil.
	Mounted  func() *manifest.Set
	Tokens   *tokens.Service
	Store    store.Store
	Logger   *zap.Logger
	Registry prometheus.Registerer
}

// Desk trades ID tokens; nil, and one without an audience, trades none.
type Desk struct {
	o        Options
	keys     *keys.Keys
	trusts   *reload.Kept[trust.Set]
	exchange *exchange.Service
	counters exchange.Counters
	watch    *trustwatch.Service
	renewing sync.Mutex // so that what was there last is what counts
}

// New makes a desk; none where the configuration has neither trusts nor policies that could have some.
func New(o Options) (*Desk, error) {
	d, c := &Desk{o: o, counters: exchange.NewCounters(o.Registry)}, o.Config
	if len(c.OIDC.Trusts) == 0 && c.Policies == "" {
		return nil, nil
	}
	var err error
	if d.keys, err = keys.New(keys.Options{Issuers: opening.KeysOf(opening.Issuers(c, o.Mounted())),
		Report: func(issuer string, err error) {
			o.Logger.Error("keys of an issuer not read, those before stay unless it withdrew them",
				zap.String("issuer", issuer), zap.Error(err))
		}}); err != nil {
		return nil, err
	}
	if d.trusts, err = opening.Trusts(c, nil, o.Table, o.Mounted, d.reloaded); err != nil {
		return nil, err
	}
	if c.TrustAudience() == "" { // no ID token can be for patgate; a policy is a problem then
		return d, nil
	}
	d.advise(d.trusts.Current())
	d.watch = trustwatch.New(trustwatch.Options{Tokens: o.Tokens, Store: o.Store, Policies: d.trusts.Current,
		Audience: c.TrustAudience()})
	d.exchange, err = exchange.New(exchange.Options{
		Keys:        d.keys,
		Policies:    d.trusts.Current,
		Audience:    c.TrustAudience(),
		Tokens:      o.Tokens,
		Store:       o.Store,
		MaxAge:      c.OIDC.MaxTokenAge.Std(),
		MaxLifetime: c.OIDC.MaxLifetime.Std(),
		Report:      d.traded,
	})
	return d, err
}

// Exchange is what trades; nil when nothing does.
func (d *Desk) Exchange() *exchange.Service {
	if d == nil {
		return nil
	}
	return d.exchange
}

// Trusts is what people see of trusts; nil when there are none.
func (d *Desk) Trusts() *trustwatch.Service {
	if d == nil {
		return nil
	}
	return d.watch
}

// Door takes ID tokens as credentials; nil when none are traded.
func (d *Desk) Door(attempts *forge.Attempts, deadline time.Duration) reading.IDTokens {
	if d.Exchange() == nil {
		return nil
	}
	return direct.New(direct.Options{Exchange: d.exchange, Attempts: attempts, Deadline: deadline,
		Report: func(err error) { d.o.Logger.Error("ID token as a credential", zap.Error(err)) }})
}

// Renew takes over the present issuers and trusts of policy as code. An issuer that is gone goes at once, even when the trusts
// that name it stay. It gives the problems of the trusts.
func (d *Desk) Renew() []routes.Problem {
	if d == nil {
		return nil
	}
	d.renewing.Lock()
	defer d.renewing.Unlock()
	if err := d.keys.Replace(opening.KeysOf(opening.Issuers(d.o.Config, d.o.Mounted()))); err != nil {
		d.o.Logger.Error("an issuer cannot be used and is left out", zap.Error(err))
	}
	return d.trusts.Reload()
}

// Watch keeps the policies up to date with their files, until the context is done.
func (d *Desk) Watch(ctx context.Context) {
	if d != nil && d.o.Config.Routes.WatchInterval > 0 {
		go d.trusts.Watch(ctx)
	}
}

// reloaded logs a reload of the policies.
func (d *Desk) reloaded(set *trust.Set, files int, problems []routes.Problem) {
	switch {
	case len(problems) > 0:
	case len(set.All()) == 0 && len(d.o.Config.OIDC.Trusts) > 0:
		d.o.Logger.Warn("trusts reloaded, and there are none: nothing is traded any more", zap.Int("files", files))
	default:
		d.o.Logger.Info("trusts reloaded", zap.Int("trusts", len(set.All())), zap.Int("files", files))
		d.advise(set)
	}
	for _, p := range problems {
		d.o.Logger.Error("trusts not reloaded, those before stay", zap.String("problem", p.Error()))
	}
	d.watch.Refused(problems)
}

// advise logs what of policies lets through more than their authors may mean.
func (d *Desk) advise(set *trust.Set) {
	for _, line := range set.Advice() {
		d.o.Logger.Warn("trusts", zap.String("advice", line))
	}
}

// traded logs that an ID token came to be traded, and the outcome.
func (d *Desk) traded(e exchange.Event) {
	// Claims are others' words, and what was asked for is not verified: names of trusts are written where there is such a policy.
	if d.trusts.Current().Find(e.Trust) == nil {
		e.Trust = ""
	}
	d.counters.Count(e)
	d.watch.Traded(e)
	fields := []zap.Field{
		zap.String("trust", e.Trust),
		zap.Bool("direct", e.Direct),
		zap.String("issuer", e.Issuer),
		zap.Int64("token_id", e.TokenID),
		zap.String("reason", e.Reason),
		zap.String("claims", e.Claims),
		zap.String("claim", e.Claim),
	}
	if e.Err != nil {
		d.o.Logger.Error("exchange", append(fields, zap.Error(e.Err))...)
		return
	}
	d.o.Logger.Info("exchange", fields...)
}
