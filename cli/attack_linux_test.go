package cli_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// target is a gateway under attack: the built binary, with a good client that goes on working. Attackers come from
// another loopback address than the good client, so that patgate can tell them apart.
type target struct {
	*running
	token  string // may read and write issues, packages and files of shop/backend/api
	issues string // path of a list that it may read
}

// attacker is the address that attacks come from.
const attacker = "127.0.0.2"

// toll is what the process holds besides memory.
type toll struct{ goroutines, files float64 }

// cheap is the toll of most attacks.
const cheap = 32 << 20

// underAttack starts a gateway with further environment variables.
func underAttack(t *testing.T, settings ...string) *target {
	t.Helper()
	return underAttackAt(t, func(*world) []string { return settings })
}

func underAttackAt(t *testing.T, settings func(*world) []string) *target {
	t.Helper()
	if testing.Short() {
		t.Skip("it takes seconds")
	}
	g := &target{running: startRunningWith(t, func(w *world) []string {
		return append([]string{"PATGATE_TIMEOUTS_UPSTREAM_IDLE=1s"}, settings(w)...)
	})}
	g.token = g.mint(t, "--name", "good", "--project", "shop/backend/api", "--allow",
		"read_work_item,create_work_item,read_project,read_job,create_package,read_package,create_commit")
	g.issues = fmt.Sprintf("/api/v4/projects/%d/issues?per_page=1", g.world.api)
	for range 200 { // warm up: buffers and pools have their usual size
		g.good(t)
	}
	return g
}

// good is a request that must always be answered.
func (g *target) good(t *testing.T) {
	t.Helper()
	if a := g.ask(); a.err != nil || a.status != http.StatusOK {
		t.Fatalf("a good request got %d %s %v\n%s", a.status, a.body, a.err, g.lastLines(5))
	}
}

func (g *target) ask() answer {
	return send("GET", g.gate+g.issues, http.Header{"Private-Token": {g.token}}, nil)
}

// during runs an attack while a good client works, and fails the test when that client was not served, when the process
// grew by more than it may, or when connections or goroutines are left over.
func (g *target) during(t *testing.T, limit int64, attack func()) {
	t.Helper()
	before := g.held(t)
	g.under(t, limit, attack)
	g.recovers(t, before)
}

// under is during without the look at what is left over.
func (g *target) under(t *testing.T, limit int64, attack func()) {
	t.Helper()
	rss := g.memory(t, "VmRSS")
	g.forgetPeak(t)
	h := newHammer(func() answer {
		time.Sleep(2 * time.Millisecond)
		return g.ask()
	})
	attack()
	h.stop()
	grown := g.memory(t, "VmHWM") - rss
	t.Logf("peak memory grew by %d KiB from %d KiB; %d good requests meanwhile", grown>>10, rss>>10, h.requests)
	if grown > limit {
		t.Errorf("memory grew by %d MiB, more than %d MiB", grown>>20, limit>>20)
	}
	if h.requests == 0 || len(h.failures) > 0 {
		t.Errorf("of %d good requests %d were not served: %s", h.requests, len(h.failures), strings.Join(h.failures[:min(3, len(h.failures))], "; "))
	}
}

// held is what the process holds now.
func (g *target) held(t *testing.T) toll {
	t.Helper()
	m := g.metrics(t)
	return toll{goroutines: m["go_goroutines"], files: m["process_open_fds"]}
}

// recovers waits until no more than before is held, but for a few idle goroutines and connections.
func (g *target) recovers(t *testing.T, before toll) {
	t.Helper()
	const idle = 10
	var now toll
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if now = g.held(t); now.goroutines <= before.goroutines+idle && now.files <= before.files+idle {
			g.good(t)
			return
		}
	}
	t.Errorf("after the attack %v goroutines and %v files are held, %v and %v before it", now.goroutines, now.files, before.goroutines, before.files)
}

// metrics reads /metrics: series to value.
func (g *target) metrics(t *testing.T) map[string]float64 {
	t.Helper()
	response, err := http.Get(g.operators + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	out := make(map[string]float64)
	for lines := bufio.NewScanner(response.Body); lines.Scan(); {
		name, value, _ := strings.Cut(lines.Text(), " ")
		if strings.HasPrefix(name, "#") {
			continue
		}
		if i := strings.LastIndexByte(lines.Text(), ' '); i > 0 {
			name, value = lines.Text()[:i], lines.Text()[i+1:]
		}
		if out[name], err = strconv.ParseFloat(value, 64); err != nil {
			t.Fatalf("metric %q: %v", lines.Text(), err)
		}
	}
	return out
}

// dial opens a connection from the attacker's address.
func (g *target) dial() (net.Conn, error) {
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(attacker)}, Timeout: patience}
	return d.Dial("tcp", strings.TrimPrefix(g.gate, "http://"))
}

// many runs attacks from n connections at once and waits for all. A connection that cannot be had is no error.
func (g *target) many(n int, attack func(i int, c net.Conn)) {
	var all sync.WaitGroup
	for i := range n {
		c, err := g.dial()
		if err != nil {
			continue
		}
		all.Go(func() {
			defer c.Close()
			_ = c.SetDeadline(time.Now().Add(2 * patience))
			attack(i, c)
		})
	}
	all.Wait()
}

// statuses counts answers.
type statuses struct {
	mu    sync.Mutex
	count map[int]int
}

// read reads one answer of a connection and counts it; 0 is no answer.
func (s *statuses) read(r *bufio.Reader) (status int) {
	response, err := http.ReadResponse(r, nil)
	if err == nil {
		status = response.StatusCode
		_, _ = io.Copy(io.Discard, response.Body)
		response.Body.Close()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.count == nil {
		s.count = make(map[int]int)
	}
	s.count[status]++
	return status
}

// only fails the test unless every answer had one of these statuses.
func (s *statuses) only(t *testing.T, wanted ...int) {
	t.Helper()
	rest := 0
	for status, n := range s.count {
		rest += n
		for _, w := range wanted {
			if w == status {
				rest -= n
			}
		}
	}
	if rest > 0 || len(s.count) == 0 {
		t.Errorf("answers %v, wanted only %v", s.count, wanted)
	}
}

// openFiles counts the files that the process has open.
func (g *target) openFiles(t *testing.T) uint64 {
	t.Helper()
	files, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", g.server.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	return uint64(len(files))
}
