//go:build linux

package report

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

// BodySample is one long body through one peer.
type BodySample struct {
	MiBPerSecond float64 `json:"mib_per_second"`
	Growth       int64   `json:"rss_growth_bytes"` // the most that was seen while it ran, over what it was before
	CPU          float64 `json:"cpu_s_per_gib"`
}

// Lacks notes once what could not be measured.
func (r *Result) Lacks(what string) {
	if !slices.Contains(r.Absent, what) {
		r.Absent = append(r.Absent, what)
	}
}

// Footprint is what patgate takes with a full store, besides requests.
type Footprint struct {
	Tokens      int       `json:"tokens"`
	Hot         int       `json:"hot_tokens"`
	StartMillis []float64 `json:"start_ms"`
	RSSIdle     int64     `json:"rss_idle_bytes"`
	RSSHot      int64     `json:"rss_hot_bytes"`
	PerGrant    float64   `json:"rss_bytes_per_hot_token"`
	Reloads     int       `json:"reloads"`
	ReloadLoad  int64     `json:"requests_during_reloads"` // none of them failed
}

// Quantiles are latencies in microseconds.
type Quantiles struct {
	Requests int     `json:"requests"`
	P50      float64 `json:"p50_us"`
	P99      float64 `json:"p99_us"`
	P999     float64 `json:"p99.9_us"`
}

// Result is everything that one run measured.
type Result struct {
	Date    string   `json:"date"`
	Commit  string   `json:"commit"`
	Machine Machine  `json:"machine"`
	Rounds  int      `json:"rounds"`
	Seconds float64  `json:"seconds"`
	Tokens  int      `json:"tokens_in_store"`
	Absent  []string `json:"absent"`
	Peers   []Peer   `json:"peers"`

	Throughput []*Series   `json:"throughput,omitempty"`
	Common     *PaceSet    `json:"latency_common,omitempty"`
	Half       *PaceSet    `json:"latency_half,omitempty"`
	Scaling    []*Series   `json:"scaling,omitempty"`
	Kinds      []*Series   `json:"kinds,omitempty"`
	Bodies     []*Bodies   `json:"bodies,omitempty"`
	Footprint  *Footprint  `json:"footprint,omitempty"`
	Fairness   []*Fairness `json:"fairness,omitempty"`
}

// Machine is where it was measured.
type Machine struct {
	CPU        string `json:"cpu"`
	Processors int    `json:"processors"`
	MemoryMiB  int64  `json:"memory_mib"`
	Kernel     string `json:"kernel"`
	Go         string `json:"go"`
	LoadBefore string `json:"load_before"`
	LoadAfter  string `json:"load_after"`
}

// Peer is one of those that are compared.
type Peer struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	Checks  string `json:"checks"`
}

// Series is the rounds of one peer, or of one way to run it.
type Series struct {
	Name    string   `json:"name"`
	Of      string   `json:"ratio_to,omitempty"` // the series that its ratio is to
	Samples []Sample `json:"samples"`
}

// PaceSet is the latencies at one rate.
type PaceSet struct {
	Rate   float64       `json:"requests_per_second"`
	Series []*PaceSeries `json:"series"`
}

// PaceSeries is the rounds of one peer at a rate.
type PaceSeries struct {
	Name    string      `json:"name"`
	Samples []Quantiles `json:"samples"`
}

// Bodies is long bodies through one peer.
type Bodies struct {
	Name  string       `json:"name"`
	Bytes int64        `json:"bytes"`
	Up    []BodySample `json:"upload"`
	Down  []BodySample `json:"download"`
}

// Spread is the least, the middle and the greatest of what was measured.
type Spread struct{ min, Median, max float64 }

// SpreadOf gives the spread of values.
func SpreadOf(values []float64) Spread {
	v := slices.Clone(values)
	if len(v) == 0 {
		return Spread{}
	}
	slices.Sort(v)
	middle := v[len(v)/2]
	if len(v)%2 == 0 {
		middle = (v[len(v)/2-1] + v[len(v)/2]) / 2
	}
	return Spread{v[0], middle, v[len(v)-1]}
}

// Each picks a figure of every element.
func Each[T any](list []T, figure func(T) float64) []float64 {
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

func ratio(a, b float64) float64 { return a / b }

func difference(a, b float64) float64 { return a - b }

// DescribeMachine tells where it is measured.
func DescribeMachine() Machine {
	m := Machine{Processors: runtime.NumCPU(), Go: runtime.Version(), LoadBefore: LoadAverage()}
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

// LoadAverage gives the load averages of now.
func LoadAverage() string {
	b, _ := os.ReadFile("/proc/loadavg")
	f := strings.Fields(string(b))
	return strings.Join(f[:min(3, len(f))], " ")
}

// Commit gives the commit of the working tree, with a + when something is not committed.
func Commit() string {
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

// Save writes the result as JSON, as a page and as a plot, under a name of its own, and once more as the latest one, which
// docs/performance.md shows. Without the comparison there is no plot, and it is not the latest.
func (r *Result) Save(dir string) (string, error) {
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
	contents, files := map[string][]byte{".json": append(text, '\n'), ".md": []byte(r.Page())}, []string{name}
	if len(r.Throughput) > 0 {
		contents[".svg"], files = []byte(r.plot()), append(files, filepath.Join(dir, "latest"))
	} else {
		name += "-part"
		files[0] = name
	}
	for suffix, content := range contents {
		for _, file := range files {
			if err := os.WriteFile(file+suffix, content, 0o644); err != nil {
				return "", err
			}
		}
	}
	return name, nil
}

// Sample is one round of one peer.
type Sample struct {
	Requests  int64   `json:"requests"`
	PerSecond float64 `json:"requests_per_second"`
	CPU       float64 `json:"cpu_us_per_request"`
	RSS       int64   `json:"rss_bytes"`
}
