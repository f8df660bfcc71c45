package storage

import (
	"context"
	"math"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"patgate/admin"
	"patgate/config"
	"patgate/store"
)

// Collectors are the metrics about the store, the tokens in it, and the nodes that share it.
func (s *Storage) Collectors() []prometheus.Collector {
	gauge := func(name, help string, value func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value)
	}
	counter := func(name, help string, value func() float64) prometheus.Collector {
		return prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help}, value)
	}
	all := []prometheus.Collector{
		gauge("patgate_nodes", "Nodes on the store that were there lately, this one included: each has its share of the limits "+
			"towards the forge.", func() float64 { return float64(s.Fleet.Nodes()) }),
		gauge("patgate_tokens_in_report_mode", "Active tokens with which all passes that their owner may do.", s.countReportMode),
		admin.TokenCollector(s.countTokens),
		counter("patgate_store_went_back_total", "How often the store's newest change had a lower number than before, "+
			"as after the failover to a database that lacks the last changes: revocations may be lost.",
			func() float64 { return float64(s.Sessions.WentBack()) }),
		counter("patgate_store_graced_total", "Times that a token was taken as it was when the store could last be reached "+
			"(store.grace).", func() float64 { return float64(s.Sessions.Graced()) }),
		gauge("patgate_store_reserve_bytes",
			"Room that is kept beside a SQLite store, so that tokens can be revoked, paused and narrowed on a full disk.",
			func() float64 { kept, _ := s.reserve(); return float64(kept) }),
		gauge("patgate_store_reserve_wanted_bytes",
			"How much room is to be kept; 0 with PostgreSQL, and where the file system cannot keep any.",
			func() float64 { _, wanted := s.reserve(); return float64(wanted) }),
	}
	for name := range kinds() {
		all = append(all, prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "patgate_store_fault",
			Help: "1 while this is wrong with the place where the store is: moved, its file was removed or replaced; " +
				"clock, its server's clock is more than 2 s from this machine's; " +
				"unreachable, its server does not answer or takes nothing; damaged, pages of it cannot be read; " +
				"full, there is no room left: tokens work, and nothing is stored " +
				"but, with SQLite, what revokes, pauses or narrows them.",
			ConstLabels: prometheus.Labels{"fault": name}}, func() float64 {
			if s.faults()[name] != nil {
				return 1
			}
			return 0
		}))
	}
	return all
}

// countReportMode counts the active tokens in report mode; NaN while the store does not answer.
func (s *Storage) countReportMode() float64 {
	if s.config.Tokens.ReportMode != config.ReportModeAllow {
		return 0
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_, total, err := s.Store.Tokens(ctx, store.Filter{Mark: store.MarkReports, Now: time.Now(), Limit: 1})
	if err != nil {
		return math.NaN()
	}
	return float64(total)
}

// countTokens counts the tokens of each state.
func (s *Storage) countTokens(ctx context.Context) (map[string]int, error) {
	counts := make(map[string]int)
	now := time.Now()
	for _, state := range []store.State{store.StateActive, store.StateExpired, store.StateRevoked, store.StatePaused} {
		_, total, err := s.Store.Tokens(ctx, store.Filter{State: state, Now: now, Limit: 1})
		if err != nil {
			return nil, err
		}
		counts[state.String()] = total
	}
	return counts, nil
}
