package sqlite_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"patgate/policy"
	"patgate/routes"
	"patgate/store"
	"patgate/store/sqlite"
	"patgate/store/sqlite/files"
	"patgate/store/storetest"
	"patgate/store/tables"
	"patgate/token"
)

// disks are the file systems that a reserve is kept on: their blocks are of the size that SQLite takes for the smallest, and below.
func disks() map[string]func(t *testing.T, bytes int64) string {
	return map[string]func(t *testing.T, bytes int64) string{
		"tmpfs":             func(t *testing.T, bytes int64) string { return storetest.SmallDisk(t, bytes) },
		"ext4, blocks of 1": func(t *testing.T, bytes int64) string { return storetest.BlockDisk(t, bytes, 1024) },
		"ext4, blocks of 4": func(t *testing.T, bytes int64) string { return storetest.BlockDisk(t, bytes, 4096) },
	}
}

// keeping opens a store as a gateway does.
func keeping(t *testing.T, path string) *sqlite.DB {
	t.Helper()
	db, err := sqlite.Open(t.Context(), path, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	_ = db.KeepRoom()
	return db
}

// asKilled copies a store as it is on the disk while it is in use, and opens the copy.
func asKilled(t *testing.T, path string) *sqlite.DB {
	t.Helper()
	copied := filepath.Join(t.TempDir(), "patgate.db")
	for _, end := range []string{"", "-wal"} {
		if err := os.WriteFile(copied+end, read(t, path+end), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return openFile(t, copied)
}

// counted counts uses of a token in as many transactions.
func counted(t *testing.T, db *sqlite.DB, id int64, times int) {
	t.Helper()
	for i := range times {
		use := store.Use{TokenID: id, Count: 1, Last: storetest.Start()}
		if err := db.AddUses(t.Context(), []store.Use{use}); err != nil && !errors.Is(err, store.ErrNoRoom) {
			t.Fatal(i, err)
		}
	}
}

// crowd is a store with some tokens of one owner and very many of another.
type crowd struct {
	file   []byte
	f      *storetest.Fixture
	other  store.Owner
	mine   []int64
	others []int64 // the first is of very many scopes and permissions
}

// wide gives 300 scopes of 60 permissions each, others in each; a short test has 30.
func wide() (all []policy.ScopeSpec) {
	scopes := 300
	if testing.Short() {
		scopes = 30
	}
	for i := range scopes {
		s := policy.ScopeSpec{Access: "selected_memberships", ProjectIDs: []int64{int64(i + 1)}}
		for n := range 60 {
			s.Permissions = append(s.Permissions, fmt.Sprintf("permission_%03d", (i*7+n)%400))
		}
		all = append(all, s)
	}
	return all
}

func newCrowd(t *testing.T, mine, others int) *crowd {
	t.Helper()
	path := filepath.Join(storetest.SmallDisk(t, 64<<20), "patgate.db")
	db := openFile(t, path)
	c := &crowd{f: storetest.NewFixture(t, db, nil)}
	c.other = c.f.NewOwner(t, 43, "bob")
	credential := c.f.NewCredential(t, c.other, "api")
	for i := range mine {
		c.mine = append(c.mine, c.f.NewToken(t, fmt.Sprint("t", i)).ID)
	}
	for i := range others {
		c.others = append(c.others, c.f.NewToken(t, fmt.Sprint("o", i), func(r *token.Record) {
			if r.OwnerID, r.CredentialID = c.other.ID, credential.ID; i == 0 {
				r.Scopes = wide()
			}
		}).ID)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	c.file = read(t, path)
	return c
}

// put opens a copy of it in a directory, as a gateway does.
func (c *crowd) put(t *testing.T, dir string) (*sqlite.DB, *storetest.Fixture) {
	t.Helper()
	path := filepath.Join(dir, "patgate.db")
	if err := os.WriteFile(path, c.file, 0o600); err != nil {
		t.Fatal(err)
	}
	db := keeping(t, path)
	f := *c.f
	f.Store = db
	return db, &f
}

// takeAway narrows, revokes and pauses, all of which must be stored.
func (c *crowd) takeAway(t *testing.T, db *sqlite.DB) {
	t.Helper()
	l, err := db.Token(t.Context(), c.others[0])
	if err == nil { // without its first scope, each other one is noted anew
		_, err = db.EditToken(t.Context(), l.ID, store.Edit{Revision: l.Revision, Children: l.Children, Name: l.Name, Scopes: l.Scopes[1:],
			TableVersion: l.TableVersion, ExpiresAt: l.ExpiresAt, RenewUntil: l.RenewUntil, Narrowed: true}, cause())
	}
	if err != nil {
		t.Fatal(err)
	}
	last := len(c.mine) - 1
	for _, id := range c.mine[:last] {
		if _, err := db.RevokeToken(t.Context(), id, cause()); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := db.PauseToken(t.Context(), c.mine[last], cause()); err != nil {
		t.Fatal(err)
	}
	blocked := store.Cause{Reason: "the owner was blocked", By: "gateway", At: storetest.Start()}
	if n, err := db.RevokeOwned(t.Context(), c.other.ID, blocked); err != nil || n != len(c.others) {
		t.Fatalf("%d of %d: %v", n, len(c.others), err)
	}
}

// taken tells whether all of that is in a store.
func (c *crowd) taken(t *testing.T, db *sqlite.DB) {
	t.Helper()
	last := len(c.mine) - 1
	list, _, err := db.Tokens(t.Context(), store.Filter{})
	if err != nil || len(list) != len(c.mine)+len(c.others) {
		t.Fatalf("%d tokens: %v", len(list), err)
	}
	for i := range list {
		if l := &list[i]; l.RevokedAt.IsZero() != (l.ID == c.mine[last]) || l.PausedAt.IsZero() == (l.ID == c.mine[last]) {
			t.Errorf("token %d: revoked at %v, paused at %v", l.ID, l.RevokedAt, l.PausedAt)
		}
	}
	f := store.Filter{Holds: "permission_000", Reach: &store.Reach{Places: []store.Place{{Kind: routes.RefProject, ID: 1}}}}
	if _, total, err := db.Tokens(t.Context(), f); err != nil || total != 0 {
		t.Errorf("%d tokens hold what was taken away, %v", total, err)
	}
	left := wide()
	s := left[len(left)-1]
	f.Reach.Places[0].ID, f.Holds = s.ProjectIDs[0], s.Permissions[0]
	if _, total, err := db.Tokens(t.Context(), f); err != nil || total != 1 {
		t.Errorf("%d tokens hold what was left, %v", total, err)
	}
	if _, err := db.Check(t.Context()); err != nil {
		t.Error(err)
	}
}

// states are those in which the disk is full, and what ends them.
func states() map[string]func(t *testing.T, db *sqlite.DB, used int64, fill func()) (*sqlite.DB, func()) {
	nothing := func() {}
	reopen := func(t *testing.T, db *sqlite.DB, between func()) *sqlite.DB {
		t.Helper()
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		between()
		return keeping(t, db.Path())
	}
	return map[string]func(t *testing.T, db *sqlite.DB, used int64, fill func()) (*sqlite.DB, func()){
		"right after the start": func(t *testing.T, db *sqlite.DB, _ int64, fill func()) (*sqlite.DB, func()) {
			db = reopen(t, db, nothing)
			fill()
			return db, nothing
		},
		"before the start": func(t *testing.T, db *sqlite.DB, _ int64, fill func()) (*sqlite.DB, func()) {
			return reopen(t, db, fill), nothing
		},
		"with an empty -wal": func(t *testing.T, db *sqlite.DB, used int64, fill func()) (*sqlite.DB, func()) {
			counted(t, db, used, 1)
			db.Database().Scrub(t.Context())
			if info, err := os.Stat(db.Path() + "-wal"); err != nil || info.Size() > 0 {
				t.Fatal(info, err)
			}
			fill()
			return db, nothing
		},
		"between many use counts": func(t *testing.T, db *sqlite.DB, used int64, fill func()) (*sqlite.DB, func()) {
			counted(t, db, used, 1000)
			fill()
			counted(t, db, used, 1000)
			return db, nothing
		},
		"under load": func(t *testing.T, db *sqlite.DB, used int64, fill func()) (*sqlite.DB, func()) {
			fill()
			over := make(chan struct{})
			var running sync.WaitGroup
			running.Go(func() {
				for {
					select {
					case <-over:
						return
					default:
						_ = db.AddUses(t.Context(), []store.Use{{TokenID: used, Count: 1, Last: storetest.Start()}})
						db.Retry(t.Context())
					}
				}
			})
			return db, func() { close(over); running.Wait() }
		},
	}
}

// refusesMore tells whether nothing else is stored on a full disk, and whether that is told.
func refusesMore(t *testing.T, db *sqlite.DB, f *storetest.Fixture) {
	t.Helper()
	for range 20 {
		if _, err := db.CreateToken(t.Context(), f.Record("more")); !errors.Is(err, store.ErrNoRoom) {
			t.Fatalf("a creation: %v", err)
		}
	}
	faults := db.Faults()
	if len(faults) != 1 || !errors.Is(faults[0], store.ErrNoRoom) || !strings.Contains(faults[0].Error(), "fix: ") {
		t.Errorf("faults %v", faults)
	}
}

func TestWhatTakesRightsAwayOnAFullDisk(t *testing.T) {
	many := 5000
	if testing.Short() {
		many = 300
	}
	all := newCrowd(t, 50, many)
	for disk, mount := range disks() {
		for state, reach := range states() {
			t.Run(disk+"/full "+state, func(t *testing.T) {
				if testing.Short() && disk != "tmpfs" {
					t.Skip("one file system is enough for a short test")
				}
				dir := mount(t, 96<<20)
				db, f := all.put(t, dir)
				if kept, wanted := db.Reserve(); kept < wanted || wanted < 8<<20 {
					t.Fatalf("%d bytes kept of %d", kept, wanted)
				}
				var neighbour string
				db, end := reach(t, db, all.mine[0], func() { neighbour = storetest.FillDisk(t, dir) })
				all.takeAway(t, db)
				end()
				kept, wanted := db.Reserve()
				t.Logf("%d KiB of %d KiB are left", kept>>10, wanted>>10)
				refusesMore(t, db, f)
				all.taken(t, asKilled(t, db.Path()))
				if err := os.Remove(neighbour); err != nil {
					t.Fatal(err)
				}
				db.Retry(t.Context())
				if kept, wanted := db.Reserve(); kept < wanted || len(db.Faults()) > 0 {
					t.Errorf("with room again %d of %d are kept: %v", kept, wanted, db.Faults())
				}
				if _, err := db.CreateToken(t.Context(), f.Record("again")); err != nil {
					t.Error(err)
				}
				if err := db.Close(); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

// A neighbour that takes whatever is given up, all the time: pieces of the reserve, and keeping what is left, are against that.
func TestRevocationsBesideANeighbourThatTakesAllRoom(t *testing.T) {
	all := newCrowd(t, 50, 100)
	for disk, mount := range disks() {
		t.Run(disk, func(t *testing.T) {
			dir := mount(t, 96<<20)
			db, _ := all.put(t, dir)
			storetest.FillDisk(t, dir)
			over := make(chan struct{})
			var running sync.WaitGroup
			running.Go(func() {
				f, err := os.OpenFile(filepath.Join(dir, "greedy"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
				if err != nil {
					t.Error(err)
					return
				}
				defer f.Close()
				for block := make([]byte, 64<<10); ; {
					select {
					case <-over:
						return
					default:
						_, _ = f.Write(block)
					}
				}
			})
			all.takeAway(t, db)
			close(over)
			running.Wait()
			kept, wanted := db.Reserve()
			t.Logf("%d KiB of %d KiB are left", kept>>10, wanted>>10)
			all.taken(t, asKilled(t, db.Path()))
			if err := db.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// What an owner saw of places is not in the way of revoking what is theirs.
func TestAnOwnerWhoSawMuchIsRemovedOnAFullDisk(t *testing.T) {
	dir := storetest.SmallDisk(t, 192<<20)
	db := keeping(t, filepath.Join(dir, "patgate.db"))
	f := storetest.NewFixture(t, db, nil)
	r, other := f.NewToken(t, "mine"), f.NewOwner(t, 43, "bob")
	err := db.Database().Change(t.Context(), "seeing places", func(tx tables.Conn) error {
		_, err := tx.Exec(t.Context(), `WITH RECURSIVE n (id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n WHERE id < 200000)
			INSERT INTO paths SELECT ?, 'project', id, hex(randomblob(9)), 1, 0 FROM n`, other.ID)
		if err == nil {
			_, err = tx.Exec(t.Context(), `INSERT INTO paths SELECT ?, kind, place_id, path, 1, 0 FROM paths WHERE place_id % 4 = 0`,
				f.Owner.ID)
		}
		return err
	})
	if err := errors.Join(err, db.Close()); err != nil { // and with it the -wal ends
		t.Fatal(err)
	}
	db = keeping(t, db.Path())
	t.Cleanup(func() { _ = db.Close() })
	neighbour := storetest.FillDisk(t, dir)
	if n, err := db.RemoveOwner(t.Context(), f.Owner.ID, cause()); err != nil || n != 1 {
		t.Fatalf("%d tokens, %v", n, err)
	}
	if l, err := asKilled(t, db.Path()).Token(t.Context(), r.ID); err != nil || l.RevokedAt.IsZero() {
		t.Errorf("revoked at %v, %v", l.RevokedAt, err)
	}
	if err := os.Remove(neighbour); err != nil {
		t.Fatal(err)
	}
	db.Retry(t.Context())
	if err := db.ForgetPlaces(t.Context(), storetest.Start()); err != nil || len(db.Faults()) > 0 {
		t.Errorf("%v, %v", err, db.Faults())
	}
	var left int
	if err := db.Database().Read.QueryRow(t.Context(), "SELECT count(*) FROM paths").Scan(&left); err != nil || left > 0 {
		t.Errorf("%d names are left, %v", left, err)
	}
}

// A store that is opened by a link has its room where the file is, not where the link is.
func TestAFullDiskBehindALink(t *testing.T) {
	dir := storetest.SmallDisk(t, 32<<20)
	path, link := filepath.Join(dir, "patgate.db"), filepath.Join(storetest.SmallDisk(t, 32<<20), "linked.db")
	if err := openFile(t, path).Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	db := keeping(t, link)
	t.Cleanup(func() { _ = db.Close() })
	f := storetest.NewFixture(t, db, nil)
	r := f.NewToken(t, "mine")
	neighbour := storetest.FillDisk(t, dir)
	refusesMore(t, db, f)
	if _, err := db.RevokeToken(t.Context(), r.ID, cause()); err != nil {
		t.Error(err)
	}
	if db.Retry(t.Context()); len(db.Faults()) != 1 || !strings.Contains(db.Faults()[0].Error(), dir) {
		t.Errorf("faults %v", db.Faults())
	}
	if err := os.Remove(neighbour); err != nil {
		t.Fatal(err)
	}
	if db.Retry(t.Context()); len(db.Faults()) > 0 {
		t.Errorf("faults %v", db.Faults())
	}
}

// roomFor leaves so much room on a disk.
func roomFor(t *testing.T, dir string, free int64) {
	t.Helper()
	f, err := os.Create(filepath.Join(dir, "neighbour"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	left, _, _ := files.Free(dir)
	if err := syscall.Fallocate(int(f.Fd()), 0, 0, left-free); err != nil {
		t.Fatal(err)
	}
}

// An upgrade on a disk that is nearly full does not make it full, nor refuse what was stored before.
func TestAReserveThatIsBegunOnADiskThatIsNearlyFull(t *testing.T) {
	for _, free := range []int64{2 << 20, 9 << 20} {
		dir := storetest.SmallDisk(t, 96<<20)
		path := filepath.Join(dir, "patgate.db")
		if err := openFile(t, path).Close(); err != nil {
			t.Fatal(err)
		}
		roomFor(t, dir, free)
		db := keeping(t, path)
		t.Cleanup(func() { _ = db.Close() })
		if left, _, _ := files.Free(dir); left < min(free-(512<<10), 4<<20) {
			t.Errorf("%d KiB free: %d KiB are left", free>>10, left>>10)
		}
		storetest.NewFixture(t, db, nil).NewToken(t, "mine")
		if len(db.Faults()) > 0 {
			t.Errorf("%d KiB free: %v", free>>10, db.Faults())
		}
		if err := os.Remove(filepath.Join(dir, "neighbour")); err != nil {
			t.Fatal(err)
		}
		faults := db.Faults()
		if kept, wanted := db.Reserve(); len(faults) > 0 || kept < wanted {
			t.Errorf("%d of %d with room again: %v", kept, wanted, faults)
		}
	}
}

// What has no blocks keeps no room, whatever its length; and a reserve that is gone is made anew where there is room.
func TestAReserveWithHolesIsFilled(t *testing.T) {
	for what, harm := range map[string]func(name string) error{
		"a hole":  func(name string) error { return errors.Join(os.Truncate(name, 0), os.Truncate(name, 12<<20)) },
		"removed": os.Remove,
	} {
		dir := storetest.SmallDisk(t, 96<<20)
		path := filepath.Join(dir, "patgate.db")
		db := keeping(t, path)
		t.Cleanup(func() { _ = db.Close() })
		f := storetest.NewFixture(t, db, nil)
		if err := harm(path + ".reserve"); err != nil {
			t.Fatal(err)
		}
		if kept, _ := db.Reserve(); kept > 0 {
			t.Errorf("%s: %d bytes are kept", what, kept)
		}
		f.NewToken(t, "mine")
		if kept, wanted := db.Reserve(); kept < wanted {
			t.Errorf("%s: %d bytes of %d are kept", what, kept, wanted)
		}
	}
}

// A link in place of the reserve is not followed, and there is none then.
func TestAReserveIsNoLink(t *testing.T) {
	dir := storetest.SmallDisk(t, 96<<20)
	path, other := filepath.Join(dir, "patgate.db"), filepath.Join(dir, "other")
	if err := os.Symlink(other, path+".reserve"); err != nil {
		t.Fatal(err)
	}
	db := keeping(t, path)
	t.Cleanup(func() { _ = db.Close() })
	if _, err := os.Stat(other); err == nil {
		t.Error("the link was followed")
	}
	if _, wanted := db.Reserve(); wanted > 0 || len(db.Faults()) > 0 {
		t.Errorf("%d wanted; %v", wanted, db.Faults())
	}
}
