package console_test

import (
	"testing"
	"time"

	"patgate/admin/tokens"
	"patgate/store/postgres"
	"patgate/store/tables"
)

// prepareScale waits until all tokens are judged, and tells a database what it knows when it has been up for a while.
func prepareScale(b *testing.B, s *tokens.Service, st kept) {
	b.Helper()
	began := time.Now()
	for more := true; more; {
		var err error
		if more, err = s.Marks().Changed(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	for more := true; more; {
		var err error
		if more, err = st.Recount(b.Context(), s.Now()); err != nil {
			b.Fatal(err)
		}
	}
	b.Logf("all were judged and counted in %s", time.Since(began).Round(time.Second))
	if _, is := st.(*postgres.DB); !is {
		return
	}
	if err := st.Database().Change(b.Context(), "analyzing", func(tx tables.Conn) error {
		_, err := tx.Exec(b.Context(), "ANALYZE")
		return err
	}); err != nil {
		b.Fatal(err)
	}
}
