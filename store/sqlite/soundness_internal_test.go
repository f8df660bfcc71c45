package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"modernc.org/sqlite/vfs"

	"patgate/store"
)

// failing is a file system whose files fail to give some bytes.
type failing struct {
	fs.FS
	from int64
}

type failingFile struct {
	*os.File
	from int64
}

func (f failing) Open(name string) (fs.File, error) {
	file, err := f.FS.Open(name)
	if err != nil {
		return nil, err
	}
	return failingFile{file.(*os.File), f.from}, nil
}

// Read implements fs.File.
func (f failingFile) Read(b []byte) (int, error) {
	if at, err := f.Seek(0, io.SeekCurrent); err != nil || at >= f.from {
		return 0, errors.Join(err, syscall.EIO)
	}
	return f.File.Read(b)
}

func TestAPageThatTheDiskDoesNotGiveIsNotDamage(t *testing.T) {
	dir := t.TempDir()
	pool, err := sql.Open("sqlite", filepath.Join(dir, "x.db"))
	if err != nil {
		t.Fatal(err)
	}
	for _, do := range []string{"CREATE TABLE x (a)", `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500)
		INSERT INTO x SELECT randomblob(1000) FROM n`} {
		if _, err := pool.ExecContext(t.Context(), do); err != nil {
			t.Fatal(err)
		}
	}
	if err := pool.Close(); err != nil {
		t.Fatal(err)
	}
	name, system, err := vfs.New(failing{os.DirFS(dir), 100 << 10})
	if err != nil {
		t.Fatal(err)
	}
	defer system.Close()
	pool, err = sql.Open("sqlite", "file:x.db?vfs="+name)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	err = explain(checkIntegrity(t.Context(), pool, "quick_check", "x"))
	if err == nil || errors.Is(err, store.ErrDamaged) || !errors.Is(err, errUnread) {
		t.Errorf("error %v", err)
	}
	for line, want := range map[string]bool{
		"Tree 2 page 3: unable to get the page. error code=266":   true,
		"Tree 2 page 3: unable to get the page. error code=11":    false,
		"Tree 2 page 3: btreeInitPage() returns error code 11":    false,
		"Freelist: failed to get page 7":                          true,
		"Tree 2 page 3 cell 1: 2nd reference to page 9":           false,
		"wrong # of entries in index sqlite_autoindex_owners_1":   false,
		"Tree 2 page 3: unable to get the page. error code=11 11": false,
	} {
		if notRead(line) != want {
			t.Errorf("%q: %v", line, !want)
		}
	}
}

// looking is what is known of damage, with a clock of the test's own.
type looking struct {
	*soundness
	now time.Time
}

func newLooking() *looking {
	l := &looking{soundness: &soundness{}, now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	l.soundness.now = func() time.Time { return l.now }
	return l
}

// look reads all tables, with what is found in them.
func (l *looking) look(found map[string]error) {
	all := append(deciding(), "token_uses", "units")
	l.begin(all)
	for _, table := range all {
		l.read(table, found[table])
	}
}

func (l *looking) state() string {
	v := l.verdict.Load()
	switch {
	case v == nil:
		return "sound"
	case v.closed:
		return "closed"
	case errors.Is(v.err, store.ErrPartly):
		return "partly"
	}
	return "doubted"
}

func TestWhatIsKnownOfDamage(t *testing.T) {
	damage, away := fmt.Errorf("%w: x", store.ErrDamaged), fmt.Errorf("%w: x", errUnread)
	l := newLooking()
	want := func(state string, doubtful bool) {
		t.Helper()
		if l.state() != state || l.doubtful() != doubtful {
			t.Fatalf("%s, doubtful: %v; want %s, %v", l.state(), l.doubtful(), state, doubtful)
		}
	}
	want("sound", false)
	l.suspect("tokens", damage)
	want("doubted", true)
	l.look(nil)
	want("sound", false)
	l.look(map[string]error{"tokens": damage})
	want("closed", false)
	l.now = l.now.Add(lookedAgain)
	want("closed", true)
	l.look(map[string]error{"tokens": away})
	want("closed", false)
	l.look(map[string]error{"tokens": context.DeadlineExceeded})
	want("closed", false)
	l.look(nil)
	want("sound", false)
	l.look(map[string]error{"tokens": away})
	want("partly", false)
	l.look(nil)
	l.look(map[string]error{"sign_ins": damage, "token_uses": damage})
	want("partly", false)
}

// A table that is not read to its end keeps nobody from knowing that those that decide are sound.
func TestDamageThatIsMetBesideATableThatTakesLong(t *testing.T) {
	l := newLooking()
	long := map[string]error{"token_uses": context.DeadlineExceeded}
	l.look(long)
	l.meet(store.ErrDamaged)
	if l.state() != "doubted" || !l.doubtful() {
		t.Fatal(l.state())
	}
	l.look(long)
	if l.state() != "partly" {
		t.Fatal(l.state())
	}
	l.now = l.now.Add(metForgotten + time.Second)
	if l.look(long); l.state() != "sound" {
		t.Fatal(l.state())
	}
}

func TestDamageThatIsMetAgainAndAgainIsLookedForMoreAndMoreSeldom(t *testing.T) {
	l := newLooking()
	looks := 0
	for range 3600 {
		l.meet(store.ErrDamaged)
		if l.doubtful() {
			l.look(nil)
			looks++
		}
		if looks > 0 && l.state() == "doubted" {
			t.Fatal("it is in doubt again")
		}
		l.now = l.now.Add(time.Second)
	}
	if looks < 6 || looks > 10 {
		t.Errorf("%d looks in an hour", looks)
	}
	l.now = l.now.Add(time.Hour)
	if l.meet(store.ErrDamaged); l.state() != "doubted" || !l.doubtful() {
		t.Error(l.state())
	}
}

// Damaged sign-ins sign nobody in, and are no matter of tokens.
func TestDamagedSignIns(t *testing.T) {
	db, err := Open(t.Context(), filepath.Join(t.TempDir(), "patgate.db"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.SignIn(t.Context(), store.SignInID{}); !errors.Is(err, store.ErrUnknownSignIn) {
		t.Error(err)
	}
	db.soundness.begin([]string{"sign_ins"})
	db.soundness.read("sign_ins", store.ErrDamaged)
	if _, err := db.SignIn(t.Context(), store.SignInID{}); !errors.Is(err, store.ErrDamaged) {
		t.Errorf("a sign-in: %v", err)
	}
	if _, err := db.Changes(t.Context(), 0); err != nil {
		t.Errorf("a poll: %v", err)
	}
}

// Who reads, writes or asks for readiness does not wait for a look that waits for a connection.
func TestALookThatWaitsHoldsUpNobody(t *testing.T) {
	db, err := Open(t.Context(), filepath.Join(t.TempDir(), "patgate.db"), Options{Readers: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	taken, err := db.read.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	looked := make(chan bool)
	go func() { looked <- db.Inspect(t.Context()) }()
	time.Sleep(100 * time.Millisecond)
	begun := time.Now()
	if faults := db.Faults(); len(faults) > 0 || db.Doubtful() || db.look() != nil || time.Since(begun) > time.Second {
		t.Errorf("%v after %v", faults, time.Since(begun))
	}
	if err := taken.Close(); err != nil {
		t.Fatal(err)
	}
	<-looked
}
