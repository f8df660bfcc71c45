package cli_test

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// smallDisk mounts a file system of its own with so much room.
func smallDisk(t *testing.T, size string) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "mode=700,size="+size); err != nil {
		t.Skipf("no file system can be mounted: %v (fix: run this test as root)", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// fill leaves no room on a disk.
func fill(t *testing.T, dir string) {
	t.Helper()
	f, err := os.OpenFile(filepath.Join(dir, "filled"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for err == nil {
		_, err = f.Write(make([]byte, 4096))
	}
}

// empty makes room on it again.
func empty(t *testing.T, dir string) {
	t.Helper()
	if err := os.Remove(filepath.Join(dir, "filled")); err != nil {
		t.Fatal(err)
	}
}

func TestARevocationOnAFullDisk(t *testing.T) {
	disk := smallDisk(t, "4m")
	database := filepath.Join(disk, "patgate.db")
	r := startRunningWith(t, func(*world) []string {
		return []string{"PATGATE_STORE_DATABASE=" + database,
			"PATGATE_LIMITS_FAILED_CREDENTIALS=1000000"}
	})
	project := fmt.Sprintf("/api/v4/projects/%d", r.world.api)
	var secrets []string
	for i := range 40 {
		secrets = append(secrets, r.make(t, creation(fmt.Sprint("token ", i), on(r.world.api, "read_project"),
			account("read_personal_access_token"))).Token)
	}
	kept := secrets[39]
	refused := func() {
		t.Helper()
		if a := r.call(t, r.world.alicePAT, "POST", userTokens, creation("no room", on(r.world.api, "read_project"))); a.status != 503 ||
			a.header.Get("Retry-After") == "" {
			t.Errorf("a creation: %d %s", a.status, a.body)
		}
	}
	revoked := func(secrets []string) {
		t.Helper()
		for i, secret := range secrets {
			if a := r.call(t, secret, "DELETE", allTokens+"/self", nil); a.status != http.StatusNoContent {
				t.Fatalf("revocation %d: %d %s", i, a.status, a.body)
			}
			r.want(t, 401, secret, "GET", project, nil)
		}
		r.want(t, 200, kept, "GET", project, nil)
	}
	full := func(a answer) bool {
		return a.status == 200 && strings.Contains(a.body, "store: ok\nstore: besides: no room on the disk at "+disk)
	}

	fill(t, disk)
	for range 3 {
		refused()
		fill(t, disk)
	}
	revoked(secrets[:15])
	refused()
	r.awaits(t, "/readyz", "full", full)
	if !r.faulty(t, "full") {
		t.Error("no metric tells of it")
	}
	r.logs(t, `"fault":"full"`)
	fill(t, disk) // what was given up is filled too
	revoked(secrets[15:16])
	r.revoke(t, secrets[16]) // by another process

	// It starts on the full disk, after a crash and else, and loses nothing. A clean end gives room back.
	restart := func(sig syscall.Signal, between func()) {
		t.Helper()
		_ = r.stop(sig) // it tells that use counts could not be stored
		between()
		if err := r.start(r.env, nil, r.operators); err != nil {
			t.Fatal(err)
		}
		for _, secret := range secrets[:17] {
			r.want(t, 401, secret, "GET", project, nil)
		}
	}
	restart(syscall.SIGKILL, func() {})
	r.awaits(t, "/readyz", "full", full)
	restart(syscall.SIGTERM, func() {})
	restart(syscall.SIGTERM, func() { fill(t, disk) })
	r.awaits(t, "/readyz", "full", full)
	revoked(secrets[17:20])

	// With room all is as before, and there is something to give up again.
	empty(t, disk)
	r.awaits(t, "/readyz", "as before", func(a answer) bool { return a.status == 200 && !strings.Contains(a.body, "besides") })
	r.make(t, creation("after", on(r.world.api, "read_project")))
	if info, err := os.Stat(database + ".reserve"); err != nil || info.Size() != 1<<20 {
		t.Errorf("the reserve: %v", err)
	}
	revoked(secrets[20:21])
}

func TestAStartWhereNothingCanBeWrittenSaysWhy(t *testing.T) {
	disk := smallDisk(t, "4m")
	patgate := func(file string) string {
		cmd := exec.Command("patgate", "store", "migrate", "--database", filepath.Join(disk, file), "--data-dir", t.TempDir())
		out, _ := cmd.CombinedOutput()
		return string(out)
	}
	if out := patgate("old.db"); !strings.Contains(out, "has schema") {
		t.Fatal(out)
	}
	fill(t, disk)
	if out := patgate("new/new.db"); !strings.HasPrefix(out, "patgate: ") || !strings.Contains(out, "no room on the disk at "+disk) {
		t.Errorf("a first start on a full disk: %s", out)
	}
	if _, err := os.Stat(filepath.Join(disk, "new", "new.db")); err == nil {
		t.Error("it made half a store")
	}
	if err := syscall.Mount("", disk, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	if out := patgate("new/new.db"); !strings.HasPrefix(out, "patgate: ") || !strings.Contains(out, "read-only file system") {
		t.Errorf("a first start on a read-only file system: %s", out)
	}
	began := time.Now()
	cmd := exec.Command("patgate", "serve", "--upstream", "http://127.0.0.1:1", "--forge", "gitlab", "--listen", "127.0.0.1:0", "--admin-listen", "off",
		"--database", filepath.Join(disk, "old.db"), "--data-dir", t.TempDir())
	if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), "read-only file system at "+disk) {
		t.Errorf("a start on a read-only file system, after %s: %v %s", time.Since(began), err, out)
	}
}
