package listing

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"patgate/forge"
	"patgate/policy"
	"patgate/routes"
	"patgate/token"
)

// names is a catalogue of one permission.
type names struct{}

func (names) Find(name string) (routes.Permission, bool) { return 1, name == "read_project" }

func (names) Info(routes.Permission) routes.PermissionInfo {
	return routes.PermissionInfo{Name: "read_project", Boundaries: []routes.Boundary{routes.BoundaryProject, routes.BoundaryGroup,
		routes.BoundaryUser}}
}

func (names) Nearest(string, int) []string { return nil }

// tree is a forge: groups by id with their parents, projects with their groups, and which of them the owner is a member of.
type tree struct {
	parent  map[int64]int64 // of groups; 0: none
	group   map[int64]int64 // of projects
	member  map[int64]bool  // of projects
	asked   int
	paid    int // for questions
	known   map[int64]policy.Container
	room    error // when it cannot be paid
	refused error
	listed  int   // questions for all that lies below a group
	cut     int64 // the first project that such an answer does not reach; 0: none
}

func (w *tree) path(group int64) string {
	if p := w.parent[group]; p != 0 {
		return fmt.Sprintf("%s/g%d", w.path(p), group)
	}
	return fmt.Sprintf("g%d", group)
}

func (w *tree) above(group int64) (all []int64) {
	for ; group != 0; group = w.parent[group] {
		all = append(all, group)
	}
	return all
}

// Resolve implements Resolver.
func (w *tree) Resolve(_ context.Context, _ *token.Session, ref routes.Reference, _ time.Duration) (policy.Container, error) {
	if w.asked++; w.refused != nil {
		return policy.Container{}, w.refused
	}
	if ref.Kind == routes.RefGroup {
		if _, there := w.parent[ref.ID]; !there {
			return policy.Container{}, nil
		}
		return policy.Container{Boundary: routes.BoundaryGroup, ID: ref.ID, Path: w.path(ref.ID), Ancestors: w.above(w.parent[ref.ID]),
			Access: policy.OwnerPublicRead}, nil
	}
	return w.project(ref.ID), nil
}

// Known implements Resolver.
func (w *tree) Known(_ *token.Session, ref routes.Reference, _ time.Duration, _ time.Time) *policy.Container {
	if c, is := w.known[ref.ID]; is {
		return &c
	}
	return nil
}

// Listed implements Resolver.
func (w *tree) Listed(*token.Session) error {
	w.paid++
	return w.room
}

// Below implements Resolver.
func (w *tree) Below(_ context.Context, s *token.Session, group *policy.Container, _ time.Duration) (all []int64, complete bool,
	err error) {
	w.listed++
	if err := w.Listed(s); err != nil {
		return nil, false, err
	}
	for id, in := range w.group {
		if slices.Contains(w.above(in), group.ID) && (w.cut == 0 || id < w.cut) {
			all = append(all, id)
		}
	}
	slices.Sort(all)
	return all, w.cut == 0, w.refused
}

func (w *tree) project(id int64) policy.Container {
	group, there := w.group[id]
	if !there {
		return policy.Container{}
	}
	c := policy.Container{Boundary: routes.BoundaryProject, ID: id, Ancestors: w.above(group), Access: policy.OwnerPublicRead}
	if w.member[id] {
		c.Access = policy.OwnerMember
	}
	return c
}

func (w *tree) entry(id int64) string {
	return fmt.Sprintf(`{"id":%d,"path_with_namespace":"%s/p%d","namespace":{"id":%d,"kind":"group"},"name":"x"}`, id,
		w.path(w.group[id]), id, w.group[id])
}

func newTree(r *rand.Rand) *tree {
	w := &tree{parent: map[int64]int64{}, group: map[int64]int64{}, member: map[int64]bool{}}
	if r.IntN(4) == 0 {
		w.cut = 101 + r.Int64N(40)
	}
	for id := int64(1); id <= 12; id++ {
		w.parent[id] = 0
		if id > 1 && r.IntN(3) > 0 {
			w.parent[id] = 1 + r.Int64N(id-1)
		}
	}
	for id := int64(101); id <= 140; id++ {
		w.group[id] = 1 + r.Int64N(12)
		w.member[id] = r.IntN(2) == 0
	}
	return w
}

