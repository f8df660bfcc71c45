//go:build linux

package report

import (
	"fmt"
	"strings"
)

// Page writes the result as Markdown.
func (r *Result) Page() string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("# Benchmark of %s, commit %s", r.Date, r.Commit)
	line("")
	line("%s, %d processors, %d MiB, Linux %s, %s. Load average before %s, after %s.", r.Machine.CPU, r.Machine.Processors,
		r.Machine.MemoryMiB,
		r.Machine.Kernel, r.Machine.Go, r.Machine.LoadBefore, r.Machine.LoadAfter)
	line("%d rounds of %g s each, peers in turn; figures are median (least to greatest), ratios are those of a round. %d tokens "+
		"in patgate's store.", r.Rounds, r.Seconds, r.Tokens)
	for _, a := range r.Absent {
		line("")
		line("Not measured: %s.", a)
	}
	line("")
	if len(r.Peers) > 0 {
		line("| peer | version | what it does for a request |")
		line("| --- | --- | --- |")
	}
	for _, p := range r.Peers {
		line("| %s | %s | %s |", p.Name, p.Version, p.Checks)
	}
	r.targetTable(line)
	r.throughputTable(line)
	r.latencyTable(line, r.Common, "Latency at the same rate for all, half of what the slowest can do")
	r.latencyTable(line, r.Half, "Latency at half load, of the slower of these two")
	r.scalingTable(line)
	r.kindTable(line)
	r.bodyTable(line)
	r.footprintTable(line)
	r.fairnessTable(line)
	return b.String()
}

func (s Spread) text(format string) string {
	return fmt.Sprintf(format+" ("+format+" to "+format+")", s.Median, s.min, s.max)
}

func (r *Result) throughputTable(line func(string, ...any)) {
	if len(r.Throughput) == 0 {
		return
	}
	line("")
	line("## As fast as it goes: 1 KiB answers, keep-alive, 32 connections, wrk")
	line("")
	line("| peer | requests/s | CPU us per request | CPU, ratio to %s | RSS MiB |", NginxPlain)
	line("| --- | ---: | ---: | ---: | ---: |")
	base := find(r.Throughput, NginxPlain)
	for _, s := range r.Throughput {
		relative := "-"
		if base != nil {
			relative = SpreadOf(pairs(s.cpu(), base.cpu(), ratio)).text("%.2f")
		}
		line("| %s | %s | %s | %s | %.0f |", s.Name,
			SpreadOf(Each(s.Samples, func(x Sample) float64 { return x.PerSecond })).text("%.0f"),
			SpreadOf(s.cpu()).text("%.1f"), relative, float64(s.Samples[len(s.Samples)-1].RSS)/(1<<20))
	}
	own := find(r.Throughput, Patgate)
	for _, other := range []string{NginxAuth, NginxAuthKept, Caddy, Haproxy} {
		if o := find(r.Throughput, other); o != nil && own != nil {
			line("")
			line("CPU of patgate, ratio to %s: %s", other, SpreadOf(pairs(own.cpu(), o.cpu(), ratio)).text("%.2f"))
		}
	}
}

func (s *Series) cpu() []float64 { return Each(s.Samples, func(x Sample) float64 { return x.CPU }) }

func find(list []*Series, name string) *Series {
	for _, s := range list {
		if s.Name == name {
			return s
		}
	}
	return nil
}

func (r *Result) latencyTable(line func(string, ...any), set *PaceSet, title string) {
	if set == nil {
		return
	}
	line("")
	line("## %s: %.0f requests/s, 32 connections, open loop", title, set.Rate)
	line("")
	line("| peer | p50 us | p99 us | p99.9 us | p50 over %s, us |", NginxPlain)
	line("| --- | ---: | ---: | ---: | ---: |")
	var base []float64
	for _, s := range set.Series {
		if s.Name == NginxPlain {
			base = Each(s.Samples, func(q Quantiles) float64 { return q.P50 })
		}
	}
	for _, s := range set.Series {
		p50 := Each(s.Samples, func(q Quantiles) float64 { return q.P50 })
		line("| %s | %s | %s | %s | %s |", s.Name, SpreadOf(p50).text("%.0f"),
			SpreadOf(Each(s.Samples, func(q Quantiles) float64 { return q.P99 })).text("%.0f"),
			SpreadOf(Each(s.Samples, func(q Quantiles) float64 { return q.P999 })).text("%.0f"),
			SpreadOf(pairs(p50, base, difference)).text("%+.0f"))
	}
}

func (r *Result) scalingTable(line func(string, ...any)) {
	if len(r.Scaling) == 0 {
		return
	}
	line("")
	line("## More processors, connections and tokens")
	line("")
	line("| | requests/s | CPU us per request | CPU, ratio | to |")
	line("| --- | ---: | ---: | ---: | --- |")
	for _, s := range r.Scaling {
		line("| %s | %s | %s | %s | %s |", s.Name,
			SpreadOf(Each(s.Samples, func(x Sample) float64 { return x.PerSecond })).text("%.0f"),
			SpreadOf(s.cpu()).text("%.1f"), r.relative(r.Scaling, s), s.Of)
	}
}

func (r *Result) bodyTable(line func(string, ...any)) {
	if len(r.Bodies) == 0 {
		return
	}
	line("")
	line("## Bodies of %d MiB", r.Bodies[0].Bytes>>20)
	line("")
	line("| peer | upload MiB/s | download MiB/s | RSS growth MiB, at most | CPU s per GiB up | down |")
	line("| --- | ---: | ---: | ---: | ---: | ---: |")
	speed := func(x BodySample) float64 { return x.MiBPerSecond }
	cpu := func(x BodySample) float64 { return x.CPU }
	for _, s := range r.Bodies {
		growth := SpreadOf(Each(append(append([]BodySample(nil), s.Up...), s.Down...),
			func(x BodySample) float64 { return float64(x.Growth) / (1 << 20) }))
		line("| %s | %s | %s | %.1f | %s | %s |", s.Name, SpreadOf(Each(s.Up, speed)).text("%.0f"),
			SpreadOf(Each(s.Down, speed)).text("%.0f"), growth.max,
			SpreadOf(Each(s.Up, cpu)).text("%.2f"), SpreadOf(Each(s.Down, cpu)).text("%.2f"))
	}
	var own, other *Bodies
	for _, s := range r.Bodies {
		switch s.Name {
		case Patgate:
			own = s
		case Haproxy:
			other = s
		}
	}
	if own != nil && other != nil {
		line("")
		line("Throughput of patgate, ratio to haproxy: upload %s, download %s",
			SpreadOf(pairs(Each(own.Up, speed), Each(other.Up, speed), ratio)).text("%.2f"),
			SpreadOf(pairs(Each(own.Down, speed), Each(other.Down, speed), ratio)).text("%.2f"))
	}
}

func (r *Result) footprintTable(line func(string, ...any)) {
	f := r.Footprint
	if f == nil {
		return
	}
	line("")
	line("## patgate with %d tokens in SQLite", f.Tokens)
	line("")
	line("| | |")
	line("| --- | ---: |")
	line("| start, from the process to the first answer, ms | %s |", SpreadOf(f.StartMillis).text("%.0f"))
	line("| RSS after start, MiB | %.0f |", float64(f.RSSIdle)/(1<<20))
	line("| RSS with %d tokens hot, under load, MiB | %.0f |", f.Hot, float64(f.RSSHot)/(1<<20))
	line("| RSS for each further hot token, KiB | %.1f |", f.PerGrant/1024)
	line("| requests during %d reloads (SIGHUP), none failed | %d |", f.Reloads, f.ReloadLoad)
}
