package cli_test

import (
	"net/http"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

// Nobody reads the log, and the pipe to who should is full: requests are refused, for none may pass unrecorded, and SIGTERM ends the
// gateway all the same.
func TestAnUnreadLogDoesNotHoldTheEnd(t *testing.T) {
	r := startRunning(t)
	secret := r.mint(t, "--project", "shop/backend/api", "--allow", "read_project", "--name", "unread")
	listen, admin, err := r.ports()
	if err != nil {
		t.Fatal(err)
	}
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	cmd := exec.Command("patgate", "serve")
	cmd.Dir, cmd.Env = r.dir, append(r.env, "PATGATE_LISTEN="+listen, "PATGATE_ADMIN_LISTEN="+admin, "PATGATE_LIMITS_CONNECTIONS=16",
		"PATGATE_LIMITS_AUDIT_QUEUE=16")
	cmd.Stderr = writer
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	writer.Close()
	exited := make(chan error, 1)
	go func() { exited <- cmd.Wait() }()
	defer cmd.Process.Kill()
	status := func(url, token string) int {
		q, _ := http.NewRequest(http.MethodGet, url, nil)
		q.Header.Set("Private-Token", token)
		a, err := http.DefaultClient.Do(q)
		if err != nil {
			return 0
		}
		a.Body.Close()
		return a.StatusCode
	}
	reaches := func(want, times int, url, token string) { // so often, one after the other
		t.Helper()
		last, got := 0, 0
		for end := time.Now().Add(2 * patience); time.Now().Before(end); {
			if last = status(url, token); last != want {
				got = 0
				continue
			}
			if got++; got == times {
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
		t.Fatalf("%s answers %d, not %d", url, last, want)
	}
	reaches(http.StatusOK, 1, "http://"+admin+"/readyz", "")
	reaches(http.StatusOK, 1, "http://"+listen+"/api/v4/projects/shop%2Fbackend%2Fapi", secret)
	reaches(http.StatusServiceUnavailable, 200, "http://"+listen+"/api/v4/projects/shop%2Fbackend%2Fapi", secret)
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-exited:
		if err == nil {
			t.Error("it ended as if all had been logged")
		}
	case <-time.After(2 * time.Minute):
		t.Error("SIGTERM did not end it")
	}
}
