//go:build linux

package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"patgate/bench/report"
)

// What others meet while one client disturbs is measured with so many connections to the upstream.
const fairConnections = 64

// The others send so many requests a second, and have so much patience with each.
const (
	othersRate     = 100
	othersPatience = 5 * time.Second
)

// patience is what who disturbs has, unless it leaves.
const patience = time.Minute

// disturbance is what one client does, until ctx is done.
type disturbance struct {
	name    string
	hangs   hanging
	disturb func(ctx context.Context, d *disturber)
}

// hanging is what hangs at the upstream.
type hanging int32

const (
	nothing  hanging = iota
	oneHangs         // requests for the project of the first token; what patgate asks about it is answered
	allHang          // the projects from shard on, and what is asked about them
)

// shard is the number of the first project of those that hang all together.
const shard = 1000

// disturbers is how many tokens the client has.
const disturbers = 4

func disturbances() []disturbance {
	return []disturbance{
		{report.SlowDownloads, nothing, func(ctx context.Context, d *disturber) {
			for range 70 {
				d.under.Go(func() { d.download(ctx) })
			}
			<-ctx.Done()
		}},
		{report.Hanging, oneHangs, func(ctx context.Context, d *disturber) {
			d.every(ctx, time.Second/20, patience, func(int) (string, int) { return d.tokens[0], project(0) })
		}},
		{report.HangingShard, allHang, func(ctx context.Context, d *disturber) {
			d.every(ctx, time.Second/20, patience, func(i int) (string, int) { return d.tokens[i%disturbers], shard + i })
		}},
		{report.Abandoned, oneHangs, func(ctx context.Context, d *disturber) {
			d.every(ctx, time.Second/8, 10*time.Millisecond, func(int) (string, int) { return d.tokens[0], project(0) })
		}},
	}
}

// fairness disturbs the peers in turn by one client, and watches what others meet meanwhile.
func (s *stage) fairness(ctx context.Context, o *options, r *report.Result) error {
	forge := new(slowForge)
	address, stop, err := forge.start()
	if err != nil {
		return err
	}
	defer stop()
	origin := "http://" + address
	known, err := seed(ctx, s.path("data-fairness"), s.path("keys-fairness"), origin, disturbers+1)
	if err != nil {
		return err
	}
	other, err := known.another(ctx, origin, othersOwner, othersCredential)
	if err != nil {
		return err
	}
	running, err := s.present(ctx, r, target{upstream: address, seeded: known, suffix: "-fairness", connections: fairConnections},
		report.NginxPlain, report.Patgate,
		report.Haproxy)
	defer end(running)
	if err != nil {
		return err
	}
	length := time.Duration(o.seconds * float64(time.Second))
	settle := length * 8 / 3
	all := disturbances()
	for _, d := range all {
		for _, c := range running {
			r.Fairness = append(r.Fairness, &report.Fairness{Disturbance: d.name, Peer: c.peer.name, Connections: fairConnections,
				Settle: settle.Seconds()})
		}
	}
	for round := range min(o.rounds, 3) { // each takes minutes
		for i, d := range all {
			for j, c := range running {
				s.say("fairness, %s, %s, round %d", d.name, c.peer.name, round+1)
				x, err := forge.meet(ctx, c.service, d, append(known.tokens, other), length, settle)
				if err != nil {
					return fmt.Errorf("%s, %s: %w; it said: %s", d.name, c.peer.name, err, s.tail(c.service.name))
				}
				f := r.Fairness[i*len(running)+j]
				f.Samples = append(f.Samples, x)
			}
		}
	}
	return nil
}

