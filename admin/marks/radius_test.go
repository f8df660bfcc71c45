package marks

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"patgate/policy"
	"patgate/routes/load"
	"patgate/store"
)

// TestTheRadiusGrowsWithWhatATokenMayDo: more places, more permissions or a longer life never make it smaller, what no boundary
// contains outweighs reading, and it stays a number.
func TestTheRadiusGrowsWithWhatATokenMayDo(t *testing.T) {
	table, err := load.GitLab()
	if err != nil {
		t.Fatal(err)
	}
	j := NewJudge(table)
	var all []string
	for _, info := range table.Catalogue().All() {
		all = append(all, info.Name)
	}
	const day = 24 * time.Hour
	scope := func(permissions []string, projects int) policy.ScopeSpec {
		ids := make([]int64, projects)
		return policy.ScopeSpec{Access: "selected_memberships", Permissions: permissions, ProjectIDs: ids}
	}
	measure := func(life time.Duration, scopes ...policy.ScopeSpec) int64 { return j.Radius(scopes, life).Figure }
	r := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		n := 1 + r.IntN(len(all)-1)
		held := slices.Clone(all)
		r.Shuffle(len(held), func(a, b int) { held[a], held[b] = held[b], held[a] })
		at, life := 1+r.IntN(50), time.Duration(1+r.IntN(300))*day
		before := measure(life, scope(held[:n], at))
		for what, after := range map[string]int64{
			"a permission": measure(life, scope(held[:n+1], at)),
			"a project":    measure(life, scope(held[:n], at+1)),
			"a day":        measure(life+day, scope(held[:n], at)),
			"a scope":      measure(life, scope(held[:n], at), scope(held[n:n+1], 1)),
		} {
			if after < before {
				t.Errorf("%s more makes %d of %d", what, after, before)
			}
		}
	}
	if reads, pushes := measure(day, scope([]string{"read_work_item"}, 1)), measure(day, scope([]string{"push_code"},
		1)); pushes <= 3*reads {
		t.Errorf("pushing weighs %d, and reading %d", pushes, reads)
	}
	huge := j.Radius([]policy.ScopeSpec{{Access: "instance", Permissions: all}, {Access: "all_memberships", Permissions: all}},
		math.MaxInt64)
	if huge.Level() != "huge" || huge.Figure <= 0 || len(huge.Dangers) == 0 {
		t.Errorf("everything is %+v", huge)
	}
	if got := j.Radius([]policy.ScopeSpec{scope([]string{"read_job", "no_such_permission"}, 1)}, time.Hour); got.Days != 1 ||
		!strings.Contains(got.Explain(), "as much as 1 project,") || !strings.HasSuffix(got.Explain(), "for 1 day.") {
		t.Errorf("%s", got.Explain())
	}
}

// A token that may renew itself is worth as much as one that lives as long.
func TestTheRadiusCountsRenewals(t *testing.T) {
	table, err := load.GitLab()
	if err != nil {
		t.Fatal(err)
	}
	j, l := NewJudge(table), store.Listed{}
	l.CreatedAt = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	l.ExpiresAt, l.RenewUntil = l.CreatedAt.Add(12*time.Hour), l.CreatedAt.AddDate(0, 0, 90)
	for permission, days := range map[string]int64{"read_user": 1, "rotate_personal_access_token": 90} {
		l.Scopes = []policy.ScopeSpec{{Access: "user", Permissions: []string{permission}}}
		if r := j.Of(&l); r.Days != days {
			t.Errorf("with %s it counts %d days, want %d", permission, r.Days, days)
		}
	}
}
