package cli_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// TestGitLFS runs git-lfs against patgate.
func TestGitLFS(t *testing.T) {
	needs(t, "git-lfs", "apt-get install git-lfs")
	g := startGit(t)
	reader := g.mint(t, "--name", "reader", "--project", "shop/backend/api", "--allow", "download_code")
	writer := g.mint(t, "--name", "writer", "--project", "shop/backend/api", "--allow", "download_code,push_code")
	api := "shop/backend/api.git"
	work := t.TempDir()
	g.git(t, g.home, "lfs", "install", "--skip-repo")
	g.git(t, work, "clone", "-q", g.url(writer, api), "writing")
	dir := filepath.Join(work, "writing")

	t.Run("a push uploads, and a clone downloads", func(t *testing.T) {
		g.git(t, dir, "lfs", "track", "*.bin")
		g.write(t, dir, "large.bin", strings.Repeat("large object\n", 100_000))
		g.git(t, dir, "add", ".")
		g.git(t, dir, "commit", "-qm", "large")
		g.git(t, dir, "push", "-q", "origin", "main")
		g.git(t, work, "clone", "-q", g.url(reader, api), "reading")
		data, err := os.ReadFile(filepath.Join(work, "reading", "large.bin"))
		if err != nil || len(data) != 1_300_000 {
			t.Errorf("%d bytes, %v", len(data), err)
		}
	})
	t.Run("locks", func(t *testing.T) {
		g.git(t, dir, "lfs", "lock", "large.bin")
		if out := g.git(t, dir, "lfs", "locks"); !strings.Contains(out, "large.bin") {
			t.Errorf("no lock is listed:\n%s", out)
		}
		g.refused(t, filepath.Join(work, "reading"), []string{"push_code"}, "lfs", "lock", "large.bin")
		g.git(t, dir, "lfs", "unlock", "large.bin")
	})
	batch := func(operation string) string {
		return fmt.Sprintf(`{"operation":%q,"transfers":["basic"],"objects":[{"oid":%q,"size":3}]}`, operation, strings.Repeat("ab", 32))
	}
	const media = "application/vnd.git-lfs+json"
	target := "/" + api + "/info/lfs/objects/batch"
	t.Run("a reader does not upload", func(t *testing.T) {
		if answer := g.raw(t, reader, http.MethodPost, target, media, batch("upload"), http.StatusForbidden); !strings.Contains(answer, "push_code") {
			t.Error(answer)
		}
		g.raw(t, reader, http.MethodPost, target+"?operation=download", media, batch("upload"), http.StatusBadRequest)
		g.raw(t, reader, http.MethodPost, target+"?operation=upload", media, batch("download"), http.StatusBadRequest)
		g.raw(t, reader, http.MethodPost, target, media, `{"operation":"download","Operation":"upload","objects":[]}`, http.StatusForbidden)
		g.raw(t, reader, http.MethodPut, "/"+api+"/gitlab-lfs/objects/"+strings.Repeat("ab", 32)+"/3", "application/octet-stream", "abc", http.StatusForbidden)
		g.raw(t, reader, http.MethodPost, "/secret/plans.git/info/lfs/objects/batch", media, batch("download"), http.StatusForbidden)
	})
	t.Run("the answer to a batch names patgate, and no credential", func(t *testing.T) {
		answer := g.raw(t, writer, http.MethodPost, target, media, batch("upload"), http.StatusOK)
		if !strings.Contains(answer, g.gate+"/"+api+"/gitlab-lfs/objects/") || strings.Contains(answer, g.world.url) || strings.Contains(answer, "Authorization") {
			t.Error(answer)
		}
		answer = g.raw(t, reader, http.MethodPost, target, media, batch("download"), http.StatusOK)
		if !strings.Contains(answer, `"code":404`) || strings.Contains(answer, g.world.url) {
			t.Error(answer)
		}
	})
}

// TestGitPushStreams pushes 500 MiB that do not compress.
func TestGitPushStreams(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("memory is read from /proc")
	}
	if testing.Short() {
		t.Skip("it moves 500 MiB")
	}
	// The forge here answers once it has unpacked everything, which a slow disk makes long.
	g := startGit(t, "PATGATE_TIMEOUTS_UPSTREAM_RESPONSE=5m")
	grant := g.mint(t, "--name", "writer", "--project", "shop/backend/api", "--allow", "download_code,push_code")
	work := t.TempDir()
	g.git(t, work, "clone", "-q", g.url(grant, "shop/backend/api.git"), "clone")
	dir := filepath.Join(work, "clone")
	file, err := os.Create(filepath.Join(dir, "noise"))
	if err != nil {
		t.Fatal(err)
	}
	noise := make([]byte, 1<<20)
	x := uint64(88172645463325252)
	for range 500 {
		for i := range noise {
			x ^= x << 13
			x ^= x >> 7
			x ^= x << 17
			noise[i] = byte(x)
		}
		if _, err := file.Write(noise); err != nil {
			t.Fatal(err)
		}
	}
	file.Close()
	g.git(t, dir, "-c", "core.compression=0", "add", ".")
	g.git(t, dir, "commit", "-qm", "noise")
	before := g.memory(t, "VmRSS")
	g.forgetPeak(t)
	g.git(t, dir, "-c", "core.compression=0", "push", "-q", "origin", "main")
	grown := g.memory(t, "VmHWM") - before
	t.Logf("500 MiB pushed, peak memory grew by %d KiB from %d KiB", grown>>10, before>>10)
	if grown >= rssGrowth {
		t.Errorf("memory grew by %d MiB", grown>>20)
	}
}
