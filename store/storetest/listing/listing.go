// Package listing is the part of the suite for stores that is about lists: whatever the state, mark, order, page and search, a
// store gives what going through all tokens gives.
package listing

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"patgate/store"
	"patgate/store/storetest"
	"patgate/token"
)

const (
	day  = 24 * time.Hour
	many = 60
)

// world is a store with tokens of all kinds, and what was judged of them.
type world struct {
	*storetest.Fixture
	now    time.Time
	judged map[int64]store.Judgement
}

// Run runs the suite on stores that open makes.
func Run(t *testing.T, open storetest.Open) {
	w := &world{Fixture: storetest.NewFixture(t, open(t, t.TempDir()), nil), now: storetest.Start().Add(100 * day),
		judged: map[int64]store.Judgement{}}
	w.fill(t)
	t.Run("every filter, order and page", w.lists)
	t.Run("whatever is asked at once", w.combinations)
	t.Run("what must be judged anew", w.due)
}

func (w *world) fill(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	words := []string{"deploy", "Renovate", "ÄRGER", "100%", `a"b`, "x_y"}
	var uses []store.Use
	for i := range many {
		made := w.NewToken(t, fmt.Sprintf("%s %d", words[r.IntN(len(words))], r.IntN(9)), func(fresh *token.Record) {
			fresh.Description = words[r.IntN(len(words))]
			fresh.CreatedAt = w.now.Add(-time.Duration(1+r.IntN(90)) * day)
			fresh.ExpiresAt = w.now.Add(time.Duration(r.IntN(60)-15) * day)
			fresh.TableVersion = 1 + r.IntN(2)
		})
		cause := store.Cause{By: "user:42", At: w.now}
		var err error
		switch i % 10 {
		case 0:
			_, err = w.Store.RevokeToken(t.Context(), made.ID, cause)
		case 1:
			_, err = w.Store.PauseToken(t.Context(), made.ID, cause)
		}
		if err != nil {
			t.Fatal(err)
		}
		if i%3 > 0 {
			uses = append(uses, store.Use{TokenID: made.ID, Count: 1, Last: w.now.Add(-time.Duration(r.IntN(1000)) * time.Hour)})
		}
	}
	if err := w.Store.AddUses(t.Context(), uses); err != nil {
		t.Fatal(err)
	}
	list, _, err := w.Store.Due(t.Context(), store.Due{}, many)
	if err != nil || len(list) != many {
		t.Fatalf("%d are to be judged, %v", len(list), err)
	}
	var all []store.Judgement
	for i := range list {
		l := &list[i]
		j := store.Judgement{TokenID: l.ID, Turn: l.Kept.Turn, Under: 5, At: w.now, NeverUsed: l.LastUsedAt.IsZero(),
			Broad: r.IntN(3) == 0, Mints: r.IntN(4) == 0, Reach: int64(r.IntN(20)),
			UnusedFrom: w.now.Add(time.Duration(r.IntN(40)-20) * day)}
		all, w.judged[l.ID] = append(all, j), j
	}
	if err := w.Store.Judge(t.Context(), all); err != nil {
		t.Fatal(err)
	}
}

// keeps tells whether a token is one that a filter leaves.
func (w *world) keeps(l *store.Listed, f *store.Filter) bool {
	if f.Reporting || f.Revoked != nil && *f.Revoked == l.RevokedAt.IsZero() { // none is in report mode
		return false
	}
	active := l.RevokedAt.IsZero() && l.PausedAt.IsZero() && l.ExpiresAt.After(f.Now)
	j := w.judged[l.ID]
	unused := !j.UnusedFrom.After(f.Now)
	left := l.ExpiresAt.Sub(f.Now)
	switch f.Mark {
	case store.MarkNone:
	case store.MarkBroad:
		return active && j.Broad
	case store.MarkMints:
		return active && j.Mints
	case store.MarkUnused:
		return active && unused
	case store.MarkNeverUsed:
		return active && unused && l.LastUsedAt.IsZero()
	case store.MarkSoon:
		return active && left < store.SoonWithin && left*store.SoonShare < l.ExpiresAt.Sub(l.CreatedAt)
	case store.MarkHeldBack:
		return active && l.TableVersion < f.TableVersion
	case store.MarkRests:
		return active && l.Credential == store.CredentialInvalid
	}
	switch f.State {
	case store.StateActive:
		return active
	case store.StateInactive:
		return !active
	case store.StateExpired:
		return l.RevokedAt.IsZero() && !l.ExpiresAt.After(f.Now)
	case store.StateRevoked:
		return !l.RevokedAt.IsZero()
	case store.StatePaused:
		return l.RevokedAt.IsZero() && !l.PausedAt.IsZero() && l.ExpiresAt.After(f.Now)
	}
	return true
}

