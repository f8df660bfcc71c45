package gateway

import (
	"go.uber.org/zap"

	"patgate/admin/manifest"
	"patgate/cli/terminal"
	"patgate/policy"
	"patgate/routes"
	"patgate/routes/reload"
)

// mountPolicies reads the policies that the configuration names. Without all of them there is no gateway: it would allow what
// they forbid.
func (g *gateway) mountPolicies() error {
	if g.config.Policies == "" {
		return nil
	}
	var problems []routes.Problem
	g.policies, problems = manifest.Mount(g.config.Policies, g.routes.Table, g.policiesReloaded, g.config.OIDC.Issuers...)
	if len(problems) > 0 {
		return terminal.Problems(problems)
	}
	set := g.policies.Set()
	g.logs.Info("policies", zap.Int("limits", len(manifest.Of[manifest.Ceiling](set))), zap.Int("objects", len(set.Objects)),
		zap.Int("issuers", len(set.Issuers())))
	return nil
}

// ceilings gives sessions and the token service the limits in force; nil where none are configured.
func (g *gateway) ceilings() func() *policy.Ceilings {
	if g.policies == nil {
		return nil
	}
	return g.policies.Ceilings
}

// recompile reads the policies again after the route table was: which permissions their patterns stand for may have changed.
func (g *gateway) recompile(e reload.Event) {
	if len(e.Problems) == 0 && g.policies != nil {
		g.policies.Reload()
	}
}

// policiesReloaded logs and counts a reload of the policies.
func (g *gateway) policiesReloaded(objects int, problems []routes.Problem) {
	g.policyReloads.count(len(problems)+len(g.trading.Renew()) == 0) // also with problems: an issuer that is gone is gone
	if len(problems) == 0 {
		g.logs.Info("policies reloaded", zap.Int("objects", objects))
		return
	}
	for _, p := range problems {
		g.logs.Error("policies not reloaded, those before stay", zap.String("problem", p.Error()))
	}
}