// meet watches the requests of all tokens but those that disturb: alone, and while these do. It waits until what disturbed
// has ended, looks what is left at the upstream, and ends that.
func (f *slowForge) meet(ctx context.Context, v *service, d disturbance, tokens []string, length, settle time.Duration) (
	x report.FairSample, err error) {
	watch := func(length time.Duration) (*tally, []time.Duration) {
		return watchOthers(ctx, v, tokens[disturbers:], length)
	}
	if _, took := watch(length / 3); len(took) == 0 { // to warm up
		return x, fmt.Errorf("nobody is answered")
	}
	_, alone := watch(length)
	x.Alone = quantiles(alone)
	f.begin(d.hangs)
	disturbing, over := context.WithCancel(ctx)
	defer over()
	one := &disturber{v: v, tokens: tokens[:disturbers], got: newTally()}
	one.under.Go(func() { d.disturb(disturbing, one) })
	time.Sleep(length / 3) // it takes what it can get
	said, took := watch(3 * length)
	over()
	one.under.Wait()
	time.Sleep(settle)
	x.Most, x.Left = f.most.Load(), f.busy.Load()
	f.begin(nothing)
	x.Disturbed, x.Sent, x.Statuses, x.Disturbing = quantiles(took), said.sum(), said.counts, one.got.counts
	return x, ctx.Err()
}

// manyProjects is for how many projects the other owner's token asks in turn: what patgate knows of them gets old meanwhile.
const manyProjects = 200

// watchOthers sends requests of two tokens in turn at a rate, whatever becomes of those before, and gives how long those took
// that were answered well. The first token is for one project, the second for all.
func watchOthers(ctx context.Context, v *service, tokens []string, length time.Duration) (said *tally, took []time.Duration) {
	said = newTally()
	client := &http.Client{Timeout: othersPatience, Transport: &http.Transport{MaxIdleConnsPerHost: othersRate}}
	defer client.CloseIdleConnections()
	var mu sync.Mutex
	var under sync.WaitGroup
	tick := time.NewTicker(time.Second / othersRate)
	defer tick.Stop()
	for i := range int(length.Seconds() * othersRate) {
		select {
		case <-tick.C:
		case <-ctx.Done():
			under.Wait()
			return said, took
		}
		n, of := i%2, project(disturbers)
		if n == 1 {
			of += 1 + i%manyProjects
		}
		under.Go(func() {
			begun := time.Now()
			status := get(ctx, client, v, tokens[n], of)
			mu.Lock()
			defer mu.Unlock()
			if said.add(status); status == http.StatusOK {
				took = append(took, time.Since(begun))
			}
		})
	}
	under.Wait()
	return said, took
}

// get asks for the jobs of a project, and gives the answer's status: 0 when there is none.
func get(ctx context.Context, client *http.Client, v *service, secret string, project int) int {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, v.origin()+pathOf(http.MethodGet, project), nil)
	if err != nil {
		return 0
	}
	r.Header.Set("Private-Token", secret)
	answer, err := client.Do(r)
	if err != nil {
		return 0
	}
	defer answer.Body.Close()
	if _, err := io.Copy(io.Discard, answer.Body); err != nil {
		return 0
	}
	return answer.StatusCode
}

// tally counts answers by their status.
type tally struct {
	mu     sync.Mutex
	counts map[string]int
}

func newTally() *tally { return &tally{counts: map[string]int{}} }

func (t *tally) add(status int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if status == 0 {
		t.counts["no answer"]++
		return
	}
	t.counts[strconv.Itoa(status)]++
}

func (t *tally) sum() (n int) {
	for _, some := range t.counts {
		n += some
	}
	return n
}

// disturber is the client that disturbs.
type disturber struct {
	v      *service
	tokens []string
	got    *tally
	under  sync.WaitGroup
}

// every sends a request each time, with the token and for the project that of names, on a connection of its own that is left open
// for so long, or until ctx is done.
func (d *disturber) every(ctx context.Context, gap, patience time.Duration, of func(i int) (secret string, project int)) {
	tick := time.NewTicker(gap)
	defer tick.Stop()
	for i := 0; ; i++ {
		secret, project := of(i)
		d.under.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, patience)
			defer cancel()
			client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
			d.got.add(get(ctx, client, d.v, secret, project))
		})
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// download reads a long answer slowly: a few KiB, over and over. One that is refused is tried again, as clients do.
func (d *disturber) download(ctx context.Context) {
	dialer := &net.Dialer{Control: func(_, _ string, c syscall.RawConn) error { // so that the system does not read ahead
		var failed error
		err := c.Control(func(fd uintptr) {
			failed = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 16<<10)
		})
		if err != nil {
			return err
		}
		return failed
	}}
	for ctx.Err() == nil {
		d.got.add(d.trickle(ctx, dialer))
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
}

