package proxy

import (
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"patgate/routes/load"
)

// Knobs of the differential test: PATGATE_DIFFERENTIAL_SEED and PATGATE_DIFFERENTIAL_COUNT.
const (
	differentialCount = 40_000
	// trialConnections is how many keep-alive connections send at a time.
	trialConnections = 8
)

// TestDifferential holds patgate to its first promise against the real libraries: whatever it forwards is routed by Grape
// to the very route that it decided on, with the ids and parameters that it checked, as the owner and nobody else.
func TestDifferential(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes minutes")
	}
	forge := startGrape(t)
	table, err := load.GitLab()
	if err != nil {
		t.Fatal(err)
	}
	c := newCorpus(t, table)
	g := newWorldGateway(t, table, world{}, forge.origin)
	seed := uint64(knob(t, "PATGATE_DIFFERENTIAL_SEED", int(time.Now().UnixNano()&0xffffff)))
	t.Logf("PATGATE_DIFFERENTIAL_SEED=%d", seed)

	t.Run("every route", func(t *testing.T) {
		before, _ := forge.count()
		tr := newTrial(c, g, forge)
		tr.baseRequests(trialConnections, seed)
		tr.report(t)
		tr.missing(t)
		tr.arrived(t, before)
	})
	t.Run("changed requests", func(t *testing.T) {
		before, _ := forge.count()
		tr := newTrial(c, g, forge)
		count := knob(t, "PATGATE_DIFFERENTIAL_COUNT", differentialCount)
		tr.mutated(count, seed)
		tr.report(t)
		tr.arrived(t, before)
		if tr.requests < count || tr.forwarded < count/20 || tr.refused < count/4 || len(tr.reasons) < 15 {
			t.Errorf("%d requests, %d forwarded, %d refused for %d reasons: too few of a kind to show anything", tr.requests, tr.forwarded, tr.refused, len(tr.reasons))
		}
	})
	t.Run("past disagreements", func(t *testing.T) { pastDisagreements(t, c, g, forge) })
	t.Run("planted disagreements", func(t *testing.T) { plantedDisagreements(t, c, forge) })
}

// mutated sends changed requests. Each connection has a seed of its own.
func (t *trial) mutated(count int, seed uint64) {
	t.run(trialConnections, func(worker int) func() *spec {
		m := &mutator{rng: rand.New(rand.NewPCG(seed, uint64(worker)+1000)), corpus: t.corpus}
		left := (count + trialConnections - 1) / trialConnections
		return func() *spec {
			if left--; left < 0 {
				return nil
			}
			return m.mutate()
		}
	})
}

// missing fails for every route that a well-formed request should have reached and did not.
func (t *trial) missing(tb testing.TB) {
	tb.Helper()
	passes := 0
	for _, p := range t.corpus.pairs {
		if !p.passes {
			continue
		}
		passes++
		row := t.corpus.rows[p.row.Method+" "+p.row.Path]
		reached := false
		for name := range row.names {
			reached = reached || t.reached[name] > 0
		}
		if !reached {
			tb.Errorf("no request reached %s (row %s): %s", p.name, p.row.Source, t.why[p.name])
		}
	}
	if passes < 1500 {
		tb.Errorf("only %d routes are open to tokens at all", passes)
	}
}

// arrived fails when the forge got more requests than were forwarded: one was sent without a decision.
func (t *trial) arrived(tb testing.TB, before int) {
	tb.Helper()
	after, err := t.forge.count()
	if err != nil {
		tb.Fatal(err)
	}
	if got := after - before; got != t.forwarded {
		tb.Errorf("the forge got %d requests, %d were forwarded", got, t.forwarded)
	}
}

func knob(t testing.TB, name string, otherwise int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}
