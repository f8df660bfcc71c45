package storetest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"patgate/policy"
	"patgate/routes"
	"patgate/store"
	"patgate/token"
)

func project(id int64) store.Place { return store.Place{Kind: routes.RefProject, ID: id} }
func group(id int64) store.Place   { return store.Place{Kind: routes.RefGroup, ID: id} }

// naming edits the scopes of a new token.
func naming(projects, groups []int64) func(*token.Record) {
	return func(r *token.Record) {
		r.Scopes = []policy.ScopeSpec{{Access: "selected_memberships", Permissions: []string{"read_job"}, ProjectIDs: projects,
			GroupIDs: groups}}
	}
}

// bound makes a new token another owner's.
func bound(o store.Owner, c store.Credential) func(*token.Record) {
	return func(r *token.Record) { r.OwnerID, r.CredentialID = o.ID, c.ID }
}

func testNames(t *testing.T, f *Fixture) {
	ctx := t.Context()
	at := Start().Add(time.Hour)
	see := func(userID int64, p store.Place, path string, when time.Time) {
		t.Helper()
		_, err := f.Store.SeePlaces(ctx, origin, []store.Sighting{{UserID: userID, Place: p, Path: path, At: when}})
		must(t, 0, err)
	}
	late := func(p store.Place, path string, when time.Time) bool {
		t.Helper()
		other := store.Sighting{UserID: 42, Place: project(5), Path: "acme/unnamed", At: when}
		late, err := f.Store.SeePlaces(ctx, origin, []store.Sighting{other, {UserID: 42, Place: p, Path: path, At: when}})
		if must(t, late, err); len(late) > 1 || len(late) == 1 && late[0] != 1 {
			t.Errorf("%v are late", late)
		}
		return len(late) > 0
	}
	names := func(id int64) store.Named {
		t.Helper()
		return tokenOf(t, f, id).Names
	}
	said := func(what string, got, want store.Named) {
		t.Helper()
		if got == nil || !maps.Equal(got, want) {
			t.Errorf("%s: %v, want %v", what, got, want)
		}
	}
	mine := f.NewToken(t, "mine", naming([]int64{6, 7}, []int64{9}))
	bob := f.NewOwner(t, 43, "bob")
	his := f.NewCredential(t, bob, "api")
	theirs := f.NewToken(t, "theirs", naming([]int64{6}, nil), bound(bob, his))
	said("what was never seen", names(mine.ID), store.Named{})

	t.Run("what an owner saw is that owner's", func(t *testing.T) {
		see(42, project(6), "acme/website", at)
		see(42, group(9), "Acme", at)
		both := store.Named{project(6): {Path: "acme/website", Seen: at}, group(9): {Path: "Acme", Seen: at}}
		said("alice's", names(mine.ID), both)
		said("bob's", names(theirs.ID), store.Named{})
		see(43, project(6), "acme/site", at)
		said("bob's", names(theirs.ID), store.Named{project(6): {Path: "acme/site", Seen: at}})
	})
	t.Run("what no token of the owner's names is not kept", func(t *testing.T) {
		see(42, project(77), "acme/other", at)
		see(43, project(7), "acme/other", at)
		see(44, project(6), "acme/other", at)
		later := f.NewToken(t, "later", naming([]int64{77}, nil))
		said("one that was named later", names(later.ID), store.Named{})
	})
	t.Run("what is older changes nothing", func(t *testing.T) {
		see(42, project(6), "acme/older", at.Add(-time.Minute))
		see(42, project(6), "", at.Add(-time.Minute))
		if n := names(mine.ID)[project(6)]; n.Path != "acme/website" || !n.Gone.IsZero() {
			t.Errorf("%+v", n)
		}
	})
	t.Run("what is gone keeps its name, and comes back", func(t *testing.T) {
		gone := at.Add(time.Minute)
		see(42, project(6), "", gone)
		see(42, project(6), "", gone.Add(time.Minute))
		see(42, project(7), "", gone)
		both := store.Named{project(6): {Path: "acme/website", Seen: at, Gone: gone}, project(7): {Gone: gone}}
		got := names(mine.ID)
		if got[project(6)] != both[project(6)] || got[project(7)] != both[project(7)] {
			t.Errorf("%v, want %v", got, both)
		}
		see(42, project(6), "acme/late", gone.Add(-time.Second))
		if n := names(mine.ID)[project(6)]; n.Path != "acme/website" || n.Gone.IsZero() {
			t.Errorf("an older answer brought it back: %+v", n)
		}
		if !late(project(6), "acme/website", gone.Add(-time.Second)) || late(project(6), "", gone.Add(-time.Second)) {
			t.Error("it is not told what is kept since")
		}
		back := gone.Add(time.Hour)
		see(42, project(6), "Acme/Renamed", back)
		if n := names(mine.ID)[project(6)]; n != (store.Name{Path: "Acme/Renamed", Seen: back}) {
			t.Errorf("%+v", n)
		}
		before := back.Add(-time.Second)
		isLate := late(project(6), "acme/website", before) && late(project(6), "", before)
		if !isLate || late(project(6), "Acme/Renamed", before) {
			t.Error("it is not told what is kept since")
		}
	})
	t.Run("tokens are found by what they name", func(t *testing.T) { testNaming(t, f, mine, theirs, bob) })
	t.Run("an edit moves what a token names", func(t *testing.T) {
		l := tokenOf(t, f, mine.ID)
		naming([]int64{7}, nil)(&l.Record)
		e := f.edit(t, mine.ID)
		e.Scopes = l.Scopes
		l, err := f.Store.EditToken(ctx, mine.ID, e, store.Cause{By: "user:42", At: at})
		if _, still := must(t, l, err).Names[project(6)]; still {
			t.Errorf("%v", l.Names)
		}
		if got := found(t, f, store.Filter{OwnerID: f.Owner.ID, Naming: store.Naming{ID: 6}}); got != "many0 many1 many2" {
			t.Errorf("%q names it", got)
		}
	})
	t.Run("names are forgotten when nothing names them", func(t *testing.T) {
		forget := func(before time.Time) { t.Helper(); must(t, 0, f.Store.ForgetPlaces(ctx, before)) }
		again := func() store.Named {
			t.Helper()
			return names(f.NewToken(t, "again", naming([]int64{6}, []int64{9})).ID)
		}
		forget(at) // seen since
		if n := again(); len(n) != 2 {
			t.Errorf("%v are left", n)
		}
		forget(at.AddDate(1, 0, 0)) // named
		if n := again(); len(n) != 2 {
			t.Errorf("%v are left", n)
		}
		carol := f.NewOwner(t, 45, "carol")
		hers := f.NewCredential(t, carol, "api")
		r := f.NewToken(t, "hers", naming([]int64{6}, nil), bound(carol, hers))
		see(45, project(6), "acme/hers", at)
		e := f.edit(t, r.ID)
		e.Scopes = []policy.ScopeSpec{{Access: "user", Permissions: []string{"read_user"}}}
		l, err := f.Store.EditToken(ctx, r.ID, e, store.Cause{By: "user:45", At: at})
		must(t, l, err)
		forget(at.Add(time.Second))
		r = f.NewToken(t, "hers", naming([]int64{6}, nil), bound(carol, hers))
		said("what nothing named", names(r.ID), store.Named{})
	})
	t.Run("an owner who is removed leaves no names", func(t *testing.T) {
		_, err := f.Store.RemoveOwner(ctx, bob.ID, store.Cause{Reason: "owner removed", By: "cli:test", At: at})
		must(t, 0, err)
		said("bob's", names(theirs.ID), store.Named{})
		see(43, project(6), "acme/site", at.Add(time.Hour))
		said("bob's, who is gone", names(theirs.ID), store.Named{})
	})
}

