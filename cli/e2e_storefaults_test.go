package cli_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// awaits waits until what operators are told satisfies what is wanted.
func (r *running) awaits(t *testing.T, path, what string, wanted func(answer) bool) {
	t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		a := send("GET", r.operators+path, nil, nil)
		if wanted(a) {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%s: not %s: %d %s\n%s", path, what, a.status, a.body, r.lastLines(5))
		}
	}
}

// faulty tells whether a fault of the store's is shown as a metric.
func (r *running) faulty(t *testing.T, fault string) bool {
	t.Helper()
	a := send("GET", r.operators+"/metrics", nil, nil)
	yes := strings.Contains(a.body, fmt.Sprintf("patgate_store_fault{fault=%q} 1\n", fault))
	if no := strings.Contains(a.body, fmt.Sprintf("patgate_store_fault{fault=%q} 0\n", fault)); yes == no {
		t.Fatalf("the metric of %s is not there: %d", fault, a.status)
	}
	return yes
}

// readyAgain waits until the server is ready and says nothing else.
func (r *running) readyAgain(t *testing.T) {
	t.Helper()
	r.awaits(t, "/readyz", "ready", func(a answer) bool { return a.status == 200 && strings.Contains(a.body, "store: ok\n") })
}

func TestADatabaseThatIsTakenAwayUnderWay(t *testing.T) {
	r := startRunning(t)
	secret := r.make(t, creation("mine", on(r.world.api, "read_project"), account("read_personal_access_token"))).Token
	project := fmt.Sprintf("/api/v4/projects/%d", r.world.api)
	r.want(t, 200, secret, "GET", project, nil)
	file := filepath.Join(r.dir, "data", "db", "patgate.db")
	for name, take := range map[string]struct{ take, giveBack func(path string) error }{
		"renamed": {
			func(path string) error { return os.Rename(path, path+".away") },
			func(path string) error { return os.Rename(path+".away", path) },
		},
		"replaced by a backup": {
			func(path string) error {
				if err := os.Rename(path, path+".away"); err != nil {
					return err
				}
				data, err := os.ReadFile(path + ".away")
				if err != nil {
					return err
				}
				return os.WriteFile(path, data, 0o600)
			},
			func(path string) error { return os.Rename(path+".away", path) },
		},
	} {
		for _, beside := range []string{"", "-wal"} {
			path := file + beside
			t.Run("patgate.db"+beside+" "+name, func(t *testing.T) {
				if err := take.take(path); err != nil {
					t.Fatal(err)
				}
				// What comes at once is refused too: nothing is acknowledged that would be lost.
				if a := r.call(t, secret, "DELETE", allTokens+"/self", nil); a.status < 300 {
					t.Errorf("a revocation was acknowledged: %d %s", a.status, a.body)
				}
				if a := r.call(t, r.world.alicePAT, "POST", userTokens, creation("lost", on(r.world.api, "read_project"))); a.status != 503 ||
					a.header.Get("Retry-After") == "" {
					t.Errorf("a creation: %d %s", a.status, a.body)
				}
				r.awaits(t, "/readyz", "unready", func(a answer) bool {
					return a.status == http.StatusServiceUnavailable && strings.Contains(a.body, path)
				})
				r.awaits(t, "/metrics", "a metric", func(answer) bool { return r.faulty(t, "moved") })
				for end := time.Now().Add(patience); r.call(t, secret, "GET", project, nil).status != 503; time.Sleep(20 * time.Millisecond) {
					if time.Now().After(end) {
						t.Fatal("what was cached is still good")
					}
				}
				r.logs(t, `"fault":"moved"`)
				if err := take.giveBack(path); err != nil {
					t.Fatal(err)
				}
				r.readyAgain(t)
				r.want(t, 200, secret, "GET", project, nil)
				r.logs(t, "the store's fault is over")
				if r.faulty(t, "moved") {
					t.Error("the metric still tells of it")
				}
			})
		}
	}
	r.want(t, 204, secret, "DELETE", allTokens+"/self", nil)
	r.want(t, 401, secret, "GET", project, nil)
}
