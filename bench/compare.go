//go:build linux

package main

import (
	"context"
	"fmt"
	"math"
	"slices"

	"patgate/bench/report"
)

// hotTokens is how many tokens the requests of a comparison come from.
const hotTokens = 100

// connections is how many clients a comparison has.
const connections = 32

// contestant is a peer that runs.
type contestant struct {
	peer    peer
	service *service
}

// present starts every peer that is installed; the others are noted in the result.
func (s *stage) present(ctx context.Context, r *report.Result, to target, names ...string) ([]contestant, error) {
	var running []contestant
	for _, p := range peers() {
		if len(names) > 0 && !slices.Contains(names, p.name) {
			continue
		}
		if p.program != "" {
			if _, err := find(p.program); err != nil {
				r.Lacks(fmt.Sprintf("%s: %s is not here (%s)", p.name, p.program, p.install))
				s.say("skipping %s: %s is not here (%s)", p.name, p.program, p.install)
				continue
			}
		}
		v, err := p.run(ctx, s, to)
		if err != nil {
			return running, err
		}
		s.stops = append(s.stops, v.stop)
		running = append(running, contestant{p, v})
	}
	return running, nil
}

// turns is the order in which n peers are driven in a round. Each round begins with the next peer, so that the first place of a
// round, after a pause, is not always the same peer's.
func turns(n, round int) (order []int) {
	for i := range n {
		order = append(order, (i+round)%n)
	}
	return order
}

// end stops what present started.
func end(running []contestant) {
	for _, c := range running {
		c.service.stop()
	}
}

// compare drives all peers in turn as fast as they go, and then at fixed rates.
func (s *stage) compare(ctx context.Context, o *options, r *report.Result) error {
	running, err := s.present(ctx, r, target{upstream: s.upstream, seeded: s.seeded})
	defer end(running)
	if err != nil {
		return err
	}
	for _, c := range running {
		info := report.Peer{Name: c.peer.name, Checks: c.peer.checks, Version: r.Commit}
		if c.peer.program != "" {
			info.Version = versionOf(c.peer.program)
		}
		r.Peers = append(r.Peers, info)
	}
	l := traffic{connections: connections, seconds: o.seconds, tokens: s.seeded.tokens[:min(hotTokens, len(s.seeded.tokens))]}
	warm := l
	warm.seconds = min(1, o.seconds)
	for _, c := range running {
		if _, err := s.saturate(ctx, c.service, warm); err != nil {
			return err
		}
		r.Throughput = append(r.Throughput, &report.Series{Name: c.peer.name})
	}
	for round := range o.rounds {
		s.say("throughput, round %d of %d", round+1, o.rounds)
		for _, i := range turns(len(running), round) {
			x, err := s.saturate(ctx, running[i].service, l)
			if err != nil {
				return err
			}
			r.Throughput[i].Samples = append(r.Throughput[i].Samples, x)
		}
	}
	slowest, both := math.Inf(1), math.Inf(1)
	for _, t := range r.Throughput {
		speed := report.SpreadOf(report.Each(t.Samples, func(x report.Sample) float64 { return x.PerSecond })).Median
		slowest = min(slowest, speed)
		if t.Name == report.NginxPlain || t.Name == report.Patgate {
			both = min(both, speed)
		}
	}
	if r.Common, err = s.pace(ctx, o, running, l, math.Floor(slowest/2)); err != nil {
		return err
	}
	var two []contestant
	for _, c := range running {
		if c.peer.name == report.NginxPlain || c.peer.name == report.Patgate {
			two = append(two, c)
		}
	}
	r.Half, err = s.pace(ctx, o, two, l, math.Floor(both/2))
	return err
}

// pace drives peers in turn at a fixed rate.
func (s *stage) pace(ctx context.Context, o *options, running []contestant, l traffic, rate float64) (*report.PaceSet, error) {
	set := &report.PaceSet{Rate: rate}
	for _, c := range running {
		set.Series = append(set.Series, &report.PaceSeries{Name: c.peer.name})
	}
	for round := range o.rounds {
		s.say("latency at %.0f a second, round %d of %d", rate, round+1, o.rounds)
		for _, i := range turns(len(running), round) {
			q, err := s.latency(ctx, running[i].service, l, rate)
			if err != nil {
				return set, err
			}
			set.Series[i].Samples = append(set.Series[i].Samples, q)
		}
	}
	return set, nil
}

