package postgres_test

import (
	"errors"
	"testing"

	"patgate/store"
	"patgate/store/storetest"
)

// What the server says of its files is a fault of the store's, and what does not meet it works.
func TestAServerThatFindsDamage(t *testing.T) {
	for _, code := range []string{"XX001", "XX002"} {
		t.Run(code, func(t *testing.T) {
			var d databases
			url := d.url(t, t.TempDir())
			db := openURL(t, url)
			f := storetest.NewFixture(t, db, nil)
			r := f.NewToken(t, "used")
			if len(db.Faults()) > 0 {
				t.Fatal(db.Faults())
			}
			on := connect(t, url)
			for _, statement := range []string{
				"CREATE FUNCTION meets() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'invalid page in block 7' " +
					"USING ERRCODE = '" + code + "'; END $$",
				"CREATE TRIGGER meets BEFORE INSERT ON token_uses FOR EACH ROW EXECUTE FUNCTION meets()",
			} {
				if _, err := on.Exec(t.Context(), statement); err != nil {
					t.Fatal(err)
				}
			}
			use := store.Use{TokenID: r.ID, Count: 1, Last: storetest.Start()}
			if err := db.AddUses(t.Context(), []store.Use{use}); !errors.Is(err, store.ErrPartly) || !errors.Is(err, store.ErrDamaged) {
				t.Errorf("who meets it: %v", err)
			}
			if faults := db.Faults(); len(faults) != 1 || !errors.Is(faults[0], store.ErrPartly) {
				t.Errorf("faults %v", faults)
			}
			if _, err := db.Changes(t.Context(), 0); err != nil {
				t.Errorf("a poll: %v", err)
			}
		})
	}
}