// lower makes small letters as stores do: in ASCII.
func lower(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}

func (w *world) less(sort store.Sort) func(a, b store.Listed) int {
	return func(a, b store.Listed) (n int) {
		switch sort {
		case store.SortCreatedAsc, store.SortCreatedDesc:
			n = a.CreatedAt.Compare(b.CreatedAt)
		case store.SortExpiresAsc, store.SortExpiresDesc:
			n = a.ExpiresAt.Compare(b.ExpiresAt)
		case store.SortLastUsedAsc, store.SortLastUsedDesc:
			n = a.LastUsedAt.Compare(b.LastUsedAt)
		case store.SortNameAsc, store.SortNameDesc:
			n = cmp.Compare(lower(a.Name), lower(b.Name))
		default:
			n = cmp.Compare(w.judged[a.ID].Reach, w.judged[b.ID].Reach)
		}
		n = cmp.Or(n, cmp.Compare(a.ID, b.ID))
		if !sort.Ascending() {
			return -n
		}
		return n
	}
}

func (w *world) lists(t *testing.T) {
	everything, total, err := w.Store.Tokens(t.Context(), store.Filter{})
	if err != nil || total != many || len(everything) != many {
		t.Fatalf("%d of %d, %v", len(everything), total, err)
	}
	var filters []store.Filter
	for state := store.StateAny; state <= store.StatePaused; state++ {
		filters = append(filters, store.Filter{State: state}, store.Filter{State: state, OwnerID: w.Owner.ID})
		for _, search := range []string{"renovate", "ÄRG", "0%", `a"b`, "x_y", "oy", "nothing of it"} {
			filters = append(filters, store.Filter{State: state, Search: search}, store.Filter{State: state, Search: search, CountTo: 2})
		}
	}
	for mark := store.MarkBroad; mark <= store.MarkRests; mark++ {
		filters = append(filters, store.Filter{Mark: mark, TableVersion: 2},
			store.Filter{Mark: mark, TableVersion: 2, OwnerID: w.Owner.ID},
			store.Filter{Mark: mark, TableVersion: 2, Search: "deploy"}, store.Filter{Mark: mark, TableVersion: 2, ReportsAreBroad: true})
	}
	found := 0
	sorts := store.SortNames()
	for i, f := range filters {
		f.Now = w.now
		for _, name := range []string{sorts[i%len(sorts)], sorts[(i/2+5)%len(sorts)]} { // all of them, in turn
			f.Sort, _ = store.ParseSort(name)
			found += w.compare(t, f, everything)
		}
	}
	if found == 0 {
		t.Error("nothing was ever found")
	}
}

