package cli_test

import (
	"fmt"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"patgate/store"
)

// nodesOf gives how many nodes a node counts, as its metrics say.
func nodesOf(n *node) string {
	for _, line := range strings.Split(send("GET", n.operators+"/metrics", http.Header{}, nil).body, "\n") {
		if count, is := strings.CutPrefix(line, "patgate_nodes "); is {
			return count
		}
	}
	return ""
}

// counts waits until nodes count so many, and gives how long that took.
func counts(t *testing.T, want string, nodes ...*node) time.Duration {
	t.Helper()
	began := time.Now()
	for _, n := range nodes {
		await(t, "a node counts "+want, func() bool { return nodesOf(n) == want })
	}
	return time.Since(began)
}

// TestAFleetsLimits: what may come from one client is for all nodes together, as many as there are.
func TestAFleetsLimits(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts three gateways and PostgreSQL")
	}
	const limit = 12
	more := []string{fmt.Sprint("PATGATE_LIMITS_FAILED_CREDENTIALS=", limit), "PATGATE_TRUSTED_PROXIES=127.0.0.1/32"}
	f := startFleet(t, 1, more...)
	one := f.nodes[0]
	client := 0
	// tried gives how many wrong credentials each of some nodes takes from a client that none of them has seen.
	tried := func(nodes ...*node) (all []int) {
		client++
		for at, n := range nodes {
			wrong := 0
			for ; wrong <= limit; wrong++ {
				a := send("GET", n.gate+"/api/v4/user", http.Header{"X-Forwarded-For": {fmt.Sprint("192.0.2.", client)},
					"Private-Token": {fmt.Sprintf("glpat-wrong-%d-%d-%d", client, at, wrong)}}, nil)
				if a.status == http.StatusTooManyRequests {
					break
				}
				if a.status != http.StatusUnauthorized {
					t.Fatalf("%d %s", a.status, a.body)
				}
			}
			all = append(all, wrong)
		}
		return all
	}
	share := func(want string, nodes ...*node) {
		t.Helper()
		if got := fmt.Sprint(tried(nodes...)); got != want {
			t.Errorf("nodes take %s, want %s", got, want)
		}
	}
	counts(t, "1", one)
	share("[12]", one)
	f.nodes = append(f.nodes, f.newNode(t, one.key(), more), f.newNode(t, one.key(), more))
	two, three := f.nodes[1], f.nodes[2]
	counts(t, "3", f.nodes...)
	share("[4 4 4]", f.nodes...)

	t.Run("a node is killed, another one is cut off", func(t *testing.T) {
		_ = three.stop(syscall.SIGKILL) // it says how it ended
		two.way.cut.Store(true)
		if took := counts(t, "1", one); took > store.NodeDead+3*store.NodeBeat {
			t.Errorf("it is noticed after %s", took)
		}
		share("[12]", one)
		if got := nodesOf(two); got != "3" {
			t.Errorf("the one that is cut off counts %s: what it knew last is that there are three", got)
		}
		two.way.heal()
		counts(t, "2", one, two)
		share("[6 6]", one, two)
	})
	t.Run("a node that stops is gone at once", func(t *testing.T) {
		if err := three.start(three.env, nil, three.operators); err != nil {
			t.Fatal(err)
		}
		counts(t, "3", f.nodes...)
		if err := three.stop(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		if took := counts(t, "2", one, two); took > 3*store.NodeBeat {
			t.Errorf("it is noticed after %s", took)
		}
		if err := three.start(three.env, nil, three.operators); err != nil {
			t.Fatal(err)
		}
	})
}
