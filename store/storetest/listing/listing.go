// Package listing is the part of the suite for stores that is about lists: whatever the state, mark, order, page and search, a
// store gives what going through all tokens gives.
package listing

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"patgate/policy"
	"patgate/routes"
	"patgate/store"
	"patgate/store/storetest"
	"patgate/token"
)

const (
	day  = 24 * time.Hour
	many = 60
)

// world is a store with tokens of all kinds, and their judgements.
type world struct {
	*storetest.Fixture
	now    time.Time
	judged map[int64]store.Judgement
	paths  map[store.Place]string // as the owner saw them
}

// Run runs the suite on stores that open makes.
func Run(t *testing.T, open storetest.Open) {
	w := newWorld(t, open)
	t.Run("every filter, order and page", w.lists)
	t.Run("whatever is asked at once", w.combinations)
	t.Run("what names a place", func(t *testing.T) { newWorld(t, open).naming(t) })
	t.Run("what is above", w.above)
	t.Run("what must be judged anew", w.due)
	t.Run("what an edit changes", w.edits)
	t.Run("what is of another forge", w.elsewhere)
	t.Run("what owners have", func(t *testing.T) { newWorld(t, open).owners(t) })
	t.Run("a clock that was ahead", func(t *testing.T) { newWorld(t, open).clocks(t) })
	t.Run("searches for owners that find none", w.odd)
}

func newWorld(t *testing.T, open storetest.Open) *world {
	w := &world{Fixture: storetest.NewFixture(t, open(t, t.TempDir()), nil), now: storetest.Start().Add(100 * day),
		judged: map[int64]store.Judgement{}}
	w.fill(t)
	return w
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
			fresh.Scopes = scopes(r)
			if i%4 == 0 {
				fresh.Limits.Networks = [][]string{{"10.0.0.0/8", "2001:db8::/32"}, {"10.1.0.0/16"}, {"192.0.2.7/32"}}[r.IntN(3)]
			}
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
			Broad: r.IntN(3) == 0, Mints: r.IntN(4) == 0, Dangerous: r.IntN(2) == 0, Reach: int64(r.IntN(20)),
			UnusedFrom: w.now.Add(time.Duration(r.IntN(40)-20) * day)}
		all, w.judged[l.ID] = append(all, j), j
	}
	if err := w.Store.Judge(t.Context(), all); err != nil {
		t.Fatal(err)
	}
}

// scopes are one or two, of few permissions in few places, so that what one scope holds and another reaches is told apart.
func scopes(r *rand.Rand) (all []policy.ScopeSpec) {
	for range 1 + r.IntN(2) {
		name := []string{"read_job", "push_code", "read_code"}[r.IntN(3)]
		s := policy.ScopeSpec{Access: "selected_memberships", Permissions: []string{name}}
		switch r.IntN(5) {
		case 0:
			s.GroupIDs = []int64{7, int64(8 + r.IntN(2))}
		case 1:
			s.Access = "all_memberships"
		case 2:
			s.Access = "personal_projects"
		default:
			s.ProjectIDs = []int64{int64(6 + r.IntN(3))}
		}
		all = append(all, s)
	}
	return all
}

// holds tells whether a scope of a token has what a filter asks for.
func holds(l *store.Listed, f *store.Filter) bool {
	anywhere := f.Reach == nil || f.Reach.Anywhere
	if anywhere && f.Holds == "" {
		return true
	}
	for i := range l.Scopes {
		s := &l.Scopes[i]
		there := anywhere || slices.Contains(f.Reach.May, s.Access) ||
			slices.ContainsFunc(store.PlacesOf(l.Scopes[i:i+1]), func(p store.Place) bool {
				return slices.Contains(f.Reach.Places, p)
			})
		if there && (f.Holds == "" || slices.Contains(s.Permissions, f.Holds)) {
			return true
		}
	}
	return false
}

// usable tells whether a token has the networks and the use that a filter asks for.
func usable(l *store.Listed, f *store.Filter) bool {
	in := slices.ContainsFunc(l.Limits.Networks, func(n string) bool { return netip.MustParsePrefix(n).Contains(f.From) })
	switch {
	case f.From.IsValid() && !in:
	case f.Networked != nil && *f.Networked != (len(l.Limits.Networks) > 0):
	case f.NeverUsed && !l.LastUsedAt.IsZero():
	case !f.UnusedSince.IsZero() && (!l.CreatedAt.Before(f.UnusedSince) || !l.LastUsedAt.Before(f.UnusedSince)):
	default:
		return true
	}
	return false
}