func grantOf(t *testing.T, scopes ...policy.ScopeSpec) *policy.Grant {
	t.Helper()
	for i := range scopes {
		scopes[i].Permissions = []string{"read_project"}
	}
	g, err := policy.Compile(5, 1, scopes, names{})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func projects(name routes.EntryName) *routes.Entries {
	row := &routes.Route{Kind: routes.KindPermission, Method: "GET", Path: "/projects"}
	row.NeedSet.Add(1)
	row.AddEntries(routes.Entries{Of: []routes.EntryName{name}, Pages: &routes.Pages{Page: "page", Size: "per_page", Default: 20,
		Most: 100}})
	return row.Entries[0]
}

func randomGrant(t *testing.T, r *rand.Rand) (g *policy.Grant, below, reached func(w *tree, id int64) bool) {
	var named, groups []int64
	for range r.IntN(4) {
		named = append(named, 101+r.Int64N(45))
	}
	for range r.IntN(3) {
		groups = append(groups, 1+r.Int64N(14))
	}
	slices.Sort(named)
	slices.Sort(groups)
	named, groups = slices.Compact(named), slices.Compact(groups)
	all := r.IntN(5) == 0
	var scopes []policy.ScopeSpec
	if len(named)+len(groups) > 0 {
		scopes = append(scopes, policy.ScopeSpec{Access: "selected_memberships", ProjectIDs: named, GroupIDs: groups})
	}
	if all || len(scopes) == 0 {
		all = true
		scopes = append(scopes, policy.ScopeSpec{Access: "all_memberships"})
	}
	g = grantOf(t, scopes...)
	var limit policy.Ceiling
	if r.IntN(2) == 0 {
		limit = policy.Ceiling{Name: "frozen", Groups: []int64{1 + r.Int64N(14)}, Projects: []int64{101 + r.Int64N(45)}}
		limit.Permissions.Add(1)
		g = g.Under(policy.Ceilings{limit}, policy.Bearer{})
	}
	below = func(w *tree, id int64) bool {
		return slices.Contains(limit.Projects, id) ||
			slices.ContainsFunc(w.above(w.group[id]), func(g int64) bool { return slices.Contains(limit.Groups, g) })
	}
	return g, below, func(w *tree, id int64) bool {
		if below(w, id) {
			return false
		}
		if all && w.member[id] || slices.Contains(named, id) {
			return true
		}
		return slices.ContainsFunc(w.above(w.group[id]), func(g int64) bool { return slices.Contains(groups, g) })
	}
}

// TestPagesAgreeWithNaiveFiltering: random lists, random grants and random pages, with all that an entry may say of its container and
// with its id alone. What a client gets is the page of what a naive filter leaves of the whole list, and so are the counts.
func TestPagesAgreeWithNaiveFiltering(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	forms := []routes.EntryName{
		{Ref: routes.RefProject, ID: "id", Path: "path_with_namespace", Above: "namespace.id"},
		{Ref: routes.RefProject, ID: "id", Path: "path_with_namespace"},
		{Ref: routes.RefProject, ID: "id", Above: "namespace.id"},
		{Ref: routes.RefProject, ID: "id"},
	}
	for n := range 2000 {
		w := newTree(r)
		g, below, reached := randomGrant(t, r)
		free := r.IntN(3) == 0 // the grant alone allows the whole list
		var whole, kept []int64
		for range r.IntN(60) {
			id := 101 + r.Int64N(40)
			whole = append(whole, id)
			if free && !below(w, id) || !free && reached(w, id) {
				kept = append(kept, id)
			}
		}
		e := projects(forms[r.IntN(len(forms))])
		number, size := 1+r.IntN(3), 1+r.IntN(8)
		judge := NewJudge(w, &token.Session{Grant: g}, e, free, time.Second, time.Minute)
		page := NewPage(e, func(name string) string {
			return map[string]string{"page": fmt.Sprint(number), "per_page": fmt.Sprint(size)}[name]
		}, judge.Keeps, func(int64) bool { return true })
		for chunk := range slices.Chunk(whole, 10) {
			var text []string
			for _, id := range chunk {
				text = append(text, w.entry(id))
			}
			if err := page.Add(strings.NewReader("[" + strings.Join(text, ",") + "]")); err != nil {
				t.Fatal(err)
			}
			if page.More {
				break
			}
		}
		first := min((number-1)*size, len(kept))
		want := kept[first:min(first+size, len(kept))]
		var got []struct{ ID int64 }
		if err := json.Unmarshal(page.Text(), &got); err != nil {
			t.Fatal(err)
		}
		same := len(got) == len(want) && page.More == (number*size < len(kept)) && (page.More || page.Kept == len(kept))
		for i := range got {
			same = same && got[i].ID == want[i]
		}
		if !same {
			t.Fatalf("case %d: page %d of %d: got %v (more %v, %d), want %v of %v", n, number, size, got, page.More, page.Kept, want, kept)
		}
	}
}

func TestEntriesThatSayNothingOfTheirContainerAreLeftOut(t *testing.T) {
	w := newTree(rand.New(rand.NewPCG(1, 1)))
	e := projects(routes.EntryName{Ref: routes.RefProject, ID: "p.id"})
	j := NewJudge(w, &token.Session{Grant: grantOf(t, policy.ScopeSpec{Access: "selected_memberships", ProjectIDs: []int64{101}})}, e,
		false, time.Second, time.Minute)
	for entry, want := range map[string]bool{
		`{"p":{"id":101}}`: true, `{"p":{"id":102}}`: false, `{"p":{"id":"101"}}`: false, `{"p":{"id":101.0}}`: false,
		`{"p":{"id":null}}`: false,
		`{"p":null}`:        false, `{}`: false, `101`: false, `null`: false, `[{"p":{"id":101}}]`: false,
		`{"p":{"id":101,"id":102}}`:       false,
		`{"p":{"id":102},"p":{"id":101}}`: false, `{"p":{"id":101},"x":{"y":1,"y":2}}`: false, `{"p":{"\u0069d":101}}`: true,
	} {
		if kept, err := j.Keeps(jsontext.Value(entry)); err != nil || kept != want {
			t.Errorf("%s is kept: %v, %v", entry, kept, err)
		}
	}
	if w.asked > 0 {
		t.Errorf("the forge was asked %d times about a token of one project", w.asked)
	}
}

// TestACeilingCostsAQuestionAGroup: what lies in one group is cleared of a ceiling elsewhere by asking about that group.
func TestACeilingCostsAQuestionAGroup(t *testing.T) {
	w := &tree{parent: map[int64]int64{1: 0, 2: 1, 3: 1}, group: map[int64]int64{}, known: map[int64]policy.Container{}}
	limit := policy.Ceiling{Name: "frozen", Groups: []int64{3}}
	limit.Permissions.Add(1)
	g := grantOf(t, policy.ScopeSpec{Access: "selected_memberships", GroupIDs: []int64{1}})
	e := projects(routes.EntryName{Ref: routes.RefProject, ID: "id", Path: "path_with_namespace", Above: "namespace.id"})
	all := grantOf(t, policy.ScopeSpec{Access: "all_memberships"})
	for whole, g := range map[bool]*policy.Grant{false: g, true: all} {
		w.asked, w.known = 0, map[int64]policy.Container{}
		s := &token.Session{Grant: g.Under(policy.Ceilings{limit}, policy.Bearer{})}
		judge := NewJudge(remembering{w}, s, e, whole, time.Second, time.Minute)
		for id := int64(101); id <= 160; id++ {
			w.group[id] = 2 + id%2
			kept, err := judge.Keeps(jsontext.Value(w.entry(id)))
			if err != nil || kept != (w.group[id] == 2) {
				t.Fatalf("project %d in %d: %v, %v", id, w.group[id], kept, err)
			}
		}
		if w.asked > 3 {
			t.Errorf("%d questions about 3 groups", w.asked)
		}
	}
}

// remembering is a resolver that keeps what it was told.
type remembering struct{ *tree }

func (w remembering) Resolve(ctx context.Context, s *token.Session, ref routes.Reference, age time.Duration) (policy.Container, error) {
	c, err := w.tree.Resolve(ctx, s, ref, age)
	if err == nil {
		w.known[ref.ID] = c
	}
	return c, err
}

// TestOthersAreNotAskedAbout: what lies elsewhere by its path costs no question, and a path alone allows nothing.
func TestOthersAreNotAskedAbout(t *testing.T) {
	w := &tree{parent: map[int64]int64{1: 0, 2: 1, 3: 0}, group: map[int64]int64{101: 2, 102: 3}}
	e := projects(routes.EntryName{Ref: routes.RefProject, ID: "id", Path: "path", Above: "in"})
	s := &token.Session{Grant: grantOf(t, policy.ScopeSpec{Access: "selected_memberships", GroupIDs: []int64{1}})}
	j := NewJudge(w, s, e, false, time.Second, time.Minute)
	ask := func(entry string, want bool, questions int) {
		t.Helper()
		w.asked = 0
		if kept, err := j.Keeps(jsontext.Value(entry)); err != nil || kept != want || w.asked != questions {
			t.Errorf("%s is kept: %v after %d questions, %v", entry, kept, w.asked, err)
		}
	}
	ask(`{"id":100,"path":"g1/x","in":1}`, true, 0)
	ask(`{"id":102,"path":"g3/x","in":3}`, false, 1) // for the path of the group
	ask(`{"id":102,"path":"g3/x","in":3}`, false, 0)
	ask(`{"id":101,"path":"G1/g2/x","in":2}`, true, 1)
	ask(`{"id":101,"path":"g1/g2/x","in":2}`, true, 0)
	ask(`{"id":102,"path":"g1/x","in":3}`, false, 1) // another group has the path by now
	ask(`{"id":103,"path":"g1x/x","in":4}`, false, 0)
	ask(`{"id":102,"path":"g1/x"}`, false, 1)
	w.refused = context.DeadlineExceeded
	if kept, err := j.Keeps(jsontext.Value(`{"id":101,"path":"g1/y","in":9}`)); kept || err == nil {
		t.Errorf("kept %v, %v, although the forge does not answer", kept, err)
	}
}

// TestQuestionsArePaidFor: each question about an entry is paid for before it is asked, whether the grant reaches the entry or not;
// what is known costs nothing; who cannot pay gets no list.
func TestQuestionsArePaidFor(t *testing.T) {
	w := &tree{parent: map[int64]int64{1: 0, 2: 1, 3: 0}, group: map[int64]int64{101: 2, 102: 3, 103: 3},
		known: map[int64]policy.Container{}}
	e := projects(routes.EntryName{Ref: routes.RefProject, ID: "id"})
	s := &token.Session{Grant: grantOf(t, policy.ScopeSpec{Access: "selected_memberships", GroupIDs: []int64{1}})}
	j := NewJudge(w, s, e, false, time.Second, time.Minute)
	judge := func(id int64, want bool, questions int) {
		t.Helper()
		w.asked, w.paid = 0, 0
		kept, err := j.Keeps(jsontext.Value(fmt.Sprintf(`{"id":%d}`, id)))
		if err != nil || kept != want || w.asked != questions || w.paid != questions {
			t.Errorf("%d is kept: %v after %d questions, %d paid for, %v", id, kept, w.asked, w.paid, err)
		}
	}
	judge(101, true, 1)
	judge(102, false, 1)
	judge(102, false, 0)
	w.known[103] = w.project(103)
	judge(103, false, 0)
	w.room = forge.ErrListBudget
	w.asked = 0
	if kept, err := j.Keeps(jsontext.Value(`{"id":104}`)); kept || !errors.Is(err, forge.ErrListBudget) || w.asked > 0 {
		t.Errorf("kept %v, %v after %d questions", kept, err, w.asked)
	}
}

// TestManyProjectsAreAskedForAtOnce: a list of hundreds of projects costs a few questions about single ones, and then one for all that
// the grant's group holds. What that does not reach to its end is asked about one by one.
func TestManyProjectsAreAskedForAtOnce(t *testing.T) {
	w := &tree{parent: map[int64]int64{1: 0, 2: 1, 3: 0}, group: map[int64]int64{}}
	for id := int64(101); id <= 700; id++ {
		w.group[id] = 2 + id%2
	}
	e := projects(routes.EntryName{Ref: routes.RefProject, ID: "id"})
	judge := func(s *token.Session) (kept int) {
		t.Helper()
		w.asked, w.listed, w.paid = 0, 0, 0
		j := NewJudge(w, s, e, false, time.Second, time.Minute)
		for id := int64(101); id <= 700; id++ {
			is, err := j.Keeps(jsontext.Value(fmt.Sprintf(`{"id":%d}`, id)))
			if err != nil || is != (id%2 == 0) {
				t.Fatalf("%d is kept: %v, %v", id, is, err)
			}
			if is {
				kept++
			}
		}
		return kept
	}
	group := &token.Session{Grant: grantOf(t, policy.ScopeSpec{Access: "selected_memberships", GroupIDs: []int64{1}})}
	if kept := judge(group); kept != 300 || w.listed != 1 || w.asked != few+1 || w.paid != few+2 {
		t.Errorf("%d kept, %d questions, %d for a group, %d paid for", kept, w.asked, w.listed, w.paid)
	}
	w.cut = 500
	if kept := judge(group); kept != 300 || w.listed != 1 || w.asked < 300 {
		t.Errorf("a list without an end: %d kept, %d questions, %d for a group", kept, w.asked, w.listed)
	}
	w.cut, w.refused = 0, context.DeadlineExceeded
	j := NewJudge(w, group, e, false, time.Second, time.Minute)
	j.single, j.until = few, time.Now().Add(time.Minute)
	if kept, err := j.Keeps(jsontext.Value(`{"id":102}`)); kept || err == nil {
		t.Errorf("kept %v, %v, although the forge does not answer", kept, err)
	}
}

// TestAnEntryOfAnAccount: what has a null in the place of a project belongs to the user that it names, and to no other.
func TestAnEntryOfAnAccount(t *testing.T) {
	e := projects(routes.EntryName{Ref: routes.RefProject, ID: "project_id"})
	e.Of = append(e.Of, routes.EntryName{Ref: routes.RefUser, ID: "author.id", Alone: "project_id", Row: &routes.Route{
		Kind: routes.KindPermission, NeedSet: e.Of[0].Row.NeedSet, Boundaries: []routes.Boundary{routes.BoundaryUser},
		Find: routes.Find{From: routes.FindByLookup, Ref: routes.RefUser}}})
	for _, c := range []struct {
		scope policy.ScopeSpec
		entry string
		want  bool
	}{
		{policy.ScopeSpec{Access: "user"}, `{"project_id":null,"author":{"id":5}}`, true},
		{policy.ScopeSpec{Access: "user"}, `{"project_id":null,"author":{"id":6}}`, false},
		{policy.ScopeSpec{Access: "user"}, `{"project_id":101,"author":{"id":5}}`, false},
		{policy.ScopeSpec{Access: "user"}, `{"author":{"id":5}}`, false},
		{policy.ScopeSpec{Access: "user"}, `{"project_id":null,"author":null}`, false},
		{policy.ScopeSpec{Access: "selected_memberships", ProjectIDs: []int64{101}}, `{"project_id":101,"author":{"id":5}}`, true},
		{policy.ScopeSpec{Access: "selected_memberships", ProjectIDs: []int64{101}}, `{"project_id":null,"author":{"id":5}}`, false},
	} {
		w := &tree{group: map[int64]int64{101: 1}, parent: map[int64]int64{1: 0}}
		j := NewJudge(w, &token.Session{Grant: grantOf(t, c.scope)}, e, false, time.Second, time.Minute)
		if kept, err := j.Keeps(jsontext.Value(c.entry)); kept != c.want || err != nil {
			t.Errorf("%s under %s is kept: %v, %v", c.entry, c.scope.Access, kept, err)
		}
	}
}

func TestPageOfAnObject(t *testing.T) {
	e := projects(routes.EntryName{Ref: routes.RefProject, ID: "id"})
	e.At = "data"
	p := NewPage(e, func(string) string { return "" }, func(v jsontext.Value) (bool, error) { return !bytes.Contains(v, []byte("2")), nil },
		func(int64) bool { return true })
	if err := p.Add(strings.NewReader(`{"ok":true,"data":[{"id":1},{"id":2},{"id":3}],"total_count":3}`)); err != nil {
		t.Fatal(err)
	}
	if got := string(p.Text()); got != `{"ok":true,"data":[{"id":1},{"id":3}]}` {
		t.Error(got)
	}
	if got := fmt.Sprint(p.Fields("/x?",
		false)); got != `[[Link </x?page=1&per_page=20>; rel="first", </x?page=1&per_page=20>; rel="last"] [X-Total-Count 2]]` {
		t.Error(got)
	}
	e.Total = "total_count"
	for size, want := range map[string]string{"2": `{"data":[{"id":1},{"id":3}],"total_count":2}`, "1": `{"data":[{"id":1}]}`} {
		p := NewPage(e, func(name string) string { return map[string]string{"per_page": size}[name] },
			func(v jsontext.Value) (bool, error) { return !bytes.Contains(v, []byte("2")), nil }, func(int64) bool { return true })
		if err := p.Add(strings.NewReader(`{"total_count":3,"data":[{"id":1},{"id":2},{"id":3}]}`)); err != nil {
			t.Fatal(err)
		}
		if got := string(p.Text()); got != want {
			t.Error(got)
		}
	}
	full := NewPage(e, func(string) string { return "" }, func(jsontext.Value) (bool, error) { return true, nil },
		func(int64) bool { return false })
	if err := full.Add(strings.NewReader(`{"data":[{"id":1,"name":"` + strings.Repeat("x", 100) + `"}]}`)); err != ErrNoRoom {
		t.Errorf("%v", err)
	}
}

func TestAListWithoutPagesIsWhole(t *testing.T) {
	for field, paged := range map[string]bool{"X-Page": true, "x-per-page": true, "X-Next-Page": true, "Link": true,
		"X-Total-Count": true, "X-Request-Id": false} {
		if got := RestOf(func(yield func(a, b []byte) bool) { yield([]byte(field), nil) }).Paged; got != paged {
			t.Errorf("%s: %v", field, got)
		}
	}
	e := projects(routes.EntryName{Ref: routes.RefProject, ID: "id"})
	p := NewPage(e, func(string) string { return "2" }, func(v jsontext.Value) (bool, error) {
		return !bytes.Contains(v, []byte("2")),
			nil
	},
		func(int64) bool { return true })
	p.Whole()
	if err := p.Add(strings.NewReader(`[{"id":1},{"id":2},{"id":3},{"id":4}]`)); err != nil {
		t.Fatal(err)
	}
	if got := string(p.Text()); got != `[{"id":1},{"id":3},{"id":4}]` || p.More || p.Fields("/x?", true) != nil {
		t.Errorf("%s %v %v", got, p.More, p.Fields("/x?", true))
	}
}
