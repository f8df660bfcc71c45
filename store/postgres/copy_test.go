package postgres_test

import (
	"errors"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"patgate/learn"
	"patgate/routes"
	"patgate/store"
	"patgate/store/sqlite"
	"patgate/store/storetest"
	"patgate/store/transfer"
	"patgate/token"
)

func openFile(t testing.TB, name string) *sqlite.DB {
	t.Helper()
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), name), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// A store that is copied from SQLite to PostgreSQL and back is the same, and goes on where it was.
func TestCopyThereAndBack(t *testing.T) {
	var d databases
	secondURL := d.url(t, t.TempDir())
	first, second, third := openFile(t, "a.db"), openURL(t, secondURL), openFile(t, "b.db")
	f := storetest.NewFixture(t, first, nil)
	r := f.NewToken(t, "parent", func(r *token.Record) { r.OwnersWord = true })
	f.NewToken(t, "ünïcode \"quoted\"\n")
	if _, err := first.RevokeToken(t.Context(), r.ID, store.Cause{Reason: "test", By: "user:1", At: storetest.Start()}); err != nil {
		t.Fatal(err)
	}
	seen := learn.Seen{Subject: r.ID, Unit: learn.Unit{Method: "GET", Route: "/projects", Needs: []string{"read_job"}}, Count: 3,
		Last: storetest.Start()}
	_, _, err := first.AddSeen(t.Context(), []learn.Seen{seen})
	_, sighted := first.SeePlaces(t.Context(), f.Owner.Origin, []store.Sighting{{UserID: f.Owner.UserID,
		Place: store.Place{Kind: routes.RefProject, ID: 6}, Path: "acme/website", At: storetest.Start()}})
	err = errors.Join(err, sighted, first.AddUses(t.Context(), []store.Use{{TokenID: r.ID, Count: 2, Last: storetest.Start()}}),
		first.AddDetails(t.Context(), []store.Detail{{TokenID: r.ID, Address: "192.0.2.7", Last: storetest.Start()}}),
		first.SetObserving(t.Context(), 24*time.Hour, storetest.Start()))
	if err != nil {
		t.Fatal(err)
	}
	f.SignIn(t, 42, storetest.Start()) // who is signed in is not copied
	there, err := transfer.Copy(t.Context(), first.Tables, second.Tables)
	if err != nil {
		t.Fatal(err)
	}
	back, err := transfer.Copy(t.Context(), second.Tables, third.Tables)
	if err != nil || !reflect.DeepEqual(there, back) {
		t.Fatalf("%+v\n%+v\n%v", there, back, err)
	}
	rows := 0
	for _, c := range there {
		rows += c.Rows
	}
	if rows != 15 { // a key, an owner, a credential, two tokens with two places each, a path, uses, an address, a kind, a unit, observing

		t.Errorf("%d rows: %+v", rows, there)
	}
	var signedIn int
	if err := connect(t, secondURL).QueryRow(t.Context(), "SELECT count(*) FROM sign_ins").Scan(&signedIn); err != nil || signedIn != 0 {
		t.Errorf("%d are signed in, %v", signedIn, err)
	}
	want, _ := first.Token(t.Context(), r.ID)
	if len(want.Names) != 1 {
		t.Errorf("names %v", want.Names)
	}
	newest := int64(0)
	for name, st := range map[string]store.Store{"PostgreSQL": second, "SQLite": third} {
		got, err := st.Token(t.Context(), r.ID)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v, want %+v", name, got, err, want)
		}
		before, _ := st.Changes(t.Context(), 0)
		f.Store = st
		next := f.NewToken(t, "next")
		if next.ID != r.ID+2 {
			t.Errorf("%s: the next id is %d after %d", name, next.ID, r.ID+1)
		}
		after, err := st.Changes(t.Context(), before.Sequence)
		if err != nil || len(after.Hashes) != 1 || after.All {
			t.Errorf("%s: changes %+v, %v", name, after, err)
		}
		newest = max(newest, before.Sequence)
	}
	if was, _ := first.Changes(t.Context(), 0); newest <= was.Sequence {
		t.Errorf("the newest change is %d after %d", newest, was.Sequence)
	}
	if _, err := transfer.Copy(t.Context(), first.Tables, second.Tables); !errors.Is(err, store.ErrConflict) {
		t.Errorf("copied over what is there: %v", err)
	}
}

// A row that does not arrive as it was is found, and nothing of the copy is kept.
func TestACopyThatDiffersIsRefused(t *testing.T) {
	var d databases
	url := d.url(t, t.TempDir())
	from, to := openFile(t, "a.db"), openURL(t, url)
	f := storetest.NewFixture(t, from, nil)
	r := f.NewToken(t, "used")
	if err := from.AddUses(t.Context(), []store.Use{{TokenID: r.ID, Count: 2, Last: storetest.Start()}}); err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	_, err = conn.Exec(t.Context(), `CREATE FUNCTION more() RETURNS TRIGGER LANGUAGE plpgsql AS
		$$ BEGIN NEW.uses := NEW.uses + 1; RETURN NEW; END $$;
		CREATE TRIGGER more BEFORE INSERT ON token_uses FOR EACH ROW EXECUTE FUNCTION more()`)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := transfer.Copy(t.Context(), from.Tables, to.Tables); !errors.Is(err, store.ErrDamaged) {
		t.Errorf("error %v", err)
	}
	if list, _, err := to.Tokens(t.Context(), store.Filter{}); err != nil || len(list) > 0 {
		t.Errorf("%d tokens are left, %v", len(list), err)
	}
}
