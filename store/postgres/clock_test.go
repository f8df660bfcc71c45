package postgres_test

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"patgate/store"
)

// A node whose clock is not the server's says so, and when it is over. The server's is moved by a function of that name, which is
// found before its own.
func TestClocksThatAreApart(t *testing.T) {
	var d databases
	address := d.url(t, t.TempDir())
	openURL(t, address)
	on := connect(t, address)
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	name := strings.TrimPrefix(u.Path, "/")
	do := func(statement string) {
		t.Helper()
		if _, err := on.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	do("CREATE SCHEMA shifted")
	do("ALTER DATABASE " + name + " SET search_path = shifted, pg_catalog, public")
	for by, wanted := range map[time.Duration]string{
		0:                        "",
		1500 * time.Millisecond:  "",
		-1500 * time.Millisecond: "",
		10 * time.Minute:         "this machine's is 10m",
		-10 * time.Minute:        " ahead of that of ",
	} {
		t.Run(by.String(), func(t *testing.T) {
			do(fmt.Sprintf("CREATE OR REPLACE FUNCTION shifted.clock_timestamp() RETURNS timestamptz LANGUAGE sql AS "+
				"$$SELECT pg_catalog.clock_timestamp() + interval '%d milliseconds'$$", by.Milliseconds()))
			db := openURL(t, address)
			for range 2 {
				db.CompareClocksForTest()
			}
			if len(db.Faults()) > 0 {
				t.Errorf("after two answers: %v", db.Faults())
			}
			for end := time.Now().Add(time.Minute); ; { // on a busy machine an answer may take too long to tell anything
				db.CompareClocksForTest()
				got := db.Faults()
				switch {
				case wanted == "" && len(got) == 0:
					return
				case wanted != "" && len(got) == 1 && errors.Is(got[0], store.ErrClock) && strings.Contains(got[0].Error(), wanted):
					return
				case wanted == "" || time.Now().After(end):
					t.Fatalf("%v, want %q", got, wanted)
				}
			}
		})
	}
}
