package listing

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"patgate/store"
	"patgate/token"
)

// owners compares what is kept of owners with what going through all tokens gives, while tokens change and time passes: at once,
// and after they were counted anew.
func (w *world) owners(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 9))
	for i, name := range []string{"Bob", "carla_x", "dora"} {
		o := w.NewOwner(t, int64(50+i), name)
		credential := w.NewCredential(t, o, "api")
		for n := range 3 * i {
			made := w.NewToken(t, "another", func(fresh *token.Record) {
				fresh.OwnerID, fresh.CredentialID = o.ID, credential.ID
				fresh.CreatedAt = w.now.Add(-time.Duration(n+1) * 25 * day)
				fresh.ExpiresAt = w.now.Add(time.Duration(n) * 20 * day)
			})
			w.rejudge(t, made.ID, r)
		}
	}
	most := store.Tally{}
	for range 40 {
		w.check(t, &most)
		for more := r.IntN(3) > 0; more; {
			var err error
			if more, err = w.Store.Recount(t.Context(), w.now); err != nil {
				t.Fatal(err)
			}
		}
		w.check(t, &most)
		w.change(t, r)
		w.now = w.now.Add(time.Duration(r.Int64N(int64(3 * day)))).Truncate(time.Millisecond)
	}
	if most.Active*most.Paused*most.Revoked*most.Broad*most.Mints*most.Dangerous == 0 ||
		most.Soon*most.Unused*most.NeverUsed*most.Idle == 0 {
		t.Errorf("not all of it was ever there: %+v", most)
	}
	if more, err := w.Store.Recount(t.Context(), w.now); err != nil || more {
		t.Errorf("there is more to count: %v, %v", more, err)
	}
}

// clocks counts by a clock that is ahead, as a machine's may be until it is set right: figures are right at once then, and once
// they were counted anew.
func (w *world) clocks(t *testing.T) {
	recount := func(at time.Time) {
		t.Helper()
		for more := true; more; {
			var err error
			if more, err = w.Store.Recount(t.Context(), at); err != nil {
				t.Fatal(err)
			}
		}
	}
	var most store.Tally
	same := func(when string) {
		t.Helper()
		w.check(t, &most)
		for _, owner := range []int64{0, w.Owner.ID} {
			f := store.Filter{State: store.StateActive, Now: w.now, OwnerID: owner}
			list, total, err := w.Store.Tokens(t.Context(), f)
			if err != nil || total != len(list) || total == 0 {
				t.Errorf("%s: %d of %d active ones of %d, %v", when, len(list), total, owner, err)
			}
			n, err := w.Store.Tally(t.Context(), store.OwnerFilter{Now: w.now, OwnerID: owner})
			if err != nil || n.Active != len(list) {
				t.Errorf("%s: of %d, %d are active: %+v, %v", when, owner, len(list), n, err)
			}
			f.UnusedSince, f.CountTo, f.Limit = w.now.Add(-store.UnusedLong), 1, 1
			if _, total, err := w.Store.Tokens(t.Context(), f); err != nil || total != n.Idle || total < 2 {
				t.Errorf("%s: of %d, %d are unused for long, want %d, %v", when, owner, total, n.Idle, err)
			}
		}
	}
	for _, ahead := range []time.Duration{400 * day, 20 * day, -400 * day} {
		w.now = w.now.Add(time.Hour)
		recount(w.now.Add(ahead))
		same("before it is set right")
		recount(w.now)
		same("afterwards")
		if more, err := w.Store.Recount(t.Context(), w.now); err != nil || more {
			t.Errorf("there is more to count: %v, %v", more, err)
		}
	}
}

// odd searches for owners with what no name holds, and what databases do not take.
func (w *world) odd(t *testing.T) {
	for _, text := range []string{"\x00", "\xff", strings.Repeat("a", 50_001),
		strings.Repeat("%", 30_000), strings.Repeat("%", 4096)} {
		list, total, err := w.Store.OwnerTallies(t.Context(), store.OwnerFilter{Now: w.now, Search: text})
		if err != nil || total != 0 || len(list) != 0 {
			t.Errorf("%.9q: %d of %d, %v", text, len(list), total, err)
		}
	}
}