// keeps tells whether a token is one that a filter leaves.
func (w *world) keeps(l *store.Listed, f *store.Filter) bool {
	if f.Revoked != nil && *f.Revoked == l.RevokedAt.IsZero() {
		return false
	}
	if !holds(l, f) || !usable(l, f) {
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
	case store.MarkDangerous:
		return active && j.Dangerous
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
	case store.MarkReports:
		return false // no token is in report mode
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
			filters = append(filters, store.Filter{State: state, Search: search},
				store.Filter{State: state, Search: search, CountTo: 2})
		}
	}
	for mark := store.MarkBroad; mark <= store.MarkReports; mark++ {
		filters = append(filters, store.Filter{Mark: mark, TableVersion: 2},
			store.Filter{Mark: mark, TableVersion: 2, OwnerID: w.Owner.ID},
			store.Filter{Mark: mark, TableVersion: 2, Search: "deploy"},
			store.Filter{Mark: mark, TableVersion: 2, ReportsAreBroad: true})
	}
	yes, no := true, false
	project, group := store.Place{Kind: routes.RefProject, ID: 6}, store.Place{Kind: routes.RefGroup, ID: 8}
	asked := []store.Filter{{Holds: "push_code"}, {Holds: "read_job"}, {Holds: "none_such"},
		{Reach: &store.Reach{}}, {Reach: &store.Reach{Places: []store.Place{project}}},
		{Reach: &store.Reach{Places: []store.Place{project, group}}, Holds: "push_code"},
		{Holds: "read_job", Reach: &store.Reach{Places: []store.Place{project, group},
			May: []string{"all_memberships", "personal_projects"}}},
		{Reach: &store.Reach{May: []string{"all_memberships"}}}, {Reach: &store.Reach{Reports: true}},
		{Reach: &store.Reach{Places: []store.Place{group}, Reports: true}, Holds: "read_code"},
		{Reach: &store.Reach{Anywhere: true, Reports: true}, Holds: "push_code"},
		{Reach: &store.Reach{Anywhere: true}, Holds: "read_job"},
		{Networked: &yes}, {Networked: &no}, {From: netip.MustParseAddr("10.1.2.3")}, {From: netip.MustParseAddr("10.2.0.1")},
		{From: netip.MustParseAddr("2001:db8::7")}, {From: netip.MustParseAddr("198.51.100.1")}, {NeverUsed: true},
		{From: netip.MustParseAddr("10.1.2.3"), Networked: &yes}, {From: netip.MustParseAddr("10.1.2.3"), Networked: &no},
		{UnusedSince: w.now.Add(-20 * day)}, {UnusedSince: w.now.Add(-20 * day), Holds: "push_code", Networked: &no}}
	for _, f := range asked {
		for _, f.State = range []store.State{store.StateAny, store.StateActive, store.StateRevoked} {
			for _, f.CountTo = range []int{0, 3, 500} {
				filters = append(filters, f)
				f.Search = "e"
				filters = append(filters, f)
				f.Search = "renovate"
				f.OwnerID = w.Owner.ID
				filters = append(filters, f)
				f.Search, f.OwnerID = "", 0
			}
		}
		filters = append(filters, store.Filter{Mark: store.MarkBroad, Holds: f.Holds, Reach: f.Reach, Networked: f.Networked,
			From: f.From, NeverUsed: f.NeverUsed, UnusedSince: f.UnusedSince})
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
	for _, name := range store.SortNames() {
		sort, _ := store.ParseSort(name)
		for what := range int(store.StatePaused) + int(store.MarkReports) + 1 {
			f := store.Filter{Sort: sort, Now: w.now, Limit: 5, TableVersion: 2, State: store.State(what)}
			if what > int(store.StatePaused) {
				f.State, f.Mark = store.StateAny, store.Mark(what-int(store.StatePaused))
			}
			for _, f.OwnerID = range []int64{0, w.Owner.ID} {
				for _, f.Revoked = range []*bool{nil, &yes, &no} {
					for _, f.Search = range []string{"", "oy", "deploy"} {
						for _, f.CountTo = range []int{0, 3} {
							f.ReportsAreBroad = asked/2%2 == 0
							asked, found = asked+1, found+w.ask(t, f, everything)
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

// ask holds the first page of a filter against all tokens, and gives how many there are.
func (w *world) ask(t *testing.T, f store.Filter, everything []store.Listed) (total int) {
	t.Helper()
	want := w.left(&f, everything)
	list, total, err := w.Store.Tokens(t.Context(), f)
	if err != nil {
		t.Fatalf("%+v: %v", f, err)
	}
	page, number := want[min(f.Offset, len(want)):min(f.Offset+f.Limit, len(want))], len(want)
	if f.CountTo > 0 {
		number = min(number, f.CountTo+1)
	}
	if total != number || !slices.Equal(ids(list), ids(page)) {
		t.Errorf("%+v by %s: %v of %d, want %v of %d", f, f.Sort, ids(list), total, ids(page), number)
	}
	return total
}

// left gives what a filter leaves, in order.
func (w *world) left(f *store.Filter, everything []store.Listed) (want []store.Listed) {
	for i := range everything {
		if l := &everything[i]; w.keeps(l, f) && w.says(l, f) {
			want = append(want, *l)
		}
	}
	slices.SortFunc(want, w.less(f.Sort))
	return want
}

// compare holds pages of a filter against those of all tokens.
func (w *world) compare(t *testing.T, f store.Filter, everything []store.Listed) (found int) {
	t.Helper()
	want := w.left(&f, everything)
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

// above asks for places and the groups above them.
func (w *world) above(t *testing.T) {
	project, group, top := store.Place{Kind: routes.RefProject, ID: 6}, store.Place{Kind: routes.RefGroup, ID: 8},
		store.Place{Kind: routes.RefGroup, ID: 9}
	var seen []store.Sighting
	for place, path := range map[store.Place]string{project: "Acme/Web/site", group: "acme", top: "acme/web",
		{Kind: routes.RefProject, ID: 7}: "acme/web/site2", {Kind: routes.RefGroup, ID: 7}: "acm"} {
		seen = append(seen, store.Sighting{UserID: w.Owner.UserID, Place: place, Path: path, At: w.now})
	}
	see := func() {
		t.Helper()
		if _, err := w.Store.SeePlaces(t.Context(), w.Owner.Origin, seen); err != nil {
			t.Fatal(err)
		}
	}
	see()
	check := func(n store.Naming, owner int64, want ...store.Place) {
		t.Helper()
		got, err := w.Store.Above(t.Context(), w.Owner.Origin, n, owner)
		compare := func(a, b store.Place) int { return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.ID, b.ID)) }
		slices.SortFunc(got, compare)
		slices.SortFunc(want, compare)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("above %+v for %d are %v, %v; want %v", n, owner, got, err, want)
		}
	}
	check(store.Naming{Path: "acme/web/SITE"}, 0, project, group, top)
	check(store.Naming{Path: "acme/web/site"}, w.Owner.ID, project, group, top)
	check(store.Naming{Path: "acme/web/site"}, w.Owner.ID+1)
	check(store.Naming{Kind: routes.RefProject, ID: 6}, 0, project, group, top)
	check(store.Naming{Kind: routes.RefProject, ID: 6}, w.Owner.ID+1, project)
	check(store.Naming{Kind: routes.RefGroup, Path: "acme/web"}, 0, group, top)
	check(store.Naming{Kind: routes.RefProject, Path: "acme/web"}, 0, group)
	check(store.Naming{Path: "acme/web/elsewhere"}, 0, group, top)
	check(store.Naming{Kind: routes.RefProject, ID: 99}, 0, store.Place{Kind: routes.RefProject, ID: 99})
	for i := range seen {
		if seen[i].Place == group {
			seen[i].Path, seen[i].At = "", w.now.Add(time.Hour)
		}
	}
	see()
	check(store.Naming{Path: "acme/web/site"}, 0, project, top)
	if some, err := w.Store.Unfilled(t.Context()); err != nil || some {
		t.Errorf("a store that was made just now has tokens that are to be filled in: %v, %v", some, err)
	}
}

// elsewhere has a token of another forge name a place with an id and a path that there are here too.
func (w *world) elsewhere(t *testing.T) {
	const here = "https://gitlab.example.com"
	there, err := w.Store.PutOwner(t.Context(), store.Owner{Origin: "https://gitlab.example.org", UserID: w.Owner.UserID,
		Username: "alice", CreatedAt: storetest.Start()})
	if err != nil {
		t.Fatal(err)
	}
	credential := w.NewCredential(t, there, "api")
	scopes := []policy.ScopeSpec{
		{Access: "selected_memberships", ProjectIDs: []int64{777, 778}, Permissions: []string{"read_job"}},
		{Access: "all_memberships", Permissions: []string{"read_user_elsewhere"}},
	}
	other := w.NewToken(t, "elsewhere", func(r *token.Record) {
		r.OwnerID, r.CredentialID, r.Scopes = there.ID, credential.ID, scopes
	})
	scopes[0].ProjectIDs = []int64{777, 779}
	mine := w.NewToken(t, "here", func(r *token.Record) { r.Scopes = scopes })
	for origin, id := range map[string]int64{there.Origin: 778, here: 779} {
		seen := store.Sighting{UserID: w.Owner.UserID, Place: store.Place{Kind: routes.RefProject, ID: id}, Path: "two/forges",
			At: w.now}
		if _, err := w.Store.SeePlaces(t.Context(), origin, []store.Sighting{seen}); err != nil {
			t.Fatal(err)
		}
	}
	for origin, want := range map[string]struct{ token, place int64 }{there.Origin: {other.ID, 778}, here: {mine.ID, 779}} {
		for _, n := range []store.Naming{{Path: "two/forges"}, {Kind: routes.RefProject, ID: want.place}} {
			got, err := w.Store.Above(t.Context(), origin, n, 0)
			if err != nil || !slices.Equal(got, []store.Place{{Kind: routes.RefProject, ID: want.place}}) {
				t.Errorf("on %s %+v are %v, %v", origin, n, got, err)
			}
		}
		for _, r := range []store.Reach{{Places: []store.Place{{Kind: routes.RefProject, ID: 777}}},
			{May: []string{"all_memberships"}}} {
			r.Origin = origin
			f := store.Filter{Reach: &r, Holds: "read_job", Now: w.now}
			if len(r.May) > 0 {
				f.Holds = "read_user_elsewhere"
			}
			if list, total, err := w.Store.Tokens(t.Context(), f); err != nil || total != 1 || list[0].ID != want.token {
				t.Errorf("%d tokens of %s reach %+v, %v: %v", total, origin, r, err, ids(list))
			}
		}
	}
}

// rights are so many permissions, one of them by name.
func rights(n int, name string) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprint("permission_", i)
	}
	all[n/2] = name
	return all
}

// edits holds what a token reaches and holds against its scopes after an edit.
func (w *world) edits(t *testing.T) {
	made := w.NewToken(t, "edited")
	defer func() {
		if _, err := w.Store.RevokeToken(t.Context(), made.ID, store.Cause{At: w.now}); err != nil {
			t.Error(err)
		}
	}()
	at := store.Place{Kind: routes.RefProject, ID: 4242}
	check := func(holds string, want int) {
		t.Helper()
		f := store.Filter{Holds: holds, Reach: &store.Reach{Places: []store.Place{at}}, Now: w.now, Limit: 5}
		if list, total, err := w.Store.Tokens(t.Context(), f); err != nil || total != want || len(list) != want {
			t.Errorf("%d of %d hold %q there, %v; want %d", len(list), total, holds, err, want)
		}
	}
	check("", 0)
	for _, c := range []struct {
		project       int64
		holds         []string
		reads, writes int
	}{
		{4242, []string{"read_job"}, 1, 0},
		{4242, []string{"push_code", "read_job"}, 1, 1},
		{1, []string{"push_code", "read_job"}, 0, 0},
		{4242, rights(token.MostRights, "read_job"), 1, 0},
		{4242, rights(token.MostRights+1, "none"), 1, 1}, // it may hold any
		{1, rights(token.MostRights+1, "none"), 0, 0},
		{4242, []string{"push_code"}, 0, 1},
	} {
		l, err := w.Store.Token(t.Context(), made.ID)
		if err == nil {
			scope := policy.ScopeSpec{Access: "selected_memberships", ProjectIDs: []int64{c.project}, Permissions: c.holds}
			e := store.Edit{Revision: l.Revision, Children: l.Children, Name: l.Name, Scopes: []policy.ScopeSpec{scope},
				TableVersion: l.TableVersion, ExpiresAt: l.ExpiresAt, RenewUntil: l.RenewUntil}
			_, err = w.Store.EditToken(t.Context(), made.ID, e, store.Cause{At: w.now})
		}
		if err != nil {
			t.Fatal(err)
		}
		check("read_job", c.reads)
		check("push_code", c.writes)
	}
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
