package sqlite_test

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"patgate/learn"
	"patgate/store/storetest"
)

// What a token is seen to do beyond its bounds leaves nothing behind, and what was too long ago makes room.
func TestUnitsLeaveNoKinds(t *testing.T) {
	path := filepath.Join(t.TempDir(), "patgate.db")
	db := openFile(t, path)
	f := storetest.NewFixture(t, db, nil)
	r := f.NewToken(t, "busy")
	add := func(from, n int, at time.Time) (lost int64) {
		t.Helper()
		var seen []learn.Seen
		for i := range n {
			u := learn.Unit{Method: "GET", Route: fmt.Sprint("/made/up/", from+i), Needs: []string{"read_job"}}
			seen = append(seen, learn.Seen{Subject: r.ID, Unit: u, Count: 1, Last: at})
		}
		lost, _, err := db.AddSeen(t.Context(), seen)
		if err != nil {
			t.Fatal(err)
		}
		return lost
	}
	const most = learn.MostUnits + learn.MostCollapsed
	if lost := add(0, most+100, storetest.Start()); lost != 100 {
		t.Errorf("%d lost", lost)
	}
	raw, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	kinds := 0
	if err := raw.QueryRow("SELECT count(*) FROM unit_kinds").Scan(&kinds); err != nil || kinds != most {
		t.Errorf("%d kinds, %v", kinds, err)
	}
	if lost := add(most+100, 10, storetest.Start().AddDate(0, 0, learn.DaysKept+1)); lost != 0 {
		t.Errorf("%d of another season are lost", lost)
	}
}
