package gateway

import (
	"crypto/sha256"
	"net/netip"

	"patgate/cli/opening"
	"patgate/config"
	"patgate/proxy/observe"
	"patgate/proxy/surface"
)

// observed finds out what credentials of the forge's own do.
type observed struct {
	client   opening.Client    // that the observer asks
	observer *observe.Observer // nil, as is client, where the configuration does not want that
}

// newObserved begins with that.
func newObserved(p *parts) (o *observed, err error) {
	c, o := p.config, &observed{}
	if c.Learn.Mode != config.LearnOn || c.Legacy.Mode == config.LegacyDeny {
		return o, nil
	}
	if o.client, err = opening.Observing(c, p.behind.Forge, p.behind.Via, p.storage.Fleet); err != nil {
		return nil, err
	}
	o.observer = observe.New(observe.Options{
		Table:    p.rules.Table,
		Dialect:  surface.DialectOf(c.Forge.Table()),
		Forge:    o.client,
		Origin:   c.Upstream.URL.String(),
		Keeper:   p.storage.Store,
		Observed: p.records.use.Observed,
		Panicked: panicked(p.logs.Logger),
		Refused: func(client netip.Addr, credential []byte) {
			p.attempts.Wrong(client, p.attempts.Fingerprint(credential))
		},
		Hash: func(text []byte) [sha256.Size]byte { return p.storage.Keyring.Active().Hash(text) },
	})
	return o, nil
}

// close ends it.
func (o *observed) close() error {
	o.observer.Close()
	if o.client != nil {
		o.client.Close()
	}
	return nil
}
