package usage_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"patgate/admin/usage"
	"patgate/audit"
	"patgate/learn"
	"patgate/policy"
	"patgate/routes"
	"patgate/routes/load"
	"patgate/store"
)

// seenStore keeps what Use stores.
type seenStore struct {
	store.Store
	seen    []learn.Seen
	uses    []store.Use
	details []store.Detail
	fails   error
}

func (s *seenStore) AddSeen(_ context.Context, seen []learn.Seen) (lost, damaged int64, err error) {
	if s.fails == nil {
		s.seen = append(s.seen, seen...)
		return 0, 0, nil
	}
	for i := range seen {
		lost += seen[i].Count
	}
	return lost, 0, s.fails
}

func (s *seenStore) AddUses(_ context.Context, uses []store.Use) error {
	if s.fails == nil {
		s.uses = append(s.uses, uses...)
	}
	return s.fails
}

func (s *seenStore) AddDetails(_ context.Context, details []store.Detail) error {
	if s.fails == nil {
		s.details = append(s.details, details...)
	}
	return s.fails
}

// silent is the sink behind Use.
type silent struct{ decided, completed int }

func (s *silent) Decision(*audit.Event) error { s.decided++; return nil }
func (s *silent) Completion(*audit.Event)     { s.completed++ }

// What is counted in several parts is stored once: counts add up, and the last moment is the last of all parts. What is denied is
// no use. What a store does not take is lost, but for how often a token was used.
func TestUseAddsItsPartsUp(t *testing.T) {
	table, err := load.GitLab()
	if err != nil {
		t.Fatal(err)
	}
	read, _ := table.Catalogue().Find("read_job")
	row := &routes.Route{Method: "GET", Path: "/projects/{project}/jobs"}
	row.NeedSet.Add(read)
	start := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	stored, next := &seenStore{}, &silent{}
	u := usage.New(usage.Options{Store: stored, Table: func() *routes.Table { return table }, Next: next,
		Report: func(err error) { t.Error(err) }})
	own := func(id int64) policy.Act {
		return policy.Act{Kind: policy.ActOwn, Boundary: routes.BoundaryProject,
			Container: &policy.Container{Boundary: routes.BoundaryProject, ID: id, Access: policy.OwnerMember}}
	}
	const events = 60
	send := func() {
		for i := range events {
			e := &audit.Event{Start: start.Add(time.Duration(i) * time.Second), Client: netip.MustParseAddr("192.0.2.7"),
				TokenID: int64(1 + i%2),
				Method:  "GET", Route: row, Used: &row.NeedSet, Verdict: policy.Allow, Part: i % 5, Acts: []policy.Act{own(501)}}
			switch {
			case i%10 == 9:
				e.Verdict, e.Reason, e.Permission, e.Used = policy.Deny, "out_of_bounds", "read_job", nil
			case i%3 == 0:
				e.Acts = append(e.Acts, policy.Act{Kind: policy.ActRef,
					Update: &policy.RefUpdate{Name: []byte("refs/heads/main"), Delete: true}})
			}
			if err := u.Decision(e); err != nil {
				t.Fatal(err)
			}
			u.Completion(e)
			clear(e.Acts) // they were good until Decision returned
		}
	}
	send()
	if next.decided != events || next.completed != events {
		t.Errorf("%d decisions and %d completions went on", next.decided, next.completed)
	}
	if err := u.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	counts := map[string]int64{}
	for _, s := range stored.seen {
		a := s.Unit.Acts[0]
		if s.Unit.Route != row.Path || a.Container != 501 || a.Kind != policy.ActOwn || a.Access != policy.OwnerMember {
			t.Errorf("%+v", s.Unit)
		}
		what := strings.Join(append(s.Unit.Needs, s.Unit.Denied), " ")
		if len(s.Unit.Acts) == 2 {
			what += s.Unit.Acts[1].Ref
		}
		counts[fmt.Sprint(s.Subject, " ", what)] += s.Count
	}
	want := map[string]int64{"1 read_job ": 20, "1 read_job refs/heads/main": 10, "2 read_job ": 16, "2 read_job refs/heads/main": 8,
		"2 out_of_bounds": 6}
	if !maps.Equal(counts, want) || len(stored.seen) != len(want) {
		t.Errorf("%v in %d, want %v", counts, len(stored.seen), want)
	}
	slices.SortFunc(stored.uses, func(a, b store.Use) int { return int(a.TokenID - b.TokenID) })
	if uses := []store.Use{{TokenID: 1, Count: 30, Last: start.Add(58 * time.Second)},
		{TokenID: 2, Count: 24, Last: start.Add(57 * time.Second)}}; !slices.Equal(stored.uses, uses) {
		t.Errorf("%v, want %v", stored.uses, uses)
	}
	if len(stored.details) != 2 {
		t.Errorf("%v", stored.details)
	}
	*stored = seenStore{}
	if err := u.Flush(t.Context()); err != nil || len(stored.seen)+len(stored.uses)+len(stored.details) != 0 {
		t.Errorf("stored again: %+v, %v", stored, err)
	}
	stored.fails = errors.New("the disk is full")
	send()
	if err := u.Flush(t.Context()); !errors.Is(err, stored.fails) || u.Lost() != events {
		t.Errorf("%d lost, %v", u.Lost(), err)
	}
	stored.fails = nil
	if err := u.Flush(t.Context()); err != nil || len(stored.seen) != 0 || len(stored.uses) != 2 ||
		stored.uses[0].Count+stored.uses[1].Count != 54 {
		t.Errorf("%+v, %v", stored, err)
	}
}

