package sqlite_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"testing"
	"time"

	"patgate/store"
	"patgate/store/seal"
	"patgate/store/sqlite"
	"patgate/store/storetest"
)

// refusing holds that a store whose file was taken away neither reads nor acknowledges.
func refusing(t *testing.T, db *sqlite.DB, f *storetest.Fixture, id int64, hash [32]byte) {
	t.Helper()
	fresh := f.Record("never made")
	fresh.Hash[31] = 77
	for what, do := range map[string]func(context.Context) error{
		"a poll":  func(ctx context.Context) error { _, err := db.Changes(ctx, 0); return err },
		"a read":  func(ctx context.Context) error { _, err := db.TokenByHash(ctx, hash); return err },
		"a token": func(ctx context.Context) error { _, err := db.Token(ctx, id); return err },
		"a list":  func(ctx context.Context) error { _, _, err := db.Tokens(ctx, store.Filter{Limit: 1}); return err },
		"owners":  func(ctx context.Context) error { _, err := db.Owners(ctx); return err },
		"what was seen": func(ctx context.Context) error {
			_, _, err := db.Observations(ctx, id, time.Time{})
			return err
		},
		"a new token": func(ctx context.Context) error { _, err := db.CreateToken(ctx, fresh); return err },
		"a use count": func(ctx context.Context) error {
			return db.AddUses(ctx, []store.Use{{TokenID: id, Count: 1, Last: storetest.Start()}})
		},
		"a revocation": func(ctx context.Context) error {
			_, err := db.RevokeToken(ctx, id, store.Cause{At: time.Now()})
			return err
		},
	} {
		if err := do(t.Context()); !errors.Is(err, store.ErrMoved) {
			t.Errorf("%s: error %v, want ErrMoved", what, err)
		}
	}
	if faults := db.Faults(); len(faults) != 1 || !errors.Is(faults[0], store.ErrMoved) {
		t.Errorf("faults %v", faults)
	}
}

func TestAFileThatIsTakenAwayIsNoticed(t *testing.T) {
	for _, beside := range []string{"", "-wal", "-shm"} {
		for name, take := range map[string]func(string) error{
			"removed": os.Remove,
			"renamed": func(path string) error { return os.Rename(path, path+".away") },
			"replaced by its copy": func(path string) error {
				data, err := os.ReadFile(path + ".copy")
				return errors.Join(err, os.WriteFile(path+".new", data, 0o600), os.Rename(path+".new", path))
			},
		} {
			t.Run("patgate.db"+beside+" "+name, func(t *testing.T) {
				path := filled(t, 0)
				db := openFile(t, path)
				f := storetest.NewFixture(t, db, nil)
				r := f.NewToken(t, "x")
				if err := os.WriteFile(path+beside+".copy", nil, 0o600); err != nil {
					t.Fatal(err)
				}
				if err := take(path + beside); err != nil {
					t.Fatal(err)
				}
				refusing(t, db, f, r.ID, r.Hash)
				if err := os.Rename(path+beside+".away", path+beside); err != nil {
					return
				}
				if _, err := db.RevokeToken(t.Context(), r.ID, store.Cause{At: time.Now()}); err != nil {
					t.Errorf("with its file back where it was: %v", err)
				}
			})
		}
	}
}

func TestAChangeIsNotAcknowledgedWhenItsFileGoesMeanwhile(t *testing.T) {
	path := filled(t, 0)
	db := openFile(t, path)
	f := storetest.NewFixture(t, db, nil)
	f.NewToken(t, "x")
	key, err := seal.NewKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = db.Rekey(t.Context(), store.SealingKey{ID: key.ID(), Check: key.CheckValue(), CreatedAt: time.Now()},
		func(store.Credential, seal.Binding, seal.Binding) (string, []byte, error) {
			_ = os.Remove(path)
			return key.ID(), []byte("sealed"), nil
		})
	if !errors.Is(err, store.ErrMoved) {
		t.Errorf("error %v, want ErrMoved", err)
	}
}

func TestAStoreThatWasTakenAwayAnswersNothingOnceClosed(t *testing.T) {
	path := filled(t, 0)
	db := openFile(t, path)
	r := storetest.NewFixture(t, db, nil).NewToken(t, "x")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := db.RevokeToken(t.Context(), r.ID, store.Cause{At: time.Now()}); !errors.Is(err, store.ErrClosed) {
		t.Errorf("a revocation: %v, want ErrClosed", err)
	}
	if _, err := db.TokenByHash(t.Context(), r.Hash); !errors.Is(err, store.ErrClosed) {
		t.Errorf("a read: %v, want ErrClosed", err)
	}
}

func TestAStoreThatWasTakenAwayLeavesAloneWhatStandsThereNow(t *testing.T) {
	path := filled(t, 0)
	old := openFile(t, path)
	for _, beside := range []string{"", "-wal", "-shm"} {
		if err := os.Rename(path+beside, path+".away"+beside); err != nil {
			t.Fatal(err)
		}
	}
	db := openFile(t, path)
	r := storetest.NewFixture(t, db, nil).NewToken(t, "x")
	if err := old.Close(); err != nil {
		t.Fatal(err)
	}
	if faults := db.Faults(); len(faults) != 0 {
		t.Errorf("the other store's end took files from this one: %v", faults)
	}
	if wal := read(t, path+"-wal"); !bytes.Contains(wal, []byte("SQLite format 3")) && len(wal) == 0 {
		t.Error("its -wal was emptied")
	}
	if _, err := db.TokenByHash(t.Context(), r.Hash); err != nil {
		t.Error(err)
	}
}

func TestAStoreBehindALinkIsNotTakenForAway(t *testing.T) {
	path := filled(t, 0)
	link := t.TempDir() + "/linked.db"
	if err := os.Symlink(path, link); err != nil {
		t.Skip(err)
	}
	db := openFile(t, link)
	if _, err := db.Changes(t.Context(), 0); err != nil {
		t.Error(err)
	}
	if err := os.Remove(link); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Changes(t.Context(), 0); !errors.Is(err, store.ErrMoved) {
		t.Errorf("error %v, want ErrMoved", err)
	}
}