// rejudge judges a token as chance has it.
func (w *world) rejudge(t *testing.T, id int64, r *rand.Rand) {
	t.Helper()
	l, err := w.Store.Token(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	j := store.Judgement{TokenID: id, Turn: l.Kept.Turn, Under: 5, At: w.now, NeverUsed: l.LastUsedAt.IsZero(),
		Broad: r.IntN(3) == 0, Mints: r.IntN(4) == 0, Dangerous: r.IntN(2) == 0, Reach: int64(r.IntN(90)),
		UnusedFrom: w.now.Add(time.Duration(r.IntN(40)-20) * day)}
	w.judged[id] = j
	if err := w.Store.Judge(t.Context(), []store.Judgement{j}); err != nil {
		t.Fatal(err)
	}
}

// change does something to some tokens.
func (w *world) change(t *testing.T, r *rand.Rand) {
	t.Helper()
	list, _, err := w.Store.Tokens(t.Context(), store.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	for range 4 {
		l := &list[r.IntN(len(list))]
		cause := store.Cause{By: "user:42", At: w.now}
		switch r.IntN(5) {
		case 0:
			_, err = w.Store.RevokeToken(t.Context(), l.ID, cause)
		case 1:
			if _, err = w.Store.PauseToken(t.Context(), l.ID, cause); err != nil {
				err = nil // it is revoked
			}
		case 2:
			if _, err = w.Store.ResumeToken(t.Context(), l.ID, cause); err != nil {
				err = nil
			}
		case 3:
			err = w.Store.AddUses(t.Context(), []store.Use{{TokenID: l.ID, Count: 1, Last: w.now.Truncate(time.Minute)}})
		default:
			w.rejudge(t, l.ID, r)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// of counts the tokens of an owner.
func (w *world) of(owner store.Owner, everything []store.Listed) store.OwnerTally {
	one := store.OwnerTally{Owner: owner}
	for i := range everything {
		l := &everything[i]
		if l.OwnerID != owner.ID {
			continue
		}
		is := func(n *int, f store.Filter) {
			if f.Now = w.now; w.keeps(l, &f) {
				*n++
			}
		}
		one.Tokens++
		is(&one.Active, store.Filter{State: store.StateActive})
		is(&one.Paused, store.Filter{State: store.StatePaused})
		is(&one.Revoked, store.Filter{State: store.StateRevoked})
		for mark, n := range map[store.Mark]*int{store.MarkBroad: &one.Broad, store.MarkMints: &one.Mints,
			store.MarkDangerous: &one.Dangerous, store.MarkSoon: &one.Soon} {
			is(n, store.Filter{Mark: mark})
		}
		judged := w.judged[l.ID]
		if l.LastUsedAt.IsZero() || !judged.NeverUsed { // used since: nothing is known until it is judged anew
			is(&one.Unused, store.Filter{Mark: store.MarkUnused})
			is(&one.NeverUsed, store.Filter{Mark: store.MarkNeverUsed})
		}
		since := w.now.Add(-store.UnusedLong)
		active := l.RevokedAt.IsZero() && l.PausedAt.IsZero() && l.ExpiresAt.After(w.now)
		if active && l.CreatedAt.Before(since) && l.LastUsedAt.Before(since) {
			one.Idle++
		}
		if active {
			one.Reach = max(one.Reach, judged.Reach)
		}
		if l.LastUsedAt.After(one.LastUsedAt) {
			one.LastUsedAt = l.LastUsedAt
		}
	}
	return one
}

// check compares all orders, pages and searches now.
func (w *world) check(t *testing.T, most *store.Tally) {
	t.Helper()
	everything, _, err := w.Store.Tokens(t.Context(), store.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	known, err := w.Store.Owners(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var all []store.OwnerTally
	for _, o := range known {
		one := w.of(o, everything)
		all = append(all, one)
		for _, of := range [][2]*int{{&most.Active, &one.Active}, {&most.Paused, &one.Paused}, {&most.Revoked, &one.Revoked},
			{&most.Broad, &one.Broad}, {&most.Mints, &one.Mints}, {&most.Dangerous, &one.Dangerous}, {&most.Soon, &one.Soon},
			{&most.Unused, &one.Unused}, {&most.NeverUsed, &one.NeverUsed}, {&most.Idle, &one.Idle}} {
			*of[0] = max(*of[0], *of[1])
		}
	}
	for i, name := range store.OwnerSortNames() {
		sort, err := store.ParseOwnerSort(name)
		if err != nil {
			t.Fatal(err)
		}
		f := store.OwnerFilter{Now: w.now, Sort: sort, Search: []string{"", "A", "51", "a_", ""}[i%5]}
		if i%2 == 0 {
			f.Origin = known[0].Origin
		}
		var want []store.OwnerTally
		for i := range all {
			if strings.Contains(lower(all[i].Username), lower(f.Search)) || f.Search == "51" && all[i].UserID == 51 {
				want = append(want, all[i])
			}
		}
		slices.SortFunc(want, ownersBy(sort))
		for _, page := range []store.OwnerFilter{{}, {Limit: 2}, {Limit: 2, Offset: 2}} {
			f.Limit, f.Offset = page.Limit, page.Offset
			got, total, err := w.Store.OwnerTallies(t.Context(), f)
			part := want[min(f.Offset, len(want)):]
			if f.Limit > 0 {
				part = part[:min(f.Limit, len(part))]
			}
			if err != nil || total != len(want) || !slices.EqualFunc(got, part, func(a, b store.OwnerTally) bool {
				return a.Owner.ID == b.Owner.ID && a.Tally == b.Tally && a.Reach == b.Reach && a.LastUsedAt.Equal(b.LastUsedAt)
			}) {
				t.Fatalf("by %s, %+v:\n%+v of %d, %v, want\n%+v of %d", name, f, got, total, err, part, len(want))
			}
		}
	}
}

func ownersBy(sort store.OwnerSort) func(a, b store.OwnerTally) int {
	return func(a, b store.OwnerTally) (n int) {
		switch sort {
		case store.OwnersByActive:
			n = cmp.Compare(b.Active, a.Active)
		case store.OwnersByBroad:
			n = cmp.Compare(b.Broad, a.Broad)
		case store.OwnersByDangerous:
			n = cmp.Compare(b.Dangerous, a.Dangerous)
		case store.OwnersByIdle:
			n = cmp.Compare(b.Idle, a.Idle)
		case store.OwnersBySoon:
			n = cmp.Compare(b.Soon, a.Soon)
		case store.OwnersByReach:
			n = cmp.Compare(b.Reach, a.Reach)
		case store.OwnersByLastUse:
			n = b.LastUsedAt.Compare(a.LastUsedAt)
		}
		return cmp.Or(n, cmp.Compare(lower(a.Username), lower(b.Username)), cmp.Compare(a.ID, b.ID))
	}
}
