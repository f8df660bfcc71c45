package cli_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// running is a server in front of a stand-in forge, for tests that are no scripts.
type running struct {
	*stage
	gate      string
	operators string
	env       []string
}

// startRunning starts both; at the end of the test the server must stop cleanly, and no secret may have been written.
func startRunning(t *testing.T, flags ...string) *running {
	t.Helper()
	return startRunningWith(t, func(*world) []string { return nil }, flags...)
}

// startRunningWith is startRunning with further environment variables, which may depend on the world. {port} in them is that of the
// server.
func startRunningWith(t *testing.T, settings func(*world) []string, flags ...string) *running {
	t.Helper()
	w, err := newWorld()
	if err != nil {
		t.Fatal(err)
	}
	r := &running{stage: &stage{world: w, dir: t.TempDir()}}
	r.secret("alice's forge token", w.alicePAT)
	listen, admin, err := r.ports()
	if err != nil {
		t.Fatal(err)
	}
	r.gate, r.operators = "http://"+listen, "http://"+admin
	more := settings(w)
	_, port, _ := strings.Cut(listen, ":")
	for i := range more {
		more[i] = strings.ReplaceAll(more[i], "{port}", port)
	}
	r.env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + r.dir, "PATGATE_UPSTREAM_URL=" + w.url, "PATGATE_LISTEN=" + listen,
		"PATGATE_ADMIN_LISTEN=" + admin, "PATGATE_DATA_DIR=" + r.dir + "/data"}, more...)
	if err := r.start(r.env, flags, "http://"+admin); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.stop(syscall.SIGTERM); err != nil {
			t.Errorf("stopping the server: %v\n%s", err, r.logText())
		}
		w.close()
		if found := leaks(r.dir, r.secrets); len(found) > 0 {
			t.Errorf("secrets were written: %v", found)
		}
	})
	return r
}

// mint makes a token of alice's and gives its secret.
func (r *running) mint(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.Command("patgate", append([]string{"token", "create", "--json"}, args...)...)
	cmd.Env, cmd.Dir = append(r.env, "PATGATE_OWNER_CREDENTIAL="+r.world.alicePAT), r.dir
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("patgate token create: %v\n%s", err, stderr.String())
	}
	var made struct {
		Token string `json:"token"`
	}
	if err := json.Unmarshal(out, &made); err != nil || made.Token == "" {
		t.Fatalf("patgate token create printed no token: %v", err)
	}
	r.secret("a minted token", made.Token)
	return made.Token
}

// revoke revokes a token by its secret.
func (r *running) revoke(t *testing.T, secret string) {
	t.Helper()
	cmd := exec.Command("patgate", "token", "revoke", "--secret", "-")
	cmd.Env, cmd.Dir, cmd.Stdin = r.env, r.dir, strings.NewReader(secret+"\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

// lastLines gives the end of the server's log.
func (r *running) lastLines(n int) string {
	lines := strings.Split(strings.TrimSpace(r.logText()), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

// pastPatgate fails when the forge has got a request by another way than through patgate, which says for whom it asks, or asks by its
// own name.
func (r *running) pastPatgate(t *testing.T) {
	t.Helper()
	through := 0
	for _, q := range r.world.forge.Requests() {
		if q.Header.Get("X-Forwarded-For") != "" {
			through++
		} else if q.Header.Get("User-Agent") != "patgate" {
			t.Errorf("past patgate: %s %s by %s", q.Method, q.Target, q.Header.Get("User-Agent"))
		}
	}
	if through == 0 {
		t.Error("nothing came through patgate")
	}
}

// restart ends the gateway and starts it again on the same store.
func (r *running) restart(t *testing.T) {
	t.Helper()
	if err := r.stop(syscall.SIGTERM); err != nil {
		t.Fatalf("%v\n%s", err, r.logText())
	}
	if err := r.start(r.env, nil, r.operators); err != nil {
		t.Fatal(err)
	}
}
