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
	later := storetest.Start().AddDate(0, 0, learn.DaysKept+1)
	if lost := add(most+100, 10, later); lost != 0 {
		t.Errorf("%d of another season are lost", lost)
	}
	if lost := add(1, 2, later); lost != 0 { // of kinds that have just gone
		t.Errorf("%d of what was there before are lost", lost)
	}
	left := func(want int) {
		t.Helper()
		if err := raw.QueryRow("SELECT count(*) FROM unit_kinds").Scan(&kinds); err != nil || kinds != want {
			t.Errorf("%d kinds are left, want %d, %v", kinds, want, err)
		}
		if list, _, err := db.Observations(t.Context(), r.ID, time.Time{}); err != nil || len(list) > want {
			t.Errorf("%d units of %d kinds, %v", len(list), want, err)
		}
	}
	left(12)
	u := learn.Unit{Method: "GET", Route: "/of/nobody"}
	if _, _, err := db.AddSeen(t.Context(), []learn.Seen{{Subject: 999, Unit: u, Count: 1, Last: later},
		{Subject: r.ID, Unit: u, Count: 1, Last: later.AddDate(0, 0, 9)}, {Subject: 999, Unit: u, Count: 1, Last: later}}); err != nil {
		t.Fatal(err)
	}
	left(13)
	if err := db.ForgetSeen(t.Context(), learn.DayOf(later)+9); err != nil {
		t.Fatal(err)
	}
	left(1)
	for i := range learn.MostSubjectsOfUser + 1 { // each makes room for the next
		at := later.AddDate(0, 0, i*learn.QuietDays)
		s, err := db.PutSubject(t.Context(), learn.Subject{Hash: [32]byte{byte(i)}, Origin: "https://gitlab.example.com", UserID: 42,
			First: at, Last: at})
		if err != nil {
			t.Fatal(err)
		}
		u := learn.Unit{Method: "GET", Route: fmt.Sprint("/of/subject/", i)}
		if _, _, err := db.AddSeen(t.Context(), []learn.Seen{{Subject: s.ID, Unit: u, Count: 1, Last: at}}); err != nil {
			t.Fatal(err)
		}
	}
	left(1 + learn.MostSubjectsOfUser)
}