// scale measures patgate with more processors, more connections and more hot tokens. Processors are given by GOMAXPROCS,
// so that everything else has the same machine.
func (s *stage) scale(ctx context.Context, o *options, r *report.Result) error {
	to := target{upstream: s.upstream, seeded: s.seeded}
	start := func(processors int) (*service, error) {
		t := to
		t.suffix, t.env = fmt.Sprintf("-%d", processors), []string{fmt.Sprintf("GOMAXPROCS=%d", processors)}
		v, err := startPatgate(ctx, s, t)
		if err == nil {
			s.stops = append(s.stops, v.stop)
			err = listening(v.address)
		}
		return v, err
	}
	one, err := start(1)
	if err != nil {
		return err
	}
	defer one.stop()
	two, err := start(2)
	if err != nil {
		return err
	}
	defer two.stop()
	plain, err := s.present(ctx, r, to, report.NginxPlain)
	defer end(plain)
	if err != nil {
		return err
	}
	few := s.seeded.tokens[:min(hotTokens, len(s.seeded.tokens))]
	many := s.seeded.tokens[:min(10_000, len(s.seeded.tokens))]
	type way struct {
		name, of string // the ratio is to the way of
		v        *service
		traffic  traffic
	}
	const base = "GOMAXPROCS=2, 32 connections, 100 tokens"
	ways := []way{
		{"GOMAXPROCS=1, 32 connections, 100 tokens", "", one, traffic{connections: connections, seconds: o.seconds, tokens: few}},
		{base, "GOMAXPROCS=1, 32 connections, 100 " +
			"tokens", two, traffic{connections: connections, seconds: o.seconds, tokens: few}},
		{"GOMAXPROCS=2, 512 connections, 100 tokens", base, two, traffic{connections: 512, seconds: o.seconds, tokens: few}},
		{"GOMAXPROCS=2, 32 connections, 10,000 " +
			"tokens", base, two, traffic{connections: connections, seconds: o.seconds, tokens: many}},
	}
	for _, c := range plain {
		name := c.peer.name + ", 32 connections"
		ways = append(ways, way{name, "", c.service, traffic{connections: connections, seconds: o.seconds, tokens: few}},
			way{c.peer.name + ", 512 connections", name, c.service, traffic{connections: 512, seconds: o.seconds, tokens: few}})
	}
	for _, w := range ways {
		r.Scaling = append(r.Scaling, &report.Series{Name: w.name, Of: w.of})
	}
	for round := -1; round < o.rounds; round++ { // the first is to warm up: a token's first use costs more than the next ones
		s.say("scaling, round %d of %d", round+1, o.rounds)
		for _, i := range turns(len(ways), max(0, round)) {
			x, err := s.saturate(ctx, ways[i].v, ways[i].traffic)
			if err != nil {
				return err
			}
			if round >= 0 {
				r.Scaling[i].Samples = append(r.Scaling[i].Samples, x)
			}
		}
	}
	return nil
}

// longBodies sends long bodies both ways through the peers that are made for it.
func (s *stage) longBodies(ctx context.Context, o *options, r *report.Result) error {
	address, stop, err := bodyServer(o.body)
	if err != nil {
		return err
	}
	defer stop()
	known, err := seed(ctx, s.path("data-bodies"), s.path("keys-bodies"), "http://"+address, 1)
	if err != nil {
		return err
	}
	running, err := s.present(ctx, r, target{upstream: address, seeded: known, suffix: "-bodies"}, report.NginxPlain,
		report.Patgate, report.Haproxy)
	defer end(running)
	if err != nil {
		return err
	}
	for _, c := range running {
		r.Bodies = append(r.Bodies, &report.Bodies{Name: c.peer.name, Bytes: o.body})
	}
	for round := range o.rounds {
		s.say("bodies, round %d of %d", round+1, o.rounds)
		for i, c := range running {
			up, err := s.upload(ctx, c.service, known.tokens[0], o.body)
			if err != nil {
				return fmt.Errorf("uploading: %w", err)
			}
			down, err := s.download(ctx, c.service, known.tokens[0], o.body)
			if err != nil {
				return fmt.Errorf("downloading: %w", err)
			}
			r.Bodies[i].Up, r.Bodies[i].Down = append(r.Bodies[i].Up, up), append(r.Bodies[i].Down, down)
		}
	}
	return nil
}
