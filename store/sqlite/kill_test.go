package sqlite_test

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"patgate/learn"
	"patgate/store"
	"patgate/store/storetest"
	"patgate/token"
)

// childEnv, when it is set, makes TestKillChild the process that is killed; its value is the store's directory.
const childEnv = "PATGATE_TEST_KILL_DIR"

// TestKillChild is not a test of its own: TestKillLosesNothingAcknowledged runs it as a process and kills it. It makes,
// rotates and revokes tokens and prints what was acknowledged.
func TestKillChild(t *testing.T) {
	dir := os.Getenv(childEnv)
	if dir == "" {
		t.Skip("runs only as the child of TestKillLosesNothingAcknowledged")
	}
	st := openStore(t, dir)
	f := storetest.NewFixture(t, st, nil)
	watched := f.NewToken(t, fmt.Sprint(os.Getpid(), "-watched"), func(r *token.Record) { r.Hash[31], r.Hash[28] = byte(os.Getpid()), 1 })
	for i := 0; ; i++ {
		r := f.NewToken(t, fmt.Sprint(os.Getpid(), "-", i), func(r *token.Record) { r.Hash[31], r.Hash[30] = byte(i), byte(i>>8) })
		fmt.Printf("made %d\n", r.ID)
		if i%2 == 1 {
			if _, err := st.RevokeToken(t.Context(), r.ID, store.Cause{Reason: "test", By: "cli:test", At: storetest.Start()}); err != nil {
				t.Fatal(err)
			}
			fmt.Printf("revoked %d\n", r.ID)
		}
		if i%2 == 0 {
			r := f.NewToken(t, fmt.Sprint(os.Getpid(), "-rotating-", i), func(r *token.Record) { r.Hash[31], r.Hash[30], r.Hash[29] = byte(i), byte(i>>8), 1 })
			next := f.Record(fmt.Sprint(os.Getpid(), "-next-", i))
			next.Hash[31], next.Hash[30], next.Hash[29] = byte(i), byte(i>>8), 2
			next, err := st.RotateToken(t.Context(), r.ID, r.Revision, next, time.Time{}, "cli:test")
			if err != nil {
				t.Fatal(err)
			}
			fmt.Printf("made %d\n", next.ID)
			fmt.Printf("rotated %d\n", r.ID)
		}
		if err := st.AddUses(t.Context(), []store.Use{{TokenID: r.ID, Count: 1, Last: storetest.Start()}}); err != nil {
			t.Fatal(err)
		}
		if _, _, err := st.AddSeen(t.Context(), seenOnce(watched.ID)); err != nil {
			t.Fatal(err)
		}
		fmt.Printf("seen %d\n", watched.ID)
	}
}

// seenAtATime is how many units one call adds to, in two transactions.
const seenAtATime = 600

// seenOnce is one request of each of some kinds.
func seenOnce(id int64) (seen []learn.Seen) {
	for i := range seenAtATime {
		u := learn.Unit{Method: "GET", Route: fmt.Sprint("/made/up/", i), Needs: []string{"read_job"}}
		seen = append(seen, learn.Seen{Subject: id, Unit: u, Count: 1, Last: storetest.Start()})
	}
	return seen
}

// checkSeen holds that each unit was counted as often as that was acknowledged, or once more: the call under way may have been
// stored, or a part of it, but nothing is there twice.
func checkSeen(t *testing.T, st store.Store, seen map[int64]int64) {
	t.Helper()
	for id, n := range seen {
		list, damaged, err := st.Observations(t.Context(), id, time.Time{})
		if err != nil || damaged != 0 || len(list) != seenAtATime {
			t.Fatalf("%d units, %d damaged, %v", len(list), damaged, err)
		}
		for i := range list {
			o := &list[i]
			if o.Uses != n && o.Uses != n+1 || len(o.Days) != 1 || o.Days[0].N != o.Uses {
				t.Fatalf("%s: %d uses, %v, after %d that were acknowledged", o.Unit.Route, o.Uses, o.Days, n)
			}
		}
	}
}

func TestKillLosesNothingAcknowledged(t *testing.T) {
	dir := t.TempDir()
	made, revoked, seen := map[int64]bool{}, map[int64]bool{}, map[int64]int64{}
	for round := range 3 {
		runAndKill(t, dir, 40+25*round, made, revoked, seen)
		st := openStore(t, dir)
		if _, err := st.Check(t.Context()); err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		checkSeen(t, st, seen)
		for id := range made {
			l, err := st.Token(t.Context(), id)
			if err != nil {
				t.Fatalf("round %d: token %d was acknowledged: %v", round, id, err)
			}
			if revoked[id] && l.RevokedAt.IsZero() {
				t.Fatalf("round %d: revocation of %d was acknowledged and is lost", round, id)
			}
			if l.RotatedTo == 0 {
				continue
			}
			// Half a rotation would leave two that work, or none.
			next, err := st.Token(t.Context(), l.RotatedTo)
			if err != nil || l.RevokedAt.IsZero() || !next.RevokedAt.IsZero() || next.FamilyID != l.FamilyID {
				t.Fatalf("round %d: half a rotation of %d: %+v, %v", round, id, next, err)
			}
		}
		if err := st.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if len(seen) != 3 {
		t.Fatalf("%v was seen: the test proves nothing", seen)
	}
	if len(made) < 3*40 || len(revoked) < 3*20 {
		t.Fatalf("only %d tokens and %d revocations were acknowledged: the test proves nothing", len(made), len(revoked))
	}
}

// runAndKill runs the child until it has acknowledged this many lines, kills it without warning, and notes what it
// acknowledged.
func runAndKill(t *testing.T, dir string, lines int, made, revoked map[int64]bool, counted map[int64]int64) {
	t.Helper()
	child := exec.Command(os.Args[0], "-test.run=^TestKillChild$", "-test.v")
	child.Env = append(os.Environ(), childEnv+"="+dir)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	guard := time.AfterFunc(5*time.Minute, func() { _ = child.Process.Kill() })
	defer guard.Stop()
	scanner := bufio.NewScanner(out)
	seen := 0
	var other []string
	for scanner.Scan() {
		what, number, _ := strings.Cut(scanner.Text(), " ")
		id, err := strconv.ParseInt(number, 10, 64)
		switch {
		case err == nil && what == "made":
			made[id] = true
		case err == nil && (what == "revoked" || what == "rotated"):
			made[id] = true
			revoked[id] = true
		case err == nil && what == "seen":
			counted[id]++
			continue
		default:
			other = append(other, scanner.Text())
			continue
		}
		if seen++; seen == lines {
			_ = child.Process.Kill() // what is printed until then is read on and counts
		}
	}
	var exit *exec.ExitError
	if err := child.Wait(); !errors.As(err, &exit) || exit.Exited() || seen < lines {
		t.Fatalf("the child ended by itself: %v\n%s", err, strings.Join(other, "\n"))
	}
	if _, err := os.Stat(filepath.Join(dir, "db", "patgate.db-wal")); err != nil {
		t.Logf("no WAL left behind: %v", err)
	}
}