// found lists the names of the tokens that a filter keeps.
func found(t *testing.T, f *Fixture, filter store.Filter) string {
	t.Helper()
	filter.Sort = store.SortNameAsc
	list, total, err := f.Store.Tokens(t.Context(), filter)
	if err != nil || total != len(list) {
		t.Fatalf("%d of %d, %v", len(list), total, err)
	}
	var all []string
	for i := range list {
		all = append(all, list[i].Name)
		if filter.WithNames != (list[i].Names != nil) {
			t.Errorf("names are %v", list[i].Names)
		}
	}
	return strings.Join(all, " ")
}

// testNaming looks for two tokens. Alice's names Acme/Renamed (6), project 7 and the group Acme (9); bob's names acme/site (6).
func testNaming(t *testing.T, f *Fixture, mine, theirs token.Record, bob store.Owner) {
	f.NewToken(t, "acme/website", naming([]int64{500}, nil))
	for _, c := range []struct {
		name string
		f    store.Filter
		want string
	}{
		{"by id", store.Filter{Naming: store.Naming{ID: 6}}, "mine theirs"},
		{"by id and kind", store.Filter{Naming: store.Naming{Kind: routes.RefGroup, ID: 6}}, ""},
		{"a group by id", store.Filter{Naming: store.Naming{Kind: routes.RefGroup, ID: 9}}, "mine"},
		{"by id, of an owner", store.Filter{OwnerID: bob.ID, Naming: store.Naming{ID: 6}}, "theirs"},
		{"by path, whatever the case", store.Filter{Naming: store.Naming{Path: "acme/renamed"}}, "mine"},
		{"by the path of another owner", store.Filter{OwnerID: bob.ID, Naming: store.Naming{Path: "acme/renamed"}}, ""},
		{"by an old path", store.Filter{Naming: store.Naming{Path: "acme/website"}}, ""},
		{"below a group", store.Filter{Naming: store.Naming{Path: "acme"}}, "mine theirs"},
		{"a group and what is below it", store.Filter{Naming: store.Naming{Kind: routes.RefGroup, Path: "Acme"}}, "mine theirs"},
		{"a group by what a project is called", store.Filter{Naming: store.Naming{Kind: routes.RefGroup, Path: "acme/site"}}, ""},
		{"projects below a group", store.Filter{OwnerID: bob.ID, Naming: store.Naming{Kind: routes.RefProject, Path: "acme"}},
			"theirs"},
		{"by the beginning of a name", store.Filter{Naming: store.Naming{Path: "acme/ren"}}, ""},
		{"by what stands for anything elsewhere", store.Filter{Naming: store.Naming{Path: "acme/%"}}, ""},
		{"by id or path", store.Filter{Naming: store.Naming{ID: 7, Path: "acme/site"}}, "mine theirs"},
		{"a search", store.Filter{Search: "acme/website"}, "acme/website"},
		{"a search of places", store.Filter{Search: "Acme/Site", SearchPlaces: true}, "theirs"},
		{"a search of places and names", store.Filter{Search: "acme", SearchPlaces: true}, "acme/website mine theirs"},
		{"a search of the last part of a path", store.Filter{Search: "SITE", SearchPlaces: true}, "acme/website theirs"},
		{"a search of it, of an owner", store.Filter{Search: "renamed", SearchPlaces: true, OwnerID: bob.ID}, ""},
		{"a search of it, with a slash", store.Filter{Search: "/Renamed", SearchPlaces: true}, "mine"},
		{"a search of less than a part", store.Filter{Search: "ename", SearchPlaces: true}, "mine"},
		{"a search of what stands for anything elsewhere", store.Filter{Search: "s_te", SearchPlaces: true}, ""},
		{"a search by id", store.Filter{Search: "project 6", SearchPlaces: true, WithNames: true}, "mine theirs"},
		{"a search by id, of another kind", store.Filter{Search: "group 6", SearchPlaces: true}, ""},
		{"a search by a number", store.Filter{Search: "9", SearchPlaces: true}, "mine"},
		{"a search of names alone", store.Filter{Search: "acme/site"}, ""},
		{"a search for what no text is", store.Filter{Search: "a\x00", SearchPlaces: true}, ""},
		{"a path that no text is", store.Filter{Naming: store.Naming{Path: "acme\xff"}}, ""},
		{"a search that is too long", store.Filter{Search: strings.Repeat("acme/", 1000), SearchPlaces: true}, ""},
		{"a search for what is never a place", store.Filter{Search: "/", SearchPlaces: true}, "acme/website"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := found(t, f, c.f); got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
	t.Run("many at once", func(t *testing.T) {
		for i := range 3 {
			f.NewToken(t, fmt.Sprint("many", i), naming([]int64{6}, nil))
		}
		filter := store.Filter{Naming: store.Naming{ID: 6}, WithNames: true, OwnerID: f.Owner.ID}
		list, _, err := f.Store.Tokens(t.Context(), filter)
		other := func(l store.Listed) bool { return l.Names[project(6)].Path != "Acme/Renamed" }
		if err != nil || slices.ContainsFunc(list, other) {
			t.Errorf("%v, %v", list, err)
		}
	})
}
