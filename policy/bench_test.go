package policy

import (
	"fmt"
	"testing"

	"patgate/routes"
)

// wide is a grant that names n projects: in one scope, or in one scope each.
func wide(t testing.TB, n int, scopeEach bool) *Grant {
	t.Helper()
	one := ScopeSpec{Access: "selected_memberships", Permissions: []string{"read_job", "run_job"}}
	var specs []ScopeSpec
	for id := int64(1); id <= int64(n); id++ {
		if scopeEach {
			specs = append(specs, onProject(id*3, "read_job", "run_job"))
		} else {
			one.ProjectIDs = append(one.ProjectIDs, id*3)
		}
	}
	if !scopeEach {
		specs = []ScopeSpec{one}
	}
	return grantOf(t, specs...)
}

// deep is a project under ten groups.
func deep(id int64) *Container {
	c := &Container{Boundary: routes.BoundaryProject, ID: id, Visibility: VisibilityPrivate, Access: OwnerMember}
	for ancestor := int64(1); ancestor <= 10; ancestor++ {
		c.Ancestors = append(c.Ancestors, 1000*ancestor)
	}
	return c
}

// on is the row's own act on a project.
func on(c *Container) Act { return Act{Kind: ActOwn, Boundary: onAProject, Container: c} }

func TestDecisionsAllocateNothing(t *testing.T) {
	r := writing(row(onAProject, "read_job", "run_job"))
	want := newCatalogue().set("run_job")
	r.Targets = []routes.Target{{NeedSet: want, Required: true}}
	further := on(deep(6))
	further.Kind, further.Needs = ActTarget, &want
	granted := &Question{Route: r, Acts: acts(on(deep(3)), further)}
	asked := &Question{Route: r, Acts: append(granted.Acts, Act{Kind: ActQuickAction, Needs: &want}, Act{Kind: ActQuickAction, Needs: &want, Elsewhere: true})}
	denied := &Question{Route: r, Acts: acts(on(deep(4)))}
	absent := &Question{Route: r, Acts: acts(byID(3, project(absent)))}
	constrained := grantOf(t, pushing(onProject(3, "read_job", "run_job")), under("all_memberships", "read_job"))
	plain := wide(t, 100, true)
	cases := []struct {
		name   string
		reason Reason
		decide func() Decision
	}{
		{"a grant", ReasonGranted, func() Decision { return Decide(plain, granted) }},
		{"a quick action", ReasonQuickAction, func() Decision { return Decide(plain, asked) }},
		{"a denial", ReasonOutOfBounds, func() Decision { return Decide(plain, denied) }},
		{"a hidden container", ReasonHidden, func() Decision { return Decide(plain, absent) }},
		{"a constrained grant, decided twice", ReasonOutOfBounds, func() Decision { return Decide(constrained, denied) }},
		{"no grant", ReasonPermissionMissing, func() Decision { return Decide(nil, denied) }},
		{"a plan", ReasonNone, func() Decision { return Plan(plain, r) }},
		{"a plan without a grant", ReasonPermissionMissing, func() Decision { return Plan(nil, r) }},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if d := c.decide(); d.Reason != c.reason {
				t.Fatalf("decided %v (%v), want %v", d.Verdict, d.Reason, c.reason)
			}
			if n := testing.AllocsPerRun(200, func() { c.decide() }); n != 0 {
				t.Errorf("%v allocations", n)
			}
		})
	}
}

func BenchmarkDecide(b *testing.B) {
	r := row(onAProject, "read_job")
	for _, n := range []int{1, 100, 10_000} {
		for _, each := range []bool{false, true} {
			g := wide(b, n, each)
			q := &Question{Route: r, Acts: acts(on(deep(int64(n) * 3)))}
			b.Run(fmt.Sprintf("projects=%d/scope_each=%v", n, each), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if Decide(g, q).Verdict != Allow {
						b.Fatal("denied")
					}
				}
			})
		}
	}
	b.Run("group_above", func(b *testing.B) {
		g := grantOf(b, onGroup(10_000, "read_job"))
		q := &Question{Route: r, Acts: acts(on(deep(3)))}
		b.ReportAllocs()
		for b.Loop() {
			if Decide(g, q).Verdict != Allow {
				b.Fatal("denied")
			}
		}
	})
}

func BenchmarkPlan(b *testing.B) {
	r := row(onAProject, "read_job")
	for _, n := range []int{1, 100, 10_000} {
		g := wide(b, n, true)
		b.Run(fmt.Sprintf("projects=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if Plan(g, r).Verdict != Allow {
					b.Fatal("denied")
				}
			}
		})
	}
}
