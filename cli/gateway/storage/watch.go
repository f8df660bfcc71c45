package storage

import (
	"context"
	"time"

	"go.uber.org/zap"

	"patgate/cli/gateway/logs"
	"patgate/store"
)

// looked is how often the store is asked for its faults, retried how often a write to a full store is tried, and triedFor how
// long that may take.
const (
	looked   = 250 * time.Millisecond
	retried  = 3 * time.Second
	triedFor = 2 * time.Second
)

// watch logs the beginning of a fault of the store, then once a minute while it goes on, and its end. It tries whether a full
// store has room again.
func (s *Storage) watch(ctx context.Context) {
	logged := map[string]*logs.Seldom{}
	tried := time.Now()
	tick := time.NewTicker(looked)
	defer tick.Stop()
	for {
		found := s.faults()
		s.said.Store(&found)
		for name, err := range found {
			if logged[name] == nil {
				logged[name] = new(logs.Seldom)
			}
			if logged[name].Says(name) {
				s.logger.Error("fault of the store", zap.String("fault", name), zap.Error(err))
			}
		}
		if found["full"] != nil && time.Since(tried) >= retried {
			s.retry(ctx)
			tried = time.Now()
		}
		for name := range logged {
			if found[name] == nil {
				delete(logged, name)
				s.logger.Info("the store's fault is over", zap.String("fault", name))
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// inspectedEvery is how often a part of the store is read in search of damage, until all parts have been, and inspectedAgain
// when that begins anew.
const (
	inspectedEvery = 500 * time.Millisecond
	inspectedAgain = time.Hour
)

// inspect has the store find damage in itself, from the start on. What is met otherwise has it look again at once.
func (s *Storage) inspect(ctx context.Context) {
	inspected, ok := s.Store.(store.Inspected)
	if !ok {
		return
	}
	next := time.Now()
	tick := time.NewTicker(inspectedEvery)
	defer tick.Stop()
	for {
		if inspected.Doubtful() || !time.Now().Before(next) {
			if inspected.Inspect(ctx) {
				next = time.Now().Add(inspectedAgain)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// retry has the store find out whether it has room again.
func (s *Storage) retry(ctx context.Context) {
	faulty, ok := s.Store.(store.Faulty)
	if !ok {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, triedFor)
	defer cancel()
	faulty.Retry(ctx)
}
