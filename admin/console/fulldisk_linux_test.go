package console_test

import (
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// On a full disk a page says that what was asked for was not done, and the token is as it was.
func TestPagesOnAFullDisk(t *testing.T) {
	disk := t.TempDir()
	if err := syscall.Mount("patgate", disk, "tmpfs", 0, "size=16m"); err != nil {
		t.Skip("mounting is not permitted (run the test as root): ", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(disk, 2) }) // MNT_DETACH
	t.Run("there", func(t *testing.T) {
		t.Setenv("TMPDIR", disk) // where the store will be
		w := newWorld(t, nil)
		if !strings.HasPrefix(w.store.Path(), disk) {
			t.Fatalf("the store is at %s", w.store.Path())
		}
		v := w.signedIn(t, w.alicePAT)
		id, _ := v.make(t, w.alicePAT, url.Values{"name": {"mine"}})
		f, err := os.Create(filepath.Join(disk, "neighbour"))
		if err != nil {
			t.Fatal(err)
		}
		for block := make([]byte, 4096); err == nil; {
			_, err = f.Write(block)
		}
		_ = f.Close()
		made := v.post(t, "/tokens", v.get(t, "/tokens/new").fill(jobToken(w.alicePAT, url.Values{"name": {"another"}})))
		made.wants(t, 507, "patgate has no room to store this, so it was not done")
		made.lacks(t, disk)
		refused := 1
		for _, done := range []string{"/pause", "/revoke"} { // for which a store keeps room, if there was any when it was opened
			p := v.post(t, at(id, done), v.get(t, at(id, done)).fill(url.Values{"reason": {strings.Repeat("why ", 50)}}))
			l, err := w.store.Token(t.Context(), id)
			if err != nil {
				t.Fatal(err)
			}
			is := map[string]bool{"/pause": !l.PausedAt.IsZero(), "/revoke": !l.RevokedAt.IsZero()}[done]
			switch {
			case p.status == 507:
				refused++
				p.wants(t, 507, "patgate has no room to store this, so it was not done", "to be revoked, paused or narrowed was NOT")
				p.lacks(t, disk)
			case p.status != 200:
				t.Errorf("%s: %d", done, p.status)
			}
			if is != (p.status == 200) {
				t.Errorf("%s: %d, and it is so: %t", done, p.status, is)
			}
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		for _, said := range w.faults {
			if !strings.Contains(said, "was not done: there is no room where the store is: "+disk) &&
				!strings.Contains(said, "is full") && !strings.Contains(said, "KiB left") {
				t.Errorf("the operator is told %s", said)
			}
		}
		if len(w.faults) != refused {
			t.Errorf("the operator is told %d times of %d: %q", len(w.faults), refused, w.faults)
		}
		w.faults = nil // they were meant to be
	})
}
