package cli_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"patgate/store/postgres/postgrestest"
)

// fleet is some nodes on one PostgreSQL, each of which reaches it by a way of its own.
type fleet struct {
	world   *world
	cluster *postgrestest.Cluster
	nodes   []*node
	client  *http.Client
}

// node is one patgate of a fleet.
type node struct {
	*stage
	gate, operators string
	env             []string
	way             *way
}

// fleetRole owns the fleet's database: unlike the cluster's own role it has limits.
const fleetRole = "fleet"

// startFleet starts a PostgreSQL and so many nodes; the environment may say more.
func startFleet(t testing.TB, size int, more ...string) *fleet {
	t.Helper()
	if err := postgrestest.Missing(); err != nil && os.Getenv("PATGATE_E2E_REQUIRED") != "1" {
		t.Skip(err)
	}
	f := &fleet{client: &http.Client{Timeout: patience, Transport: &http.Transport{MaxIdleConnsPerHost: 64}}}
	var err error
	if f.world, err = newWorld(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.world.close)
	if f.cluster, err = postgrestest.Start(true); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.cluster.Stop(); err != nil {
			t.Error(err)
		}
	})
	f.do(t, "CREATE ROLE "+fleetRole+" LOGIN PASSWORD '"+postgrestest.Password+"'", "CREATE DATABASE fleet OWNER "+fleetRole)
	key := make([]byte, 32)
	_, _ = rand.Read(key)
	for range size {
		f.nodes = append(f.nodes, f.newNode(t, base64.StdEncoding.EncodeToString(key), more))
	}
	return f
}

// newNode makes a node and starts it.
func (f *fleet) newNode(t testing.TB, key string, more []string) *node {
	t.Helper()
	n := &node{stage: &stage{world: f.world, dir: t.TempDir()}, way: newWay(t, f.cluster.Socket())}
	listen, operators, err := n.ports()
	if err != nil {
		t.Fatal(err)
	}
	n.gate, n.operators = "http://"+listen, "http://"+operators
	store := url.URL{Scheme: "postgres", User: url.UserPassword(fleetRole, postgrestest.Password), Host: n.way.address(),
		Path: "/fleet", RawQuery: "sslmode=disable"}
	n.env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + n.dir, "PATGATE_UPSTREAM_URL=" + f.world.url,
		"PATGATE_LISTEN=" + listen, "PATGATE_ADMIN_LISTEN=" + operators, "PATGATE_DATA_DIR=" + filepath.Join(n.dir, "data"),
		"PATGATE_STORE_URL=" + store.String(), "PATGATE_STORE_KEY=" + key, "PATGATE_LIMITS_FAILED_CREDENTIALS=1000000"}, more...)
	n.secret("the password of the store", postgrestest.Password)
	n.secret("the sealing key", key)
	n.secret("alice's forge token", f.world.alicePAT)
	if err := n.start(n.env, nil, n.operators); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if n.server != nil {
			if err := n.stop(syscall.SIGTERM); err != nil {
				t.Errorf("stopping a node: %v\n%s", err, n.logText())
			}
		}
		if t.Failed() {
			t.Logf("the log of a node ends:\n%s", tail(n.logText(), 5))
		}
		if found := leaks(n.dir, n.secrets); len(found) > 0 {
			t.Errorf("secrets were written: %v", found)
		}
	})
	return n
}

// key gives the node's sealing key.
func (n *node) key() string {
	for _, v := range n.env {
		if key, is := strings.CutPrefix(v, "PATGATE_STORE_KEY="); is {
			return key
		}
	}
	return ""
}

// do runs statements as the cluster's own role.
func (f *fleet) do(t testing.TB, statements ...string) {
	t.Helper()
	if err := f.cluster.Do(context.Background(), "postgres", statements...); err != nil {
		t.Fatal(err)
	}
}

// hangUp ends the nodes' connections at the server.
func (f *fleet) hangUp(t testing.TB) {
	t.Helper()
	f.do(t, "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = '"+fleetRole+"'")
}

