package gateway

import (
	"go.uber.org/zap"

	"patgate/routes/reload"
)

// reload reads routes, trusts, policies and certificates again.
func (g *gateway) reload() {
	g.routes.Reload() // its outcome is reported
	if g.policies == nil {
		g.trading.Renew()
	} else {
		g.policies.Reload() // which renews it too
	}
	for _, certificate := range g.renew {
		certificate.ask()
	}
}

// reloaded logs a reload of the route table.
func (g *gateway) reloaded(e reload.Event) {
	if len(e.Problems) == 0 {
		g.logs.Info("routes reloaded", zap.Int("routes", e.Rows), zap.Int("files", e.Files))
		return
	}
	for _, p := range e.Problems {
		g.logs.Error("routes not reloaded, the table before stays", zap.String("problem", p.Error()))
	}
}
