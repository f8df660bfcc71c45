package storetest

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"patgate/learn"
	"patgate/policy"
	"patgate/store"
)

const origin = "https://gitlab.example.com"

// subject makes one of a user, told apart by what its credential is called.
func subject(userID int64, name string, last time.Time) learn.Subject {
	return learn.Subject{Hash: sha256.Sum256([]byte(name)), Origin: origin, UserID: userID, Username: fmt.Sprint("user", userID),
		Kind: "personal", Name: name, Scopes: []string{"api"}, First: last, Last: last}
}

func put(t *testing.T, f *Fixture, s learn.Subject) learn.Subject {
	t.Helper()
	kept, err := f.Store.PutSubject(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	return kept
}

func testSubjects(t *testing.T, f *Fixture) {
	ctx := t.Context()
	before := sequence(t, f.Store)
	first := subject(42, "bot", Start())
	first.ForgeID = 7
	first = put(t, f, first)
	other := put(t, f, subject(43, "other", Start().Add(time.Hour)))
	t.Run("a subject is what it was, below the ids of tokens", func(t *testing.T) {
		got, err := f.Store.Subject(ctx, first.ID)
		if err != nil || !reflect.DeepEqual(got, first) || first.ID <= 0 || first.ID >= store.FirstTokenID {
			t.Errorf("%+v, %v, want %+v", got, err, first)
		}
		if _, err := f.Store.Subject(ctx, other.ID+100); !errors.Is(err, store.ErrUnknownSubject) {
			t.Errorf("an unknown one: %v", err)
		}
	})
	t.Run("it stays one when its hash is under another key, or when more is known of it", func(t *testing.T) {
		again := subject(42, "renamed", Start().Add(2*time.Hour))
		again.ForgeID = 7
		if got := put(t, f, again); got.ID != first.ID {
			t.Errorf("%+v", got)
		}
		again.Name = "once more"
		if got := put(t, f, again); got.ID != first.ID {
			t.Errorf("%+v", got)
		}
		of := subject(43, "renamed too", Start())
		of.ForgeID = 7 // of another user
		if got := put(t, f, of); got.ID == first.ID {
			t.Errorf("%+v", got)
		}
	})
	t.Run("a user's are listed, those that were seen last first", func(t *testing.T) {
		list, total, err := f.Store.Subjects(ctx, origin, 43, 10)
		if err != nil || total != 2 || len(list) != 2 || list[0].ID != other.ID {
			t.Errorf("%+v, %d, %v", list, total, err)
		}
		if _, total, err := f.Store.Subjects(ctx, origin, 0, 1); err != nil || total != 3 {
			t.Errorf("%d of all, %v", total, err)
		}
		if _, total, err := f.Store.Subjects(ctx, "https://other.example.com", 0, 1); err != nil || total != 0 {
			t.Errorf("%d of another forge, %v", total, err)
		}
	})
	t.Run("units are of it, and are summed up", func(t *testing.T) {
		late := Start().AddDate(0, 0, 2)
		add(t, f, learn.Seen{Subject: first.ID, Unit: unit(501), Count: 3, Last: Start()},
			learn.Seen{Subject: first.ID, Unit: unit(502), Count: 2, Last: late},
			learn.Seen{Subject: 999, Unit: unit(1), Count: 1, Last: late})
		of, err := f.Store.Summaries(ctx, []int64{first.ID, other.ID, 999})
		want := map[int64]learn.Summary{first.ID: {Requests: 5, Units: 2, First: Start(), Last: late, Fresh: late}}
		if err != nil || !reflect.DeepEqual(of, want) {
			t.Errorf("%+v, %v, want %+v", of, err, want)
		}
		if got, err := f.Store.Subject(ctx, first.ID); err != nil || !got.Last.Equal(late) {
			t.Errorf("%+v, %v", got, err)
		}
	})
	t.Run("all of them by their ids, so many at a time", func(t *testing.T) {
		var ids []int64
		for after := int64(0); ; after = ids[len(ids)-1] {
			list, err := f.Store.SubjectsAfter(ctx, origin, after, 2)
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range list {
				ids = append(ids, s.ID)
			}
			if len(list) < 2 {
				break
			}
		}
		if _, total, err := f.Store.Subjects(ctx, origin, 0, 1); err != nil || len(ids) != total || !slices.IsSorted(ids) {
			t.Errorf("%v of %d, %v", ids, total, err)
		}
		if list, err := f.Store.SubjectsAfter(ctx, "https://other.example.com", 0, 2); err != nil || len(list) != 0 {
			t.Errorf("another forge: %+v, %v", list, err)
		}
	})
	t.Run("a user has so many, and the one that was not seen for longest goes, if that is a while", func(t *testing.T) {
		for i := range learn.MostSubjectsOfUser {
			put(t, f, subject(44, fmt.Sprint("many", i), Start().Add(time.Duration(i)*time.Minute)))
		}
		oldest, _, err := f.Store.Subjects(ctx, origin, 44, learn.MostSubjectsOfUser)
		if err != nil || len(oldest) != learn.MostSubjectsOfUser {
			t.Fatalf("%+v, %v", oldest, err)
		}
		slices.Reverse(oldest)
		add(t, f, learn.Seen{Subject: oldest[0].ID, Unit: unit(9), Count: 1, Last: Start()})
		soon := subject(44, "one more", Start().AddDate(0, 0, learn.QuietDays-1))
		if _, err := f.Store.PutSubject(ctx, soon); !errors.Is(err, store.ErrFull) {
			t.Errorf("one more, when all were seen of late: %v", err)
		}
		if list, _, err := f.Store.Observations(ctx, oldest[0].ID, time.Time{}); err != nil || len(list) != 1 {
			t.Errorf("%d units are left of what was seen of late, %v", len(list), err)
		}
		put(t, f, subject(44, "one more", Start().AddDate(0, 0, learn.QuietDays)))
		if _, total, err := f.Store.Subjects(ctx, origin, 44, 1); err != nil || total != learn.MostSubjectsOfUser {
			t.Errorf("%d, %v", total, err)
		}
		list, _, err := f.Store.Observations(ctx, oldest[0].ID, time.Time{})
		if _, unknown := f.Store.Subject(ctx, oldest[0].ID); err != nil || len(list) != 0 || !errors.Is(unknown,
			store.ErrUnknownSubject) {
			t.Errorf("%d units are left, %v, %v", len(list), err, unknown)
		}
	})
	t.Run("nothing of it is a change", func(t *testing.T) {
		if after := sequence(t, f.Store); after != before {
			t.Errorf("sequence %d after %d", after, before)
		}
	})
	t.Run("what was seen long ago is forgotten", func(t *testing.T) { testForgetting(t, f) })
}

func add(t *testing.T, f *Fixture, seen ...learn.Seen) {
	t.Helper()
	if lost, damaged, err := f.Store.AddSeen(t.Context(), seen); lost != 0 || damaged != 0 || err != nil {
		t.Fatalf("%d lost, %d damaged, %v", lost, damaged, err)
	}
}

func testForgetting(t *testing.T, f *Fixture) {
	r := f.NewToken(t, "old and new")
	gone := put(t, f, subject(45, "gone", Start()))
	late := Start().AddDate(0, 0, 20)
	add(t, f, learn.Seen{Subject: r.ID, Unit: unit(1), Count: 1, Last: Start()},
		learn.Seen{Subject: r.ID, Unit: unit(2), Count: 1, Last: late},
		learn.Seen{Subject: gone.ID, Unit: unit(1), Count: 1, Last: Start(), Networks: networks("192.0.2.1")})
	if err := f.Store.ForgetSeen(t.Context(), learn.DayOf(late)); err != nil {
		t.Fatal(err)
	}
	list, _, err := f.Store.Observations(t.Context(), r.ID, time.Time{})
	if err != nil || len(list) != 1 || list[0].Unit.Acts[0].Container != 2 {
		t.Errorf("%+v, %v", list, err)
	}
	if _, err := f.Store.Subject(t.Context(), gone.ID); !errors.Is(err, store.ErrUnknownSubject) {
		t.Errorf("%v", err)
	}
}

func networks(clients ...string) (all []netip.Prefix) {
	for _, c := range clients {
		all = append(all, learn.NetworkOf(netip.MustParseAddr(c)))
	}
	return all
}

// testQuarantine holds what is set apart: what was seen, after the first days, from new networks alone.
func testQuarantine(t *testing.T, f *Fixture) {
	r := f.NewToken(t, "set apart")
	seen := func(project int64, days int, clients ...string) {
		add(t, f, learn.Seen{Subject: r.ID, Unit: unit(project), Count: 1, Last: Start().AddDate(0, 0, days),
			Networks: networks(clients...)})
	}
	seen(1, 0, "192.0.2.1")
	seen(2, learn.FirstDays-1, "2001:db8::1") // still learned
	seen(3, learn.FirstDays+1, "192.0.9.9", "2001:db8:ffff::1")
	seen(4, learn.FirstDays+1, "198.51.100.1")
	seen(1, learn.FirstDays+1, "198.51.100.1") // was seen before
	seen(5, learn.FirstDays+1, "198.51.100.1", "192.0.2.7")
	seen(6, learn.FirstDays+1, "2001:db9::1")
	seen(6, learn.FirstDays+2, "192.0.2.1") // seen from a known one later
	seen(7, learn.FirstDays+9)
	list, _, err := f.Store.Observations(t.Context(), r.ID, time.Time{})
	if err != nil || len(list) != 7 {
		t.Fatalf("%d units, %v", len(list), err)
	}
	for i := range list {
		if project := list[i].Unit.Acts[0].Container; list[i].Suspect != (project == 4) {
			t.Errorf("project %d is set apart: %t", project, list[i].Suspect)
		}
	}
	if of, err := f.Store.Summaries(t.Context(), []int64{r.ID}); err != nil || of[r.ID].Suspect != 1 {
		t.Errorf("%+v, %v", of, err)
	}
}

// testSuspectBounds holds that what is set apart has a bound of its own and takes no room from the rest. The units of a
// credential of the forge's own, which are fewer and shorter, take no room from others either.
func testSuspectBounds(t *testing.T, f *Fixture) {
	s := put(t, f, subject(46, "stolen", Start()))
	late := Start().AddDate(0, 0, learn.FirstDays+1)
	known, other := networks("192.0.2.1"), networks("198.51.100.1")
	of := func(from, n int, network []netip.Prefix) (seen []learn.Seen) {
		for i := range n {
			seen = append(seen, learn.Seen{Subject: s.ID, Unit: unit(int64(from + i)), Count: 1, Last: late, Networks: network})
		}
		return seen
	}
	count := func(wantTrusted, wantSuspect, wantCollapsed int) {
		t.Helper()
		list, _, err := f.Store.Observations(t.Context(), s.ID, time.Time{})
		trusted, suspect, collapsed := 0, 0, 0
		for i := range list {
			switch {
			case list[i].Suspect:
				suspect++
			case list[i].Unit.Collapsed:
				collapsed++
			default:
				trusted++
			}
		}
		if err != nil || trusted != wantTrusted || suspect != wantSuspect || collapsed != wantCollapsed {
			t.Errorf("%d trusted, %d set apart, %d collapsed, %v; want %d, %d, %d", trusted, suspect, collapsed, err, wantTrusted,
				wantSuspect, wantCollapsed)
		}
	}
	first := of(1, 1, known)
	first[0].Last = Start()
	add(t, f, first...)
	if lost, _, err := f.Store.AddSeen(t.Context(), of(1000, learn.MostSuspect+7, other)); lost != 7 || err != nil {
		t.Errorf("%d of what is set apart are lost, %v", lost, err)
	}
	count(1, learn.MostSuspect, 0)
	const rest = learn.MostUnitsOfForgeToken - 1
	add(t, f, of(2, rest, known)...)
	count(1+rest, learn.MostSuspect, 0)
	add(t, f, of(1000, 3, known)...) // by now from a known network, where there is no room: they are told collapsed
	count(1+rest, learn.MostSuspect, 1)
	far := of(5000, 2, other) // of the collapsed one's kind, which they do not change
	far[0].Unit.Acts[0].Ancestors, far[1].Unit.Acts[0].Ancestors = []int64{9}, nil
	add(t, f, far...)
	list, _, err := f.Store.Observations(t.Context(), s.ID, time.Time{})
	for i := range list {
		if o := &list[i]; o.Unit.Collapsed && !reflect.DeepEqual(o.Unit.Acts[0].Ancestors, []int64{7, 3}) {
			t.Errorf("%+v, %v", o, err)
		}
	}
	count(1+rest, learn.MostSuspect, 1)
}

// testShortUnits holds that what anybody at the forge can send is kept short.
func testShortUnits(t *testing.T, f *Fixture) {
	s, r := put(t, f, subject(47, "pusher", Start())), f.NewToken(t, "pusher")
	push := func(refs ...string) learn.Unit {
		u := unit(501)
		for _, ref := range refs {
			u.Acts = append(u.Acts, learn.Act{Kind: policy.ActRef, Ref: "refs/heads/" + ref, Create: true})
		}
		return u
	}
	var many []string
	for i := range 64 {
		many = append(many, strings.Repeat("n", 100)+fmt.Sprint(i))
	}
	for i, c := range []struct {
		unit      learn.Unit
		collapsed bool
	}{
		{push("main"), false},
		{push(strings.Repeat("n", learn.MostRef-len("refs/heads/"))), false},
		{push(strings.Repeat("n", learn.MostRef+1-len("refs/heads/"))), true},
		{push(many...), true},
	} {
		at := Start().Add(time.Duration(i+1) * time.Minute)
		add(t, f, learn.Seen{Subject: s.ID, Unit: c.unit, Count: 1, Last: at},
			learn.Seen{Subject: r.ID, Unit: c.unit, Count: 1, Last: at})
		list, _, err := f.Store.Observations(t.Context(), s.ID, time.Time{})
		last := slices.IndexFunc(list, func(o learn.Observation) bool { return o.Last.Equal(at) })
		if err != nil || last < 0 || list[last].Unit.Collapsed != c.collapsed || c.collapsed && len(list[last].Unit.Acts) != 2 {
			t.Errorf("%d: %+v, %v", i, list, err)
		}
	}
	if list, _, err := f.Store.Observations(t.Context(), r.ID, time.Time{}); err != nil || len(list) != 4 ||
		slices.ContainsFunc(list, func(o learn.Observation) bool { return o.Unit.Collapsed }) {
		t.Errorf("of a token: %+v, %v", list, err)
	}
	var seen []learn.Seen
	const most = learn.MostUnitsOfForgeToken + learn.MostCollapsedOfForgeToken
	for i := range most + 100 {
		u := unit(1)
		u.Route = fmt.Sprint("/made/up/", i)
		seen = append(seen, learn.Seen{Subject: s.ID, Unit: u, Count: 1, Last: Start()})
	}
	if lost, _, err := f.Store.AddSeen(t.Context(), seen); err != nil || lost != 103 { // three are there
		t.Errorf("%d lost, %v", lost, err)
	}
}

// testCollapse holds that containers beyond the bound are kept as the nearest group that all of them lie in.
func testCollapse(t *testing.T, f *Fixture) {
	r := f.NewToken(t, "busy")
	var seen []learn.Seen
	for i := range learn.MostUnits {
		seen = append(seen, learn.Seen{Subject: r.ID, Unit: unit(int64(i + 1)), Count: 1, Last: Start()})
	}
	add(t, f, seen...)
	for i, above := range [][]int64{{21, 20, 3}, {22, 20, 3}, {20, 3}} {
		u := unit(int64(5000 + i))
		u.Acts[0].Ancestors = above
		add(t, f, learn.Seen{Subject: r.ID, Unit: u, Count: 1, Last: Start().Add(time.Hour)})
	}
	collapsed := func() *learn.Observation {
		list, _, err := f.Store.Observations(t.Context(), r.ID, time.Time{})
		if err != nil || len(list) != learn.MostUnits+1 {
			t.Fatalf("%d units, %v", len(list), err)
		}
		return &list[len(list)-1]
	}
	if o := collapsed(); !o.Unit.Collapsed || o.Uses != 3 || !reflect.DeepEqual(o.Unit.Acts[0].Ancestors, []int64{20, 3}) {
		t.Errorf("%+v", o)
	}
	u := unit(6000)
	u.Acts[0].Ancestors = []int64{99}
	add(t, f, learn.Seen{Subject: r.ID, Unit: u, Count: 1, Last: Start().Add(time.Hour)})
	if o := collapsed(); len(o.Unit.Acts[0].Ancestors) != 0 || o.Uses != 4 {
		t.Errorf("%+v", o)
	}
}
