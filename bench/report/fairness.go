//go:build linux

package report

import (
	"fmt"
	"slices"
	"strings"
)

// Fairness is the rounds of one peer while one client disturbs it.
type Fairness struct {
	Disturbance string       `json:"disturbance"`
	Peer        string       `json:"peer"`
	Connections int          `json:"upstream_connections"` // that the peer may have
	Settle      float64      `json:"settle_seconds"`       // after which it was looked what was left
	Samples     []FairSample `json:"samples"`
}

// FairSample is what others met.
type FairSample struct {
	Alone      Quantiles      `json:"alone"`
	Disturbed  Quantiles      `json:"disturbed"` // of what was answered with success
	Sent       int            `json:"sent"`
	Statuses   map[string]int `json:"statuses"`   // of the others' requests
	Disturbing map[string]int `json:"disturbing"` // of those that disturb
	Most       int64          `json:"most_at_upstream"`
	Left       int64          `json:"left_at_upstream"`
}

// Names of the disturbances.
const (
	SlowDownloads = "70 slow downloads of one client"
	Hanging       = "one project hangs, 20 requests/s for it"
	HangingShard  = "many projects hang, 20 requests/s for them by four tokens"
	Abandoned     = "one project hangs, 8 requests/s for it, each abandoned after 10 ms"
)

// answered is the share of the others' requests that was answered with success.
func (s FairSample) answered() float64 { return float64(s.Statuses["200"]) / float64(max(1, s.Sent)) }

// refusals tells what the others were answered else, in all rounds.
func (f *Fairness) refusals() string {
	sums := map[string]int{}
	for _, s := range f.Samples {
		for status, n := range s.Statuses {
			sums[status] += n
		}
	}
	delete(sums, "200")
	var all []string
	for status, n := range sums {
		all = append(all, fmt.Sprintf("%d of %s", n, status))
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

// slower gives the ratios of a quantile to the same one without the disturbance, of the rounds in which anything was answered.
func (f *Fairness) slower(quantile func(Quantiles) float64) (all []float64) {
	for _, s := range f.Samples {
		if s.Disturbed.Requests > 0 && s.Alone.Requests > 0 {
			all = append(all, quantile(s.Disturbed)/quantile(s.Alone))
		}
	}
	return all
}

// fairnessTable shows what others met.
func (r *Result) fairnessTable(line func(string, ...any)) {
	if len(r.Fairness) == 0 {
		return
	}
	f := r.Fairness[0]
	line("")
	line("## Fairness: what other clients meet while one disturbs, at most %d connections to the upstream", f.Connections)
	line("")
	line("| disturbance | peer | answered, of others' requests | else | p50, ratio to alone | p99, ratio to alone | "+
		"most at the upstream | left there %.0f s after |", f.Settle)
	line("| --- | --- | ---: | --- | ---: | ---: | ---: | ---: |")
	spread := func(values []float64, format string) string {
		if len(values) == 0 {
			return "-"
		}
		return SpreadOf(values).text(format)
	}
	for _, f := range r.Fairness {
		line("| %s | %s | %s | %s | %s | %s | %s | %s |", f.Disturbance, f.Peer,
			spread(Each(f.Samples, func(s FairSample) float64 { return 100 * s.answered() }), "%.1f%%"), f.refusals(),
			spread(f.slower(func(q Quantiles) float64 { return q.P50 }), "%.2f"),
			spread(f.slower(func(q Quantiles) float64 { return q.P99 }), "%.2f"),
			spread(Each(f.Samples, func(s FairSample) float64 { return float64(s.Most) }), "%.0f"),
			spread(Each(f.Samples, func(s FairSample) float64 { return float64(s.Left) }), "%.0f"))
	}
}

// fairnessTargets are what patgate is meant to hold: nobody else is refused, and nothing is left.
func (r *Result) fairnessTargets(add func(what string, limit float64, least bool, s Spread, format string)) {
	for _, f := range r.Fairness {
		if f.Peer != Patgate {
			continue
		}
		add("others' requests that are answered, "+f.Disturbance, 1, true,
			SpreadOf(Each(f.Samples, FairSample.answered)), "%.3f")
		add("left at the upstream, "+f.Disturbance, 0, false,
			SpreadOf(Each(f.Samples, func(s FairSample) float64 { return float64(s.Left) })), "%.0f")
	}
}