// trickle is one download, and gives its status.
func (d *disturber) trickle(ctx context.Context, dialer *net.Dialer) int {
	c, err := dialer.DialContext(ctx, "tcp", d.v.address)
	if err != nil {
		return 0
	}
	defer context.AfterFunc(ctx, func() { _ = c.Close() })()
	defer c.Close()
	fmt.Fprintf(c, "GET /api/v4/projects/group%%2Fproject-%d/jobs/1/artifacts HTTP/1.1\r\nHost: %s\r\nPrivate-Token: %s\r\n"+
		"Connection: close\r\n\r\n", project(0), d.v.address, d.tokens[0])
	in := bufio.NewReaderSize(c, 4<<10)
	answer, err := http.ReadResponse(in, nil)
	if err != nil {
		return 0
	}
	for answer.StatusCode == http.StatusOK && ctx.Err() == nil {
		if _, err := io.CopyN(io.Discard, answer.Body, 4<<10); err != nil {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	return answer.StatusCode
}

// The owner of the token that is another owner's.
const (
	othersOwner      = 43
	othersCredential = "glpat-benchmark-other"
)

// slowForge is an upstream with a project that can hang.
type slowForge struct {
	hangs      atomic.Int32
	busy, most atomic.Int64
	mu         sync.Mutex
	release    chan struct{} // closed: what hangs goes on
}

// begin ends what hangs, counts anew, and has the first project hang from now on, or not.
func (f *slowForge) begin(hangs hanging) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.release != nil {
		close(f.release)
	}
	f.release = make(chan struct{})
	f.hangs.Store(int32(hangs))
	f.most.Store(0)
}

func (f *slowForge) start() (address string, stop func(), err error) {
	f.begin(nothing)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	server := &http.Server{Handler: f}
	go func() { _ = server.Serve(ln) }()
	return ln.Addr().String(), func() { _ = server.Close() }, nil
}

var ofProject = regexp.MustCompile(`^/api/v4/projects/(?:group/project-)?([0-9]+)(/.*)?$`)

// ServeHTTP answers as the other upstream does, but for what is slow.
func (f *slowForge) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n := f.busy.Add(1)
	defer f.busy.Add(-1)
	for old := f.most.Load(); n > old && !f.most.CompareAndSwap(old, n); old = f.most.Load() {
	}
	m := ofProject.FindStringSubmatch(r.URL.Path)
	switch {
	case r.URL.Path == "/api/v4/user":
		fmt.Fprint(w, ofOwner(r, ownerAnswer))
	case r.URL.Path == "/api/v4/personal_access_tokens/self":
		fmt.Fprint(w, ofOwner(r, credentialAnswer))
	case m == nil:
		http.NotFound(w, r)
	case f.holds(m[1], m[2]):
		f.mu.Lock()
		release := f.release
		f.mu.Unlock()
		select {
		case <-release:
		case <-r.Context().Done():
		}
	case m[2] == "":
		fmt.Fprint(w, strings.ReplaceAll(projectAnswer, "$1", m[1]))
	case strings.HasSuffix(m[2], "/artifacts"):
		const length = 64 << 20
		w.Header().Set("Content-Type", "application/octet-stream")
		w.Header().Set("Content-Length", strconv.Itoa(length))
		for part, left := make([]byte, 64<<10), length; left > 0; left -= len(part) {
			if _, err := w.Write(part); err != nil {
				return
			}
		}
	default:
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, fixedAnswer())
	}
}

// holds tells whether something of a project hangs.
func (f *slowForge) holds(id, rest string) bool {
	n, _ := strconv.Atoi(id)
	switch hanging(f.hangs.Load()) {
	case oneHangs:
		return n == project(0) && rest != ""
	case allHang:
		return n >= shard
	}
	return false
}

// ofOwner makes an answer about one owner that of whose credential came.
func ofOwner(r *http.Request, answer string) string {
	if r.Header.Get("Private-Token") == othersCredential || strings.HasSuffix(r.Header.Get("Authorization"), othersCredential) {
		return strings.ReplaceAll(answer, "42", strconv.Itoa(othersOwner))
	}
	return answer
}
