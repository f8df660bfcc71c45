//go:build linux

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// result is everything that one run measured.
type result struct {
	Date    string     `json:"date"`
	Commit  string     `json:"commit"`
	Machine machine    `json:"machine"`
	Rounds  int        `json:"rounds"`
	Seconds float64    `json:"seconds"`
	Tokens  int        `json:"tokens_in_store"`
	Absent  []string   `json:"absent"`
	Peers   []peerInfo `json:"peers"`

	Throughput []*series  `json:"throughput,omitempty"`
	Common     *paceSet   `json:"latency_common,omitempty"`
	Half       *paceSet   `json:"latency_half,omitempty"`
	Scaling    []*series  `json:"scaling,omitempty"`
	Kinds      []*series  `json:"kinds,omitempty"`
	Bodies     []*bodies  `json:"bodies,omitempty"`
	Footprint  *footprint `json:"footprint,omitempty"`
}

type machine struct {
	CPU        string `json:"cpu"`
	Processors int    `json:"processors"`
	MemoryMiB  int64  `json:"memory_mib"`
	Kernel     string `json:"kernel"`
	Go         string `json:"go"`
	LoadBefore string `json:"load_before"`
	LoadAfter  string `json:"load_after"`
}

type peerInfo struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	Checks  string `json:"checks"`
}

// series is the rounds of one peer, or of one way to run it.
type series struct {
	Name    string   `json:"name"`
	Of      string   `json:"ratio_to,omitempty"` // the series that its ratio is to
	Samples []sample `json:"samples"`
}

// paceSet is the latencies at one rate.
type paceSet struct {
	Rate   float64       `json:"requests_per_second"`
	Series []*paceSeries `json:"series"`
}

type paceSeries struct {
	Name    string      `json:"name"`
	Samples []quantiles `json:"samples"`
}

// bodies is long bodies through one peer.
type bodies struct {
	Name  string       `json:"name"`
	Bytes int64        `json:"bytes"`
	Up    []bodySample `json:"upload"`
	Down  []bodySample `json:"download"`
}

// spread is the least, the middle and the greatest of what was measured.
type spread struct{ min, median, max float64 }

func spreadOf(values []float64) spread {
	v := slices.Clone(values)
	if len(v) == 0 {
		return spread{}
	}
	slices.Sort(v)
	middle := v[len(v)/2]
	if len(v)%2 == 0 {
		middle = (v[len(v)/2-1] + v[len(v)/2]) / 2
	}
	return spread{v[0], middle, v[len(v)-1]}
}

// each picks a figure of every element.
func each[T any](list []T, figure func(T) float64) []float64 {
	out := make([]float64, len(list))
	for i, x := range list {
		out[i] = figure(x)
	}
	return out
}

// pairs combines two series round by round: what was measured one after the other is compared, so that a machine whose
// speed drifts spoils less.
func pairs(a, b []float64, combine func(a, b float64) float64) []float64 {
	var out []float64
	for i := range min(len(a), len(b)) {
		out = append(out, combine(a[i], b[i]))
	}
	return out
}

func ratio(a, b float64) float64      { return a / b }
func difference(a, b float64) float64 { return a - b }

func describeMachine() machine {
	m := machine{Processors: runtime.NumCPU(), Go: runtime.Version(), LoadBefore: loadAverage()}
	info, _ := os.ReadFile("/proc/cpuinfo")
	m.CPU = field(string(info), "model name")
	memory, _ := os.ReadFile("/proc/meminfo")
	var kib int64
	_, _ = fmt.Sscanf(field(string(memory), "MemTotal"), "%d", &kib)
	m.MemoryMiB = kib / 1024
	kernel, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	m.Kernel = strings.TrimSpace(string(kernel))
	return m
}

func field(text, name string) string {
	for line := range strings.Lines(text) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

func loadAverage() string {
	b, _ := os.ReadFile("/proc/loadavg")
	f := strings.Fields(string(b))
	return strings.Join(f[:min(3, len(f))], " ")
}

// commit gives the commit of the working tree, with a + when something is not committed.
func commit() string {
	out, err := exec.Command("git", "rev-parse", "--short=12", "HEAD").Output()
	if err != nil {
		return "unknown"
	}
	id := strings.TrimSpace(string(out))
	if changes, err := exec.Command("git", "status", "--porcelain", "--untracked-files=no").Output(); err != nil ||
		len(bytes.TrimSpace(changes)) > 0 {
		id += "+"
	}
	return id
}

// versionOf gives the first line that says a version in what a program prints.
func versionOf(program string) string {
	path, err := find(program)
	if err != nil {
		return ""
	}
	for _, args := range [][]string{{"-v"}, {"version"}} {
		out, _ := exec.Command(path, args...).CombinedOutput()
		for line := range strings.Lines(string(out)) {
			if strings.ContainsAny(line, "0123456789") && !strings.Contains(line, "unknown") && !strings.Contains(line, "Usage") {
				return strings.TrimSpace(strings.TrimPrefix(strings.TrimPrefix(line, "nginx version: "), "HAProxy version "))
			}
		}
	}
	return ""
}

// save writes the result as JSON, as a page and as a plot, under a name of its own, and once more as the latest one, which
// docs/performance.md shows.
func (r *result) save(dir string) (string, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	at, err := time.Parse(time.RFC3339, r.Date)
	if err != nil {
		return "", err
	}
	name := filepath.Join(dir, at.Format("2006-01-02")+"-"+strings.TrimSuffix(r.Commit, "+"))
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return "", err
	}
	for suffix, content := range map[string][]byte{".json": append(text, '\n'), ".md": []byte(r.page()), ".svg": []byte(r.plot())} {
		for _, file := range []string{name, filepath.Join(dir, "latest")} {
			if err := os.WriteFile(file+suffix, content, 0o644); err != nil {
				return "", err
			}
		}
	}
	return name, nil
}
