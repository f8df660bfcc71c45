// Package rules has the rules that a gateway reads from files: the route table and policy as code. It keeps them up to date with
// their files. Files with problems leave the previous rules in force.
package rules

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"patgate/admin/manifest"
	"patgate/cli/terminal"
	"patgate/config"
	"patgate/policy"
	"patgate/routes"
	"patgate/routes/reload"
)

// Rules are the rules in force.
type Rules struct {
	// Policies are the files of policy as code; nil where the configuration names none.
	Policies *manifest.Mounted
	routes   *reload.Reloader
	interval time.Duration // between looks at the files; 0: none
	logger   *zap.Logger
	tables   *reloads
	sets     *reloads
	renew    func() []routes.Problem // problems of what is made from policies, given by Start: nothing is read again before
}

// Read reads the rules, once the kind of the forge is known. Unless all can be read, no gateway starts: it would allow what
// they forbid.
func Read(c *config.Config, logger *zap.Logger, registry prometheus.Registerer) (*Rules, error) {
	r := &Rules{
		interval: c.Routes.WatchInterval.Std(), logger: logger,
		tables: newReloads(registry, "route", "the route table", "a new table"),
		sets:   newReloads(registry, "policy", "the policies", "a new set of policies"),
	}
	var problems []routes.Problem
	r.routes, problems = reload.New(reload.Options{Table: routes.Files(c.Forge.Table()), Paths: c.Routes.Overlays,
		Interval: r.interval, Report: r.tableReloaded})
	if len(problems) > 0 {
		return nil, terminal.Problems(problems)
	}
	if c.Policies == "" {
		return r, nil
	}
	r.Policies, problems = manifest.Mount(c.Policies, r.Table, r.policiesReloaded, c.OIDC.Issuers...)
	if len(problems) > 0 {
		return nil, terminal.Problems(problems)
	}
	set := r.Policies.Set()
	logger.Info("policies", zap.Int("limits", len(manifest.Of[manifest.Ceiling](set))), zap.Int("objects", len(set.Objects)),
		zap.Int("issuers", len(set.Issuers())))
	return r, nil
}

// Table gives the route table in force.
func (r *Rules) Table() *routes.Table { return r.routes.Table() }

// Ceilings gives what tells the limits in force; nil where none are configured.
func (r *Rules) Ceilings() func() *policy.Ceilings {
	if r.Policies == nil {
		return nil
	}
	return r.Policies.Ceilings
}

// Start looks at the files until the context is done. renew is called after each reading of policies, also after one that
// failed, because an issuer that is gone must go. It gives the problems with what it makes from them.
func (r *Rules) Start(ctx context.Context, renew func() []routes.Problem) {
	r.renew = renew
	if r.interval == 0 {
		return
	}
	go r.routes.Watch(ctx)
	if r.Policies != nil {
		go r.Policies.Watch(ctx, r.interval)
	}
}

// Reload reads all files again. The outcome is logged and counted.
func (r *Rules) Reload() {
	r.routes.Reload()
	if r.Policies == nil {
		r.renew()
	} else {
		r.Policies.Reload()
	}
}

// tableReloaded logs and counts a reload of the route table. After a new table it has the policies read again, because their
// patterns may stand for other permissions now.
func (r *Rules) tableReloaded(e reload.Event) {
	r.tables.count(len(e.Problems) == 0)
	for _, p := range e.Problems {
		r.logger.Error("routes not reloaded, the table before stays", zap.String("problem", p.Error()))
	}
	if len(e.Problems) > 0 {
		return
	}
	r.logger.Info("routes reloaded", zap.Int("routes", e.Rows), zap.Int("files", e.Files))
	if r.Policies != nil {
		r.Policies.Reload()
	}
}

// policiesReloaded logs and counts a reload of the policies.
func (r *Rules) policiesReloaded(objects int, problems []routes.Problem) {
	r.sets.count(len(problems)+len(r.renew()) == 0)
	for _, p := range problems {
		r.logger.Error("policies not reloaded, those before stay", zap.String("problem", p.Error()))
	}
	if len(problems) == 0 {
		r.logger.Info("policies reloaded", zap.Int("objects", objects))
	}
}
