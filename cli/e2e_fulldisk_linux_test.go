package cli_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"patgate/store/storetest"
)

// On a full disk tokens work and can be revoked, everything else that is refused says why, and it is over by itself when there is
// room. A gateway that is killed starts there again, and what was revoked stays revoked.
func TestAGatewayOnAFullDisk(t *testing.T) {
	disk := storetest.SmallDisk(t, 24<<20)
	r := startRunningWith(t, func(*world) []string { return []string{"PATGATE_DATA_DIR=" + disk} })
	project := fmt.Sprintf("/api/v4/projects/%d", r.world.api)
	var all []shown
	for i := range 5 {
		all = append(all, r.make(t, creation(fmt.Sprint("t", i), on(r.world.api, "read_project"), account("read_personal_access_token"))))
	}
	neighbour := storetest.FillDisk(t, disk)
	var refused answer
	for i := 0; refused.status != 507; i++ {
		refused = r.call(t, r.world.alicePAT, "POST", userTokens, creation("more", on(r.world.api, "read_project")))
		if refused.status != 507 && refused.status != 201 || i > 2000 {
			t.Fatalf("a creation: %d %s", refused.status, refused.body)
		}
		if refused.status == 201 {
			r.secret("another token", parseShown(t, []byte(refused.body)).Token)
		}
	}
	if !strings.Contains(refused.body, `"error":"insufficient_storage"`) || strings.Contains(refused.body, disk) {
		t.Errorf("the refusal says %s", refused.body)
	}
	r.awaits(t, "/readyz", "limited", func(a answer) bool {
		return a.status == 200 && strings.Contains(a.body, "store: ok, but there is no room") && strings.Contains(a.body, disk) &&
			strings.Contains(a.body, "nothing is stored except what revokes, pauses or narrows")
	})
	r.awaits(t, "/metrics", "a metric", func(answer) bool { return r.faulty(t, "full") })
	r.logs(t, `"fault":"full"`)
	r.want(t, 200, all[0].Token, "GET", project, nil)
	if !strings.Contains(send("GET", r.operators+"/metrics", nil, nil).body, "\npatgate_store_reserve_bytes ") {
		t.Error("no metric tells of the reserve")
	}
	command := func(args ...string) (string, error) {
		cmd := exec.Command("patgate", args...)
		cmd.Env, cmd.Dir = r.env, r.dir
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	r.want(t, 204, all[0].Token, "DELETE", allTokens+"/self", nil)
	if out, err := command("token", "revoke", fmt.Sprint(all[1].ID)); err != nil || !strings.Contains(out, "Revoked token") {
		t.Errorf("a command: %v %s", err, out)
	}
	if out, err := command("token", "pause", fmt.Sprint(all[3].ID)); err != nil {
		t.Errorf("a command: %v %s", err, out)
	}
	if out, err := command("token", "resume", fmt.Sprint(all[3].ID)); err == nil || !strings.Contains(out,
		"was not done: there is no room") {
		t.Errorf("a command that gives rights back: %v %s", err, out)
	}
	holds := func() {
		t.Helper()
		for i, status := range []int{401, 401, 200, 401} {
			r.awaits(t, "/readyz", "as told", func(answer) bool { return r.call(t, all[i].Token, "GET", project, nil).status == status })
		}
	}
	holds()
	if err := r.stop(syscall.SIGKILL); err == nil {
		t.Error("it ended well")
	}
	if err := r.start(r.env, nil, r.operators); err != nil {
		t.Fatal(err)
	}
	holds()
	if a := r.call(t, r.world.alicePAT, "POST", userTokens, creation("more", on(r.world.api, "read_project"))); a.status != 507 {
		t.Errorf("a creation after the start: %d %s", a.status, a.body)
	}
	r.want(t, 204, all[4].Token, "DELETE", allTokens+"/self", nil)
	if err := os.Remove(neighbour); err != nil {
		t.Fatal(err)
	}
	r.readyAgain(t)
	r.logs(t, "the store's fault is over")
	if r.faulty(t, "full") {
		t.Error("the metric still tells of it")
	}
	r.want(t, 204, all[2].Token, "DELETE", allTokens+"/self", nil)
	r.want(t, 401, all[2].Token, "GET", project, nil)
	r.make(t, creation("again", on(r.world.api, "read_project")))
}

// Where nothing can be written, a gateway that was killed does not start again, though its store can be read.
func TestAStartOnAFileSystemThatBecameReadOnly(t *testing.T) {
	disk := storetest.SmallDisk(t, 24<<20)
	r := startRunningWith(t, func(*world) []string { return []string{"PATGATE_DATA_DIR=" + disk} })
	remount := func(flags uintptr) {
		t.Helper()
		if err := syscall.Mount("patgate", disk, "tmpfs", syscall.MS_REMOUNT|flags, ""); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.stop(syscall.SIGKILL); err == nil {
		t.Error("it ended well")
	}
	remount(syscall.MS_RDONLY)
	for command, wrong := range map[string]bool{"serve": true, "store check": false} {
		cmd := exec.CommandContext(t.Context(), "patgate", strings.Fields(command)...)
		cmd.Env, cmd.Dir = r.env, r.dir
		out, err := cmd.CombinedOutput()
		said := strings.Contains(string(out), "the file system of "+filepath.Join(disk, "db")+" is read-only (fix: ")
		if (err != nil) != wrong || said != wrong || strings.Count(string(out), "\n") != 1 {
			t.Errorf("%s: %v %s", command, err, out)
		}
	}
	remount(0)
	if err := r.start(r.env, nil, r.operators); err != nil {
		t.Fatal(err)
	}
}

// A copy says that it is done when the file alone is whole, or it is an error and nothing is left.
func TestStoreCopyOnADiskThatIsNearlyFull(t *testing.T) {
	dir := t.TempDir()
	run := func(args ...string) (string, error) {
		cmd := exec.Command("patgate", append([]string{"store"}, args...)...)
		cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "PATGATE_DATA_DIR=" + filepath.Join(dir, "data")}
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	if out, err := run("migrate"); err != nil {
		t.Fatal(err, out)
	}
	source := filepath.Join(dir, "data", "db", "patgate.db")
	made := 0
	for _, size := range []int64{160 << 10, 320 << 10, 336 << 10, 352 << 10, 368 << 10, 384 << 10, 400 << 10, 416 << 10, 1 << 20} {
		disk := storetest.SmallDisk(t, size)
		to := filepath.Join(disk, "copy.db")
		out, err := run("copy", "--from", source, "--to", to)
		entries, _ := os.ReadDir(disk)
		if err != nil {
			if !strings.Contains(out, "takes no more (fix: ") || strings.Contains(out, "Copied") || len(entries) > 0 {
				t.Errorf("%d bytes: %v\n%s\nleft: %v", size, err, out, entries)
			}
			continue
		}
		made++
		if _, err := os.Stat(to + "-wal"); err == nil || !strings.Contains(out, "Copied and compared.") {
			t.Errorf("%d bytes: %v\n%s", size, entries, out)
		}
	}
	if made == 0 || made == 9 {
		t.Errorf("%d copies were made: the test proves nothing", made)
	}
}
