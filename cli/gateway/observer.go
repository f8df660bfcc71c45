package gateway

import (
	"crypto/sha256"
	"net/netip"

	"patgate/cli/opening"
	"patgate/config"
	"patgate/proxy/observe"
	"patgate/proxy/surface"
	"patgate/store/seal"
)

// makeObserver makes what finds out what credentials of the forge's own do, where the configuration wants that.
func (g *gateway) makeObserver(keys *seal.Keyring) (err error) {
	c := g.config
	if c.Learn.Mode != config.LearnOn || c.Legacy.Mode == config.LegacyDeny {
		return nil
	}
	if g.watched, err = opening.Observing(c, g.forgeWay, g.via, g.size); err != nil {
		return err
	}
	g.observer = observe.New(observe.Options{Table: g.routes.Table, Dialect: surface.DialectOf(c.Forge.Table()), Forge: g.watched,
		Origin: c.Upstream.URL.String(), Keeper: g.store, Observed: g.use.Observed, Panicked: g.panicked,
		Refused: func(client netip.Addr, credential []byte) {
			g.attempts.Wrong(client, g.attempts.Fingerprint(credential))
		},
		Hash: func(text []byte) [sha256.Size]byte { return keys.Active().Hash(text) }})
	return nil
}
