package gateway

import (
	"context"
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"patgate/admin/usage"
	"patgate/audit"
	"patgate/cli/gateway/logs"
	"patgate/cli/gateway/storage"
	"patgate/config"
	"patgate/routes"
)

// records are what is kept of requests.
type records struct {
	audit *audit.Log
	use   *usage.Use // takes events, counts what tokens are used for, and gives them to audit
}

// newRecords makes them for a store. people who read the log at a terminal are told names and commands.
func newRecords(ctx context.Context, c *config.Config, l *logs.Logs, metrics prometheus.Registerer, s *storage.Storage,
	table func() *routes.Table) (*records, error) {
	counters, err := audit.NewCounters(metrics)
	if err != nil {
		return nil, err
	}
	keep := c.Learn.Keep.Std()
	if c.Learn.Mode == config.LearnOff {
		keep = 0
	}
	if err := s.Store.SetObserving(ctx, keep, time.Now()); err != nil {
		return nil, err
	}
	r := &records{audit: l.Decisions(c.Limits.AuditQueue, counters,
		audit.PlainOptions{Name: tokenName(s.Store), Edit: editCommand(c)})}
	r.use = usage.New(usage.Options{Store: s.Store, Table: table, Next: r.audit,
		WithoutUnits: c.Learn.Mode == config.LearnOff, Keep: int(c.Learn.Keep.Std() / (24 * time.Hour)), Report: s.Report()})
	return r, nil
}

// close writes what is left of them.
func (r *records) close() error { return errors.Join(r.audit.Close(), r.use.Close()) }