// call makes a request to a node, over a connection that is kept.
func (f *fleet) call(n *node, secret, method, path string, body any) answer {
	data := []byte{}
	if body != nil {
		data, _ = json.Marshal(body)
	}
	request, err := http.NewRequest(method, n.gate+path, bytes.NewReader(data))
	if err != nil {
		return answer{err: err}
	}
	request.Header.Set("PRIVATE-TOKEN", secret)
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := f.client.Do(request)
	if err != nil {
		return answer{err: err}
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return answer{status: response.StatusCode, header: response.Header, body: string(text), err: err}
}

// mint makes a token through a node that may read issues; "" when the node does not say that it did.
func (f *fleet) mint(n *node, name string) (secret string) {
	return f.mintFor(n, name, "read_work_item")
}

// mintFor is mint with permissions.
func (f *fleet) mintFor(n *node, name string, permissions ...string) (secret string) {
	a := f.call(n, f.world.alicePAT, "POST", userTokens, creation(name, on(f.world.api, permissions...)))
	var made shown
	if a.err != nil || a.status != http.StatusCreated || json.Unmarshal([]byte(a.body), &made) != nil {
		return ""
	}
	for _, n := range f.nodes {
		n.secret("a minted token", made.Token)
	}
	return made.Token
}

// revoke revokes a token through a node by its own word, and tells whether the node says that it did.
func (f *fleet) revoke(n *node, secret string) bool {
	a := f.call(n, secret, "DELETE", allTokens+"/self", nil)
	return a.err == nil && a.status == http.StatusNoContent
}

// issues is what every token of a fleet may read, and plans what none may.
func (f *fleet) issues() string {
	return fmt.Sprintf("/api/v4/projects/%d/issues?per_page=1", f.world.api)
}
func (f *fleet) plans() string {
	return fmt.Sprintf("/api/v4/projects/%d/issues?per_page=1", f.world.plans)
}

// readiness gives what a node says of itself.
func (f *fleet) readiness(n *node) answer {
	return send("GET", n.operators+"/readyz", http.Header{}, nil)
}

func (f *fleet) ready(n *node) bool { return f.readiness(n).status == http.StatusOK }

// await waits until something holds.
func await(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(8 * patience); !holds(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it does not come to this within %s: %s", 8*patience, what)
		}
	}
}

// allReady waits until every node is, and takes changes.
func (f *fleet) allReady(t testing.TB) {
	t.Helper()
	for i, n := range f.nodes {
		await(t, fmt.Sprintf("node %d is ready", i), func() bool { return f.ready(n) })
		await(t, fmt.Sprintf("node %d takes changes", i), func() bool { return f.mint(n, "after") != "" })
	}
}

// noneReady waits until no node is.
func (f *fleet) noneReady(t testing.TB) {
	t.Helper()
	for i, n := range f.nodes {
		await(t, fmt.Sprintf("node %d is not ready", i), func() bool { return !f.ready(n) })
	}
}

// way is a network between a node and its database, which can be cut: bytes on it are lost, and nobody hears that it is so.
type way struct {
	listener net.Listener
	to       string
	cut      atomic.Bool
	mu       sync.Mutex
	open     map[net.Conn]bool
}

func newWay(t testing.TB, to string) *way {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &way{listener: l, to: to, open: map[net.Conn]bool{}}
	go w.serve()
	t.Cleanup(func() {
		_ = l.Close()
		w.heal()
	})
	return w
}

func (w *way) address() string { return w.listener.Addr().String() }

func (w *way) serve() {
	for {
		near, err := w.listener.Accept()
		if err != nil {
			return
		}
		w.keep(near)
		far, err := net.Dial("unix", w.to)
		if err != nil {
			_ = near.Close()
			continue
		}
		w.keep(far)
		go w.carry(near, far)
		go w.carry(far, near)
	}
}

func (w *way) keep(c net.Conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.open[c] = true
}

// carry takes bytes from one end to the other. On a way that was cut it keeps both ends open and gives nothing on.
func (w *way) carry(from, to net.Conn) {
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		if w.cut.Load() {
			if err != nil {
				return
			}
			continue
		}
		if err == nil {
			_, err = to.Write(buffer[:n])
		}
		if err != nil {
			_ = from.Close()
			_ = to.Close()
			return
		}
	}
}

// heal ends a cut: the connections of before it are gone.
func (w *way) heal() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for c := range w.open {
		_ = c.Close()
	}
	clear(w.open)
	w.cut.Store(false)
}

// tail gives the end of a text.
func tail(text string, lines int) string {
	all := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}
