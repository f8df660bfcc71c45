package usage_test

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"patgate/admin/usage"
	"patgate/audit"
	"patgate/policy"
	"patgate/routes"
	"patgate/routes/load"
	"patgate/store"
)

// detailStore keeps what Use stores.
type detailStore struct {
	store.Store
	details []store.Detail
}

func (s *detailStore) AddDetails(_ context.Context, details []store.Detail) error {
	s.details = append(s.details, details...)
	return nil
}

// silent is the sink behind Use.
type silent struct{ decided, completed int }

func (s *silent) Decision(*audit.Event) error { s.decided++; return nil }
func (s *silent) Completion(*audit.Event)     { s.completed++ }

// What is counted in several parts is stored once: counts add up, and the last moment is the last of all parts.
func TestUseAddsItsPartsUp(t *testing.T) {
	table, err := load.GitLab()
	if err != nil {
		t.Fatal(err)
	}
	names := table.Catalogue()
	permission := func(name string) (set routes.PermissionSet) {
		p, ok := names.Find(name)
		if !ok {
			t.Fatalf("there is no permission %s", name)
		}
		set.Add(p)
		return set
	}
	row := &routes.Route{NeedSet: permission("read_job")}
	others := permission("read_pipeline") // not a row's own
	start := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	stored, next := &detailStore{}, &silent{}
	u := usage.New(stored, func() *routes.Table { return table }, next, func(err error) { t.Error(err) })
	const events = 60
	for i := range events {
		e := &audit.Event{Start: start.Add(time.Duration(i) * time.Second), Client: netip.MustParseAddr("192.0.2.7"), TokenID: int64(1 + i%2),
			Route: row, Used: &row.NeedSet, Verdict: policy.Allow, Part: i % 5}
		if i%3 == 0 {
			e.Used = &others
		}
		if i%10 == 9 {
			e.Verdict = policy.Deny
		}
		if err := u.Decision(e); err != nil {
			t.Fatal(err)
		}
		u.Completion(e)
	}
	if next.decided != events || next.completed != events {
		t.Errorf("%d decisions and %d completions went on", next.decided, next.completed)
	}
	if err := u.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := map[store.Detail]bool{}
	for token := int64(1); token <= 2; token++ {
		counted := map[string]*store.Detail{"read_job": {TokenID: token, Permission: "read_job"}, "read_pipeline": {TokenID: token, Permission: "read_pipeline"}, "": {TokenID: token, Address: "192.0.2.7"}}
		for i := range events {
			if int64(1+i%2) != token || i%10 == 9 {
				continue
			}
			name := "read_job"
			if i%3 == 0 {
				name = "read_pipeline"
			}
			at := start.Add(time.Duration(i) * time.Second)
			counted[name].Count++
			for _, d := range []*store.Detail{counted[name], counted[""]} {
				if d.Last.Before(at) {
					d.Last = at
				}
			}
		}
		for _, d := range counted {
			want[*d] = true
		}
	}
	slices.SortFunc(stored.details, func(a, b store.Detail) int { return strings.Compare(a.Permission, b.Permission) })
	for _, d := range stored.details {
		if !want[d] {
			t.Errorf("stored %+v", d)
		}
		delete(want, d)
	}
	for d := range want {
		t.Errorf("missing %+v", d)
	}
	stored.details = nil
	if err := u.Flush(t.Context()); err != nil || len(stored.details) != 0 {
		t.Errorf("stored again: %v, %v", stored.details, err)
	}
}
