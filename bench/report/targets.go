//go:build linux

package report

import "fmt"

// Target is one thing that patgate is meant to hold, with what was measured.
type Target struct {
	what  string
	limit float64
	least bool // the limit is the least, not the most
	got   float64
	text  string
}

func (t *Target) held() bool { return t.least && t.got >= t.limit || !t.least && t.got <= t.limit }

// Targets compares a result with what patgate is meant to hold. Medians count; what was not measured is left out.
func (r *Result) Targets() []Target {
	var all []Target
	add := func(what string, limit float64, least bool, s Spread, format string) {
		all = append(all, Target{what, limit, least, s.Median, s.text(format)})
	}
	own := find(r.Throughput, Patgate)
	for _, t := range []struct {
		peer  string
		limit float64
	}{{NginxPlain, 1.05}, {NginxAuth, .25}, {Caddy, .25}} {
		if o := find(r.Throughput, t.peer); o != nil && own != nil {
			add("CPU per request, ratio to "+t.peer, t.limit, false, SpreadOf(pairs(own.cpu(), o.cpu(), ratio)), "%.2f")
		}
	}
	if r.Half != nil && len(r.Half.Series) == 2 {
		p50 := func(q Quantiles) float64 { return q.P50 }
		by := map[string][]float64{}
		for _, s := range r.Half.Series {
			by[s.Name] = Each(s.Samples, p50)
		}
		add("p50 at half load "+
			"over "+NginxPlain+", us", 30, false, SpreadOf(pairs(by[Patgate], by[NginxPlain], difference)), "%.0f")
		for _, s := range r.Half.Series {
			by[s.Name] = Each(s.Samples, func(q Quantiles) float64 { return q.P99 })
		}
		add("p99 at half load, ratio to "+NginxPlain, 1.5, false, SpreadOf(pairs(by[Patgate], by[NginxPlain], ratio)), "%.2f")
	}
	for _, k := range Kinds() {
		if s := find(r.Kinds, k.Of(Patgate)); s != nil {
			if of := find(r.Kinds, s.Of); of != nil {
				add("CPU per request, "+k.name+", ratio to "+NginxPlain, k.limit, false,
					SpreadOf(pairs(s.cpu(), of.cpu(), ratio)), "%.2f")
			}
		}
	}
	limits := map[string]float64{"GOMAXPROCS=2, 32 connections, 100 tokens": 1.1, "GOMAXPROCS=2, 512 connections, 100 " +
		"tokens": 1.15,
		"GOMAXPROCS=2, 32 connections, 10,000 tokens": 1.15}
	for _, s := range r.Scaling {
		if of, limit := find(r.Scaling, s.Of), limits[s.Name]; of != nil && limit > 0 {
			add("CPU per request "+
				"with "+s.Name+", ratio to "+s.Of, limit, false, SpreadOf(pairs(s.cpu(), of.cpu(), ratio)), "%.2f")
		}
	}
	speed := func(x BodySample) float64 { return x.MiBPerSecond }
	var mine, theirs *Bodies
	for _, b := range r.Bodies {
		switch b.Name {
		case Patgate:
			mine = b
		case Haproxy:
			theirs = b
		}
	}
	if mine != nil {
		if theirs != nil {
			add("upload throughput, ratio to haproxy", .9, true,
				SpreadOf(pairs(Each(mine.Up, speed), Each(theirs.Up, speed), ratio)), "%.2f")
			add("download throughput, ratio to haproxy", .9, true,
				SpreadOf(pairs(Each(mine.Down, speed), Each(theirs.Down, speed), ratio)), "%.2f")
		}
		growth := SpreadOf(Each(append(append([]BodySample(nil), mine.Up...), mine.Down...),
			func(x BodySample) float64 { return float64(x.Growth) / (1 << 20) }))
		growth.Median = growth.max
		add("RSS growth with long bodies, at most, MiB", 32, false, growth, "%.1f")
	}
	if f := r.Footprint; f != nil {
		add(fmt.Sprintf("RSS with %d tokens known and %d hot, MiB", f.Tokens, f.Hot), 150, false,
			SpreadOf([]float64{float64(f.RSSHot) / (1 << 20)}), "%.0f")
		add("start with the store, ms", 300, false, SpreadOf(f.StartMillis), "%.0f")
	}
	r.fairnessTargets(add)
	return all
}

func (r *Result) targetTable(line func(string, ...any)) {
	all := r.Targets()
	if len(all) == 0 {
		return
	}
	line("")
	line("## What it is meant to hold")
	line("")
	line("| | target | measured | held |")
	line("| --- | ---: | ---: | --- |")
	for _, t := range all {
		bound, held := "at most", "yes"
		if t.least {
			bound = "at least"
		}
		if !t.held() {
			held = "**no**"
		}
		line("| %s | %s %g | %s | %s |", t.what, bound, t.limit, t.text, held)
	}
}