// combinations asks for all that can be asked for at once: a database must have a way to answer each.
func (w *world) combinations(t *testing.T) {
	everything, _, err := w.Store.Tokens(t.Context(), store.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	yes, no := true, false
	asked, found := 0, 0
	ask := func(f store.Filter) {
		t.Helper()
		text := lower(f.Search)
		var want []store.Listed
		for i := range everything {
			l := &everything[i]
			if w.keeps(l, &f) && (strings.Contains(lower(l.Name), text) || strings.Contains(lower(l.Description), text)) {
				want = append(want, *l)
			}
		}
		slices.SortFunc(want, w.less(f.Sort))
		list, total, err := w.Store.Tokens(t.Context(), f)
		if asked++; err != nil {
			t.Fatalf("%+v: %v", f, err)
		}
		if page := want[:min(f.Limit, len(want))]; total != len(want) || !slices.Equal(ids(list), ids(page)) {
			t.Errorf("%+v by %s: %v of %d, want %v of %d", f, f.Sort, ids(list), total, ids(page), len(want))
		}
		found += total
	}
	for _, name := range store.SortNames() {
		sort, _ := store.ParseSort(name)
		for what := range int(store.StatePaused) + int(store.MarkRests) + 1 {
			f := store.Filter{Sort: sort, Now: w.now, Limit: 5, TableVersion: 2, State: store.State(what)}
			if what > int(store.StatePaused) {
				f.State, f.Mark = store.StateAny, store.Mark(what-int(store.StatePaused))
			}
			for _, f.OwnerID = range []int64{0, w.Owner.ID} {
				for _, f.Reporting = range []bool{false, true} {
					for _, f.Revoked = range []*bool{nil, &yes, &no} {
						for _, f.Search = range []string{"", "oy", "deploy"} {
							f.ReportsAreBroad = asked%2 == 0
							ask(f)
						}
					}
				}
			}
		}
	}
	if found == 0 {
		t.Error("nothing was ever found")
	}
}

// compare holds pages of a filter against those of all tokens.
func (w *world) compare(t *testing.T, f store.Filter, everything []store.Listed) (found int) {
	t.Helper()
	var want []store.Listed
	for i := range everything {
		l := &everything[i]
		text := lower(f.Search)
		if w.keeps(l, &f) && (strings.Contains(lower(l.Name), text) || strings.Contains(lower(l.Description), text)) {
			want = append(want, *l)
		}
	}
	slices.SortFunc(want, w.less(f.Sort))
	counted := len(want)
	if f.CountTo > 0 {
		counted = min(counted, f.CountTo+1)
	}
	for _, at := range []struct{ limit, offset int }{{7, 0}, {7, max(0, len(want)-3)}, {3, 99}, {0, 0}} {
		f.Limit, f.Offset = at.limit, at.offset
		list, total, err := w.Store.Tokens(t.Context(), f)
		if err != nil {
			t.Fatalf("%+v: %v", f, err)
		}
		page := want[min(at.offset, len(want)):]
		if at.limit > 0 {
			page = page[:min(at.limit, len(page))]
		}
		if total != counted || !slices.Equal(ids(list), ids(page)) {
			t.Errorf("%+v by %s: %v of %d, want %v of %d", f, f.Sort, ids(list), total, ids(page), counted)
		}
	}
	return len(want)
}

func ids(list []store.Listed) []int64 {
	all := []int64{}
	for i := range list {
		all = append(all, list[i].ID)
	}
	return all
}

func (w *world) due(t *testing.T) {
	due := func(d store.Due) []int64 {
		t.Helper()
		list, _, err := w.Store.Due(t.Context(), d, many)
		if err != nil {
			t.Fatal(err)
		}
		return ids(list)
	}
	if got := due(store.Due{}); len(got) != 0 {
		t.Errorf("nothing was changed, and %v are to be judged", got)
	}
	if got := due(store.Due{Under: 6, Version: 1}); len(got) != many {
		t.Errorf("%d were judged under other words", len(got))
	}
	fresh := w.NewToken(t, "new")
	if got := due(store.Due{}); !slices.Equal(got, []int64{fresh.ID}) {
		t.Fatalf("%v are to be judged", got)
	}
	judge := func(turn int64) {
		t.Helper()
		list, err := w.Store.Token(t.Context(), fresh.ID)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Store.Judge(t.Context(), []store.Judgement{{TokenID: fresh.ID, Turn: turn, Under: 5, At: w.now,
			NeverUsed: list.LastUsedAt.IsZero()}}); err != nil {
			t.Fatal(err)
		}
	}
	judge(0)
	if got := due(store.Due{}); len(got) != 0 {
		t.Errorf("%v is judged, and to be judged", got)
	}
	if err := w.Store.AddUses(t.Context(), []store.Use{{TokenID: fresh.ID, Count: 1, Last: w.now}}); err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(due(store.Due{FirstUsed: true}), fresh.ID) {
		t.Error("that a token was used for the first time is not noted")
	}
	if judge(0); slices.Contains(due(store.Due{FirstUsed: true}), fresh.ID) {
		t.Error("and is not over when it is judged")
	}
	of := func(version int, at time.Time) (reach int64) {
		t.Helper()
		err := w.Store.Judge(t.Context(), []store.Judgement{{TokenID: fresh.ID, Under: int64(version), Version: version, At: at,
			Reach: int64(version)}})
		if err != nil {
			t.Fatal(err)
		}
		l, err := w.Store.Token(t.Context(), fresh.ID)
		if err != nil {
			t.Fatal(err)
		}
		return l.Kept.Reach
	}
	if newer, older, newest := of(8, w.now), of(7, w.now.Add(time.Hour)), of(9, w.now); newer != 8 || older != 8 || newest != 9 {
		t.Errorf("of judgements by tables 8, 7 and 9, those of %d, %d and %d stand", newer, older, newest)
	}
	if back := of(7, w.now.Add(2*day)); back != 7 {
		t.Errorf("two days later, when all have gone back to table 7, the judgement of %d stands", back)
	}
	if got := due(store.Due{Under: 6, Version: -1}); len(got) != 0 {
		t.Errorf("%v would be judged by an older table", got)
	}
	if got := due(store.Due{UnusedBy: w.now, JudgedBefore: w.now, Now: w.now.Add(-90 * day)}); slices.Contains(got, fresh.ID) {
		t.Error("what was judged just now is to be judged again")
	}
}
