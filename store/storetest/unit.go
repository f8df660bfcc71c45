package storetest

import (
	"fmt"
	"reflect"
	"sync"
	"testing"
	"time"

	"patgate/learn"
	"patgate/policy"
	"patgate/routes"
	"patgate/store"
)

// unit makes what reads jobs of a project.
func unit(project int64) learn.Unit {
	return learn.Unit{Method: "GET", Route: "/projects/{project}/jobs", Needs: []string{"read_job"}, Acts: []learn.Act{{
		Kind: policy.ActOwn, Boundary: routes.BoundaryProject, Found: routes.BoundaryProject, Access: policy.OwnerMember,
		Container: project, Ancestors: []int64{7, 3},
	}}}
}

func testUnits(t *testing.T, f *Fixture) {
	ctx := t.Context()
	r := f.NewToken(t, "seen")
	before := sequence(t, f.Store)
	add := func(st store.Store, u learn.Unit, n int64, at time.Time) {
		t.Helper()
		lost, _, err := st.AddSeen(ctx, []learn.Seen{{Subject: r.ID, Unit: u, Count: n, Last: at},
			{Subject: 5, Unit: u, Count: 1, Last: at}})
		if err != nil || lost != 0 {
			t.Fatalf("%d lost, %v", lost, err)
		}
	}
	denied := unit(501)
	denied.Denied, denied.Missing = "permission_missing", []string{"read_job"}
	push := learn.Unit{Method: "POST", Route: "git-receive-pack", Needs: []string{"push_code"}, Acts: []learn.Act{
		{Kind: policy.ActOwn, Boundary: routes.BoundaryProject, Found: routes.BoundaryProject, Container: 501},
		{Kind: policy.ActRef, Ref: "refs/heads/main", Create: true},
	}}
	other := f.Again()
	defer other.Close()
	late := Start().Add(26 * time.Hour)
	add(f.Store, unit(501), 2, late)
	add(other, unit(501), 3, Start()) // of another process, stored later
	add(f.Store, unit(502), 1, late)
	add(f.Store, denied, 4, Start())
	add(f.Store, push, 1, late.Add(time.Hour))
	t.Run("units are what they were, and counts of two processes add up", func(t *testing.T) {
		list, damaged, err := f.Store.Observations(ctx, r.ID, time.Time{})
		if err != nil || damaged != 0 || len(list) != 4 {
			t.Fatalf("%d units, %d damaged, %v", len(list), damaged, err)
		}
		day := learn.DayOf(Start())
		want := learn.Observation{Unit: unit(501), First: Start(), Last: late, Uses: 5,
			Days: []learn.Count{{Day: day, N: 3}, {Day: day + 1, N: 2}}}
		if !reflect.DeepEqual(list[0], want) && !reflect.DeepEqual(list[1], want) {
			t.Errorf("%+v, want %+v", list[:2], want)
		}
		if last := list[3]; !reflect.DeepEqual(last.Unit, push) {
			t.Errorf("%+v, want %+v", last.Unit, push)
		}
	})
	t.Run("a window leaves out what was before it", func(t *testing.T) {
		list, _, err := f.Store.Observations(ctx, r.ID, late.Add(-time.Hour))
		if err != nil || len(list) != 3 || len(list[0].Days) != 1 {
			t.Errorf("%+v, %v", list, err)
		}
	})
	t.Run("a permission's uses are those of its units, without what was denied", func(t *testing.T) {
		uses, err := f.Store.PermissionUses(ctx, r.ID)
		want := []store.PermissionUse{{Permission: "push_code", Uses: 1, LastUsedAt: late.Add(time.Hour)},
			{Permission: "read_job", Uses: 6, LastUsedAt: late}}
		if err != nil || !reflect.DeepEqual(uses, want) {
			t.Errorf("%+v, %v", uses, err)
		}
	})
	t.Run("units are no change", func(t *testing.T) {
		if after := sequence(t, f.Store); after != before {
			t.Errorf("sequence %d after %d", after, before)
		}
	})
	t.Run("two processes add at the same time", func(t *testing.T) { testUnitsTogether(t, f, other) })
	t.Run("a token has so many units, and is told without containers beyond", func(t *testing.T) { testUnitBounds(t, f) })
}

func testUnitsTogether(t *testing.T, f *Fixture, other store.Store) {
	r := f.NewToken(t, "together")
	const each = 20
	var wait sync.WaitGroup
	for _, st := range []store.Store{f.Store, other} {
		wait.Go(func() {
			for range each {
				seen := []learn.Seen{{Subject: r.ID, Unit: unit(9), Count: 1, Last: Start()}}
				if _, _, err := st.AddSeen(t.Context(), seen); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wait.Wait()
	list, _, err := f.Store.Observations(t.Context(), r.ID, time.Time{})
	if err != nil || len(list) != 1 || list[0].Uses != 2*each || list[0].Days[0].N != 2*each {
		t.Errorf("%+v, %v", list, err)
	}
}

func testUnitBounds(t *testing.T, f *Fixture) {
	r := f.NewToken(t, "busy")
	const more = 50
	var seen []learn.Seen
	for i := range learn.MostUnits + more {
		seen = append(seen, learn.Seen{Subject: r.ID, Unit: unit(int64(i + 1)), Count: 1, Last: Start()})
	}
	for i := range learn.MostCollapsed + 3 {
		u := unit(1)
		u.Route = fmt.Sprint("/made/up/", i)
		seen = append(seen, learn.Seen{Subject: r.ID, Unit: u, Count: 2, Last: Start()})
	}
	lost, _, err := f.Store.AddSeen(t.Context(), seen)
	if err != nil || lost != 2*4 { // one of the collapsed is that of the first loop
		t.Errorf("%d lost, %v", lost, err)
	}
	list, _, err := f.Store.Observations(t.Context(), r.ID, time.Time{})
	if err != nil || len(list) != learn.MostUnits+learn.MostCollapsed {
		t.Fatalf("%d units, %v", len(list), err)
	}
	for i := range list {
		if u := &list[i].Unit; u.Collapsed && u.Route == unit(1).Route && (list[i].Uses != more || u.Acts[0].Container != 0) {
			t.Errorf("%+v", list[i])
		}
	}
}