// What one token does takes bounded room, whatever it pushes, and never hides that another one was used.
func TestUseIsBounded(t *testing.T) {
	table, err := load.GitLab()
	if err != nil {
		t.Fatal(err)
	}
	row := &routes.Route{Method: "POST", Path: "/{project}.git/git-receive-pack"}
	own := policy.Act{Kind: policy.ActOwn, Boundary: routes.BoundaryProject,
		Container: &policy.Container{Boundary: routes.BoundaryProject, ID: 501, Access: policy.OwnerMember}}
	stored := &seenStore{}
	u := usage.New(usage.Options{Store: stored, Table: func() *routes.Table { return table }, Next: &silent{},
		Report: func(err error) { t.Error(err) }})
	push := func(id int64, refs ...string) {
		e := &audit.Event{Start: time.Now(), TokenID: id, Method: "POST", Route: row, Used: &row.NeedSet, Verdict: policy.Allow,
			Acts: []policy.Act{own}}
		for _, ref := range refs {
			e.Acts = append(e.Acts, policy.Act{Kind: policy.ActRef, Update: &policy.RefUpdate{Name: []byte(ref), Create: true}})
		}
		if err := u.Decision(e); err != nil {
			t.Fatal(err)
		}
	}
	many := slices.Repeat([]string{"refs/heads/x"}, 1000)
	push(1, many...)
	push(1, many[:900]...)
	push(1, "refs/heads/"+strings.Repeat("x", 1<<20))
	push(1, "refs/heads/b\xe9")
	for i := range 150_000 {
		push(1, fmt.Sprint("refs/heads/", i))
	}
	push(2, "refs/heads/last")
	local := &audit.Event{Start: time.Now(), TokenID: 3, Method: "GET", Verdict: policy.Allow, Reason: "local"}
	if err := u.Decision(local); err != nil {
		t.Fatal(err)
	}
	if err := u.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	collapsed := int64(0)
	for i := range stored.seen {
		s := &stored.seen[i]
		if s.Subject == 3 {
			t.Errorf("what patgate answers itself is a unit: %+v", s.Unit)
		}
		if kind, places, _, err := s.Unit.Text(); err != nil || len(kind)+len(places) > 8<<10 {
			t.Errorf("a unit of %d bytes, %v", len(kind)+len(places), err)
		}
		if s.Unit.Collapsed {
			collapsed += s.Count
		}
	}
	counts := map[int64]int64{}
	for _, use := range stored.uses {
		counts[use.TokenID] = use.Count
	}
	if want := map[int64]int64{1: 150_004, 2: 1, 3: 1}; !maps.Equal(counts, want) || collapsed != 4 || u.Lost() == 0 {
		t.Errorf("uses %v, %d collapsed, %d lost", counts, collapsed, u.Lost())
	}
}
