package token_test

import (
	"slices"
	"testing"
	"time"

	"patgate/policy"
	"patgate/token"
	"patgate/token/limits"
)

func TestDifferencesAreToldByPlace(t *testing.T) {
	on := func(project, group int64, permissions ...string) policy.ScopeSpec {
		s := policy.ScopeSpec{Access: "selected_memberships", Permissions: permissions}
		if project != 0 {
			s.ProjectIDs = []int64{project}
		}
		if group != 0 {
			s.GroupIDs = []int64{group}
		}
		return s
	}
	all := policy.ScopeSpec{Access: "all_memberships", Permissions: []string{"push_code"}}
	bound := on(5, 0, "push_code")
	bound.Constraints.ForbidTagChanges = true
	for _, c := range []struct {
		name         string
		applied, now []policy.ScopeSpec
		want         string
	}{
		{"the same", []policy.ScopeSpec{all}, []policy.ScopeSpec{all}, ""},
		{"fewer permissions everywhere else", []policy.ScopeSpec{on(5, 0, "push_code", "read_pipeline")}, []policy.ScopeSpec{all},
			"scopes was push_code, read_pipeline on project 5, is push_code on all_memberships"},
		{"less", []policy.ScopeSpec{on(5, 7, "push_code", "read_pipeline")}, []policy.ScopeSpec{on(5, 7, "push_code")},
			"scopes was read_pipeline on group 7; read_pipeline on project 5, is without that"},
		{"a place more", []policy.ScopeSpec{on(5, 0, "push_code")}, []policy.ScopeSpec{on(5, 0, "push_code"), on(0, 7, "push_code")},
			"scopes was without that, is push_code on group 7"},
		{"a constraint that is gone", []policy.ScopeSpec{bound}, []policy.ScopeSpec{on(5, 0, "push_code")},
			`scopes was push_code on project 5 within {"forbid_tag_changes":true}, is push_code on project 5`},
		{"another order", []policy.ScopeSpec{all, bound}, []policy.ScopeSpec{bound, all},
			"scopes was the same in other words, is as it stands"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := token.Record{Scopes: c.applied}
			r.Managed = (&token.Managed{}).With(&r)
			r.Scopes = c.now
			var got string
			for _, d := range r.Differences() {
				got += d.String()
			}
			if got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
			if r.RotatedTo = 9; r.Differences() != nil {
				t.Errorf("a token that was rotated out differs in %v", r.Differences())
			}
		})
	}
}

// TestWhateverWasChangedByHandDiffers: each thing that an apply made is told by its name when it is something else.
func TestWhateverWasChangedByHandDiffers(t *testing.T) {
	end := time.Date(2027, 1, 2, 0, 0, 0, 0, time.UTC)
	applied := token.Record{Name: "ci", ExpiresAt: end} // renewals end with it, where nothing else was said
	applied.Managed = (&token.Managed{}).With(&applied)
	applied.RenewUntil = end
	if d := applied.Differences(); d != nil {
		t.Errorf("what was just applied differs: %v", d)
	}
	for field, change := range map[string]func(r *token.Record){
		"name":         func(r *token.Record) { r.Name = "mine" },
		"description":  func(r *token.Record) { r.Description = "other" },
		"expires_at":   func(r *token.Record) { r.ExpiresAt = end.Add(-time.Hour) },
		"renew_until":  func(r *token.Record) { r.RenewUntil = end.Add(time.Hour) },
		"report_until": func(r *token.Record) { r.ReportUntil = end },
		"limits":       func(r *token.Record) { r.Limits = limits.Spec{MaxUses: 5} },
		"scopes": func(r *token.Record) {
			r.Scopes = []policy.ScopeSpec{{Access: "user", Permissions: []string{"read_user"}}}
		},
	} {
		r := applied
		change(&r)
		if d := r.Differences(); len(d) != 1 || d[0].Field != field {
			t.Errorf("%s differs in %v", field, d)
		}
	}
}

// TestATokenThatRenewedItself: an end that it gave itself within the renewal that was applied is no change by hand, a later one is.
func TestATokenThatRenewedItself(t *testing.T) {
	end := time.Date(2027, 1, 2, 0, 0, 0, 0, time.UTC)
	r := token.Record{ExpiresAt: end, RenewUntil: end.Add(48 * time.Hour)}
	m := (&token.Managed{}).With(&r)
	for after, want := range map[time.Duration][]string{-time.Hour: nil, 0: nil, 48 * time.Hour: nil, 49 * time.Hour: {"expires_at"}} {
		fresh := r
		fresh.ExpiresAt = end.Add(after)
		fresh.Managed = m.Renewed(fresh.ExpiresAt)
		var got []string
		for _, d := range fresh.Differences() {
			got = append(got, d.Field)
		}
		if !slices.Equal(got, want) {
			t.Errorf("an end %v later differs in %v, want %v", after, got, want)
		}
	}
	if !m.Applied.ExpiresAt.Equal(end) {
		t.Error("what was applied to the old token moved with the new one")
	}
}
