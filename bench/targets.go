//go:build linux

package main

import "fmt"

// target1 is one thing that patgate is meant to hold, with what was measured.
type target1 struct {
	what  string
	limit float64
	least bool // the limit is the least, not the most
	got   float64
	text  string
}

func (t *target1) held() bool { return t.least && t.got >= t.limit || !t.least && t.got <= t.limit }

// targetsOf compares a result with what patgate is meant to hold. Medians count; what was not measured is left out.
func (r *result) targetsOf() []target1 {
	var all []target1
	add := func(what string, limit float64, least bool, s spread, format string) {
		all = append(all, target1{what, limit, least, s.median, s.text(format)})
	}
	own := find1(r.Throughput, patgate)
	for _, t := range []struct {
		peer  string
		limit float64
	}{{nginxPlain, 1.05}, {nginxAuth, .25}, {caddy, .25}} {
		if o := find1(r.Throughput, t.peer); o != nil && own != nil {
			add("CPU per request, ratio to "+t.peer, t.limit, false, spreadOf(pairs(own.cpu(), o.cpu(), ratio)), "%.2f")
		}
	}
	if r.Half != nil && len(r.Half.Series) == 2 {
		p50 := func(q quantiles) float64 { return q.P50 }
		by := map[string][]float64{}
		for _, s := range r.Half.Series {
			by[s.Name] = each(s.Samples, p50)
		}
		add("p50 at half load over "+nginxPlain+", us", 30, false, spreadOf(pairs(by[patgate], by[nginxPlain], difference)), "%.0f")
		for _, s := range r.Half.Series {
			by[s.Name] = each(s.Samples, func(q quantiles) float64 { return q.P99 })
		}
		add("p99 at half load, ratio to "+nginxPlain, 1.5, false, spreadOf(pairs(by[patgate], by[nginxPlain], ratio)), "%.2f")
	}
	for i := range kinds {
		k := &kinds[i]
		if s := find1(r.Kinds, k.of(patgate)); s != nil {
			if of := find1(r.Kinds, s.Of); of != nil {
				add("CPU per request, "+k.name+", ratio to "+nginxPlain, k.limit, false, spreadOf(pairs(s.cpu(), of.cpu(), ratio)), "%.2f")
			}
		}
	}
	limits := map[string]float64{"GOMAXPROCS=2, 32 connections, 100 tokens": 1.1, "GOMAXPROCS=2, 512 connections, 100 tokens": 1.15,
		"GOMAXPROCS=2, 32 connections, 10,000 tokens": 1.15}
	for _, s := range r.Scaling {
		if of, limit := find1(r.Scaling, s.Of), limits[s.Name]; of != nil && limit > 0 {
			add("CPU per request with "+s.Name+", ratio to "+s.Of, limit, false, spreadOf(pairs(s.cpu(), of.cpu(), ratio)), "%.2f")
		}
	}
	speed := func(x bodySample) float64 { return x.MiBPerSecond }
	var mine, theirs *bodies
	for _, b := range r.Bodies {
		switch b.Name {
		case patgate:
			mine = b
		case haproxy:
			theirs = b
		}
	}
	if mine != nil {
		if theirs != nil {
			add("upload throughput, ratio to haproxy", .9, true,
				spreadOf(pairs(each(mine.Up, speed), each(theirs.Up, speed), ratio)), "%.2f")
			add("download throughput, ratio to haproxy", .9, true,
				spreadOf(pairs(each(mine.Down, speed), each(theirs.Down, speed), ratio)), "%.2f")
		}
		growth := spreadOf(each(append(append([]bodySample(nil), mine.Up...), mine.Down...),
			func(x bodySample) float64 { return float64(x.Growth) / (1 << 20) }))
		growth.median = growth.max
		add("RSS growth with long bodies, at most, MiB", 32, false, growth, "%.1f")
	}
	if f := r.Footprint; f != nil {
		add(fmt.Sprintf("RSS with %d tokens known and %d hot, MiB", f.Tokens, f.Hot), 150, false,
			spreadOf([]float64{float64(f.RSSHot) / (1 << 20)}), "%.0f")
		add("start with the store, ms", 300, false, spreadOf(f.StartMillis), "%.0f")
	}
	return all
}

func (r *result) targetTable(line func(string, ...any)) {
	all := r.targetsOf()
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
