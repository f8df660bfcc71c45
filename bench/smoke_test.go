//go:build linux

package main

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"patgate/bench/report"
)

// TestTheHarnessWorks runs a little of everything with the real programs. It looks at what was measured, not at how much:
// no figure of a run as short as this one means anything.
func TestTheHarnessWorks(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts every peer")
	}
	for program, install := range map[string]string{"nginx": "nginx-light", "wrk": "wrk", "haproxy": "haproxy", "caddy": "caddy"} {
		if _, err := find(program); err == nil {
			continue
		}
		if os.Getenv("PATGATE_E2E_REQUIRED") == "1" {
			t.Fatalf("%s is not here (apt-get install %s)", program, install)
		}
		if program == "nginx" || program == "wrk" {
			t.Skipf("%s is not here (apt-get install %s)", program, install)
		}
	}
	dir := t.TempDir()
	o, err := parse([]string{"-smoke", "-out", dir})
	if err != nil {
		t.Fatal(err)
	}
	if err := run(t.Context(), o, io.Discard, testWriter{t}); err != nil {
		t.Fatal(err)
	}
	r := load1(t, dir)
	part := &report.Result{Date: r.Date, Commit: r.Commit, Fairness: r.Fairness}
	before, _ := os.ReadFile(filepath.Join(dir, "latest.json"))
	name, err := part.Save(dir)
	after, _ := os.ReadFile(filepath.Join(dir, "latest.json"))
	if err != nil || !strings.HasSuffix(name, "-part") || !bytes.Equal(before, after) {
		t.Errorf("a part is saved as %s, and as the latest: %v, %v", name, !bytes.Equal(before, after), err)
	}
	for _, s := range r.Throughput {
		if len(s.Samples) != 1 || s.Samples[0].Requests < 10 || s.Samples[0].CPU <= 0 || s.Samples[0].RSS < 1<<20 {
			t.Errorf("throughput of %s: %+v", s.Name, s.Samples)
		}
	}
	if len(r.Throughput) != len(r.Peers) || len(r.Peers)+len(r.Absent) < len(peers()) || !slices.ContainsFunc(r.Throughput,
		func(s *report.Series) bool { return s.Name == report.Patgate }) {
		t.Errorf("measured: %d of %d peers; absent: %v", len(r.Throughput), len(r.Peers), r.Absent)
	}
	for _, set := range []*report.PaceSet{r.Common, r.Half} {
		for _, s := range set.Series {
			if q := s.Samples[0]; q.Requests < int(set.Rate)*9/10 || q.P50 <= 0 || q.P50 > q.P99 || q.P99 > q.P999 {
				t.Errorf("latency of %s at %.0f: %+v", s.Name, set.Rate, q)
			}
		}
	}
	if n := len(r.Targets()); n < 12 {
		t.Errorf("only %d targets are looked at", n)
	}
	if len(r.Kinds) != 2*len(report.Kinds()) {
		t.Errorf("%d rows of other kinds of requests", len(r.Kinds))
	}
	for _, s := range r.Kinds {
		if len(s.Samples) != 1 || s.Samples[0].Requests < 10 || s.Samples[0].CPU <= 0 {
			t.Errorf("%s: %+v", s.Name, s.Samples)
		}
	}
	if len(r.Scaling) != 6 || len(r.Bodies) == 0 {
		t.Errorf("scaling: %d ways, bodies: %d peers", len(r.Scaling), len(r.Bodies))
	}
	for _, b := range r.Bodies {
		if b.Up[0].MiBPerSecond <= 0 || b.Down[0].MiBPerSecond <= 0 {
			t.Errorf("bodies of %s: %+v", b.Name, b)
		}
	}
	if len(r.Fairness) != 4*len(r.Bodies) {
		t.Errorf("fairness: %d rows", len(r.Fairness))
	}
	for _, f := range r.Fairness {
		x := f.Samples[0]
		if x.Sent < 100 || len(x.Disturbing) == 0 || x.Alone.Requests == 0 || x.Most == 0 {
			t.Errorf("fairness, %s, %s: %+v", f.Disturbance, f.Peer, x)
		}
		if f.Peer == report.Patgate && x.Statuses["200"] < x.Sent*9/10 { // a share that is missing is a half or more
			t.Errorf("%s: others have %v of %d", f.Disturbance, x.Statuses, x.Sent)
		}
	}
	if f := r.Footprint; f == nil || f.StartMillis[0] <= 0 || f.RSSHot < 1<<20 || f.Reloads != 5 || f.ReloadLoad < 10 {
		t.Errorf("footprint: %+v", f)
	}
}

type testWriter struct{ t *testing.T }

func (w testWriter) Write(p []byte) (int, error) {
	w.t.Log(strings.TrimSpace(string(p)))
	return len(p), nil
}

// load1 reads the latest result of a folder, and demands that page and plot are beside it.
func load1(t *testing.T, dir string) *report.Result {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil || len(files) != 2 {
		t.Fatal(files, err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "latest.json"))
	if err != nil {
		t.Fatal(err)
	}
	r := new(report.Result)
	if err := json.Unmarshal(text, r); err != nil {
		t.Fatal(err)
	}
	for suffix, begins := range map[string]string{".md": "# Benchmark of ", ".svg": "<svg "} {
		page, err := os.ReadFile(strings.TrimSuffix(files[0], ".json") + suffix)
		if err != nil || !strings.HasPrefix(string(page), begins) {
			t.Errorf("%s: %.40q, %v", suffix, page, err)
		}
	}
	return r
}

func TestAnAnswerIsWholeWithItsBody(t *testing.T) {
	const answer = "HTTP/1.1 200 OK\r\nX: y\r\nContent-Length: 3\r\n\r\nabc"
	for n := range len(answer) {
		if whole, err := wholeAnswer([]byte(answer[:n]), false); whole || err != nil {
			t.Fatalf("%q: %v, %v", answer[:n], whole, err)
		}
	}
	if whole, err := wholeAnswer([]byte(answer), false); !whole || err != nil {
		t.Errorf("%v, %v", whole, err)
	}
	for name, bad := range map[string]string{"a failure": "HTTP/1.1 503 X\r\n\r\n", "no length": "HTTP/1.1 200 OK\r\n\r\n"} {
		if _, err := wholeAnswer([]byte(bad), false); err == nil {
			t.Errorf("%s is no error", name)
		}
	}
}
