package cli_test

import (
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// TestCountsOutliveAKill kills patgate while it counts: what was stored before is there once, what was not is lost, and nothing is
// there twice. A second patgate on the same store adds to the same counts.
func TestCountsOutliveAKill(t *testing.T) {
	t.Parallel() // it waits most of the time
	r := startRunning(t)
	project := fmt.Sprintf("/api/v4/projects/%d", r.world.api)
	v := r.make(t, creation("counted", on(r.world.api, "read_project")))
	uses := func(at *running, least int64) (total int64) {
		t.Helper()
		at.used(t, v.Token, func(u *usageOf) bool {
			total = u.Permissions["read_project"].Uses
			return total >= least
		})
		return total
	}
	sent, stored := int64(0), int64(0)
	send := func(at *running, n int) {
		t.Helper()
		at.onOneConnection(t, v.Token, 200, slices.Repeat([]string{project}, n)...)
		sent += int64(n)
	}
	for round := range 3 {
		send(r, 20)
		before := stored
		stored = uses(r, before+20) // the longest that this waits is how much may be lost
		send(r, 7*round)            // may be lost
		if err := r.stop(syscall.SIGKILL); err == nil {
			t.Fatal("it was not killed")
		}
		if err := r.start(r.env, nil, r.operators); err != nil {
			t.Fatal(err)
		}
		if now := uses(r, 0); now < stored || now > sent {
			t.Fatalf("round %d: %d uses, of %d that were stored and %d that were sent", round, now, stored, sent)
		} else {
			stored, sent = now, now
		}
	}
	t.Run("two processes add up", func(t *testing.T) {
		second := r.beside(t)
		send(r, 11)
		send(second, 13)
		if now := uses(second, stored+24); now != stored+24 {
			t.Errorf("%d uses after %d and 24", now, stored)
		}
		send(r, 1)
		if now := uses(r, stored+25); now != stored+25 {
			t.Errorf("%d uses after %d and 25", now, stored)
		}
	})
}

// beside starts another patgate on the same store, in front of the same forge.
func (r *running) beside(t *testing.T) *running {
	t.Helper()
	other := &running{stage: &stage{dir: t.TempDir()}}
	listen, admin, err := other.ports()
	if err != nil {
		t.Fatal(err)
	}
	other.gate, other.operators = "http://"+listen, "http://"+admin
	for _, setting := range r.env {
		name, _, _ := strings.Cut(setting, "=")
		switch name {
		case "PATGATE_LISTEN":
			setting = name + "=" + listen
		case "PATGATE_ADMIN_LISTEN":
			setting = name + "=" + admin
		}
		other.env = append(other.env, setting)
	}
	if err := other.start(other.env, nil, other.operators); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := other.stop(syscall.SIGTERM); err != nil {
			t.Errorf("stopping the second: %v\n%s", err, other.logText())
		}
		if found := leaks(other.dir, r.secrets); len(found) > 0 {
			t.Errorf("secrets were written: %v", found)
		}
	})
	return other
}
