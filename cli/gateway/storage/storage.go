// Package storage is the store of a gateway: the open store, the sessions of tokens in front of it, this process as one of the
// nodes that share it, and a watch on its faults.
package storage

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"go.uber.org/zap"

	"patgate/admin/terms"
	"patgate/cli/gateway/logs"
	"patgate/cli/opening"
	"patgate/config"
	"patgate/fleet"
	"patgate/policy"
	"patgate/routes"
	"patgate/store"
)

// Storage is an open store.
type Storage struct {
	*opening.Opened
	// Sessions are those of patgate tokens.
	Sessions *store.Sessions
	// Fleet is how many processes share the store.
	Fleet  *fleet.Size
	config *config.Config
	logger *zap.Logger
	node   *node                            // nil: no other process shares it
	said   atomic.Pointer[map[string]error] // its faults, as they were last said
}

// Open opens the store and its keys, and makes this process known as a node. table gives the route table in force, and ceilings
// the limits of policy as code; nil without any.
func Open(ctx context.Context, c *config.Config, logger *zap.Logger, table func() *routes.Table,
	ceilings func() *policy.Ceilings) (*Storage, error) {
	opened, err := opening.Store(ctx, c)
	if err != nil {
		return nil, err
	}
	if err := opened.Writable(); err != nil {
		return nil, errors.Join(fmt.Errorf("no token could be revoked: %w", err), opened.Close())
	}
	if err := opened.KeepRoom(); err != nil {
		logger.Warn("not all of the room is kept for revocations", zap.Error(err))
	}
	s := &Storage{Opened: opened, Fleet: new(fleet.Size), config: c, logger: logger}
	s.node = join(ctx, opened.Store, s.Fleet, s.Report())
	s.Sessions, err = store.NewSessions(ctx, store.SessionOptions{
		Store: opened.Store, Keyring: opened.Keyring,
		Catalogue:  func() *routes.Catalogue { return table().Catalogue() },
		Grace:      c.Store.Grace.Std(),
		MaxEntries: int64(c.Cache.Tokens), TTL: c.Cache.TokenTTL.Std(), UnknownTTL: c.Cache.UnknownTokenTTL.Std(),
		ReportMode: reportMode(c, table),
		Ceilings:   ceilings,
		Report:     s.Report(),
	})
	if err != nil {
		s.node.leave()
		return nil, errors.Join(err, opened.Close())
	}
	return s, nil
}

// reportMode gives the sessions what passes in report mode; nil when the configuration does not allow it.
func reportMode(c *config.Config, table func() *routes.Table) func(*routes.Catalogue) (routes.PermissionSet, bool) {
	if c.Tokens.ReportMode != config.ReportModeAllow {
		return nil
	}
	return func(of *routes.Catalogue) (routes.PermissionSet, bool) {
		t := table()
		return terms.InReportMode(t), t.Catalogue() == of
	}
}

// Start watches over the store until the context is done.
func (s *Storage) Start(ctx context.Context) {
	go s.watch(ctx)
	go s.inspect(ctx)
	s.node.stay(ctx, s.Report())
}

// Close leaves the others that share the store, once the context of Start is done, and closes it.
func (s *Storage) Close() error {
	err := s.Sessions.Close()
	s.node.leave()
	return errors.Join(err, s.Opened.Close())
}

// Report logs that the store failed, once a minute while it fails in the same way. Its faults, which are logged elsewhere, are
// not logged twice.
func (s *Storage) Report() func(error) {
	var logged logs.Seldom
	return func(err error) {
		if said := s.said.Load(); said != nil {
			for name := range *said {
				if errors.Is(err, kinds()[name]) {
					return
				}
			}
		}
		if logged.Says(err.Error()) {
			s.logger.Error("store", zap.Error(err))
		}
	}
}
