package postgres_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"patgate/routes"
	"patgate/store"
	"patgate/store/storetest"
)

// Pages that are read from an end of an order are those of all tokens put in order, though some have no row in marks or token_uses.
func TestEndsOfOrders(t *testing.T) {
	var d databases
	url := d.url(t, t.TempDir())
	plain, walking := openURL(t, url), openURL(t, url)
	walking.WalkForTest()
	f := storetest.NewFixture(t, plain, nil)
	for i := range 40 {
		f.NewToken(t, fmt.Sprintf("token %d", i))
	}
	c := connect(t, url)
	run := func(statement string) {
		t.Helper()
		if _, err := c.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	run("UPDATE marks SET reach = token_id * 7919 % 9, broad = token_id % 2, judged = 1")
	run("UPDATE tokens SET revoked_at = 1 WHERE id % 5 = 2")
	run("UPDATE tokens SET expires_at = expires_at + id % 3")
	run(`UPDATE tokens SET scopes = '[{"access":"selected_memberships","project_ids":[77],"permissions":["read_job"]}]' WHERE id % 4 = 3`)
	run("INSERT INTO token_uses SELECT id, 1, 60000 * (id * 7907 % 7) FROM tokens WHERE id % 3 > 0 ON CONFLICT DO NOTHING")
	compared, sizes := 0, []int{1, 4, 13}
	compare := func(of store.Filter) {
		t.Helper()
		for _, name := range store.SortNames() {
			of.Sort, _ = store.ParseSort(name)
			want, total, err := plain.Tokens(t.Context(), of)
			if err != nil {
				t.Fatal(err)
			}
			for _, size := range sizes {
				for page := range total/size + 2 {
					asked := of
					asked.Limit, asked.Offset = size, page*size
					got, n, err := walking.Tokens(t.Context(), asked)
					part := want[min(asked.Offset, len(want)):min(asked.Offset+size, len(want))]
					if err != nil || n != total || !slices.Equal(idsOf(got), idsOf(part)) {
						t.Fatalf("%+v by %s: %v of %d, want %v of %d, %v", asked, name, idsOf(got), n, idsOf(part), total, err)
					}
					compared++
				}
			}
		}
	}
	now := storetest.Start().Add(time.Hour)
	for _, missing := range []string{"", "DELETE FROM marks WHERE token_id % 4 = 1", "UPDATE token_uses SET last_used_at = 0",
		"DELETE FROM marks", "DELETE FROM token_uses"} {
		if missing != "" {
			run(missing)
			sizes = []int{4} // so that it does not take minutes
		}
		if err := plain.MissMarks(t.Context()); err != nil { // as it is called at the start, and now and then
			t.Fatal(err)
		}
		compare(store.Filter{Now: now})
		compare(store.Filter{Now: now, State: store.StateActive})
		compare(store.Filter{Now: now, State: store.StateActive, Search: "token 1"})
		compare(store.Filter{Now: now, Mark: store.MarkBroad})
		compare(store.Filter{Now: now, Reach: &store.Reach{Places: []store.Place{{Kind: routes.RefProject, ID: 77}}}})
		compare(store.Filter{Now: now, NeverUsed: true})
		compare(store.Filter{Now: now, LastUsed: store.Span{After: time.UnixMilli(60_000)}})
	}
	t.Logf("%d pages", compared)
}

func idsOf(list []store.Listed) []int64 {
	all := []int64{}
	for i := range list {
		all = append(all, list[i].ID)
	}
	return all
}
