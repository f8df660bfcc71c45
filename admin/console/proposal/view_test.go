package proposal

import (
	"strings"
	"testing"

	"patgate/admin/learning"
	"patgate/learn/propose"
	"patgate/policy"
	"patgate/routes"
)

func words() *Words {
	return &Words{
		Path: func(kind routes.RefKind, id int64) (path, mark string) {
			if id == 1 {
				return "shop/api", "gone"
			}
			return "", ""
		},
		Permissions: func(names []string) (rows []Row) {
			for _, name := range names {
				rows = append(rows, Row{Permission: name})
			}
			return rows
		},
		Access: func(access string) string { return access },
		Limits: func(*policy.ConstraintSpec) []string { return nil },
		Effect: strings.ToUpper,
	}
}

// What is no part of a proposal is told, each in a sentence of its own.
func TestNotes(t *testing.T) {
	p := &learning.Proposed{Damaged: 1}
	p.Collapsed, p.Lost, p.Unknown = 37, 2, []string{"GET /gone"}
	p.Certificate.Refused = []string{"GET /refused"}
	p.Proposal.Notes = []string{"pushes to project 501 are not limited to refs"}
	got := strings.Join(New(p, words()).Notes, "\n")
	for _, want := range []string{"1 row of the records could not be read, and are left out here.",
		"More than 2000 different things were done. For 37 kinds of requests",
		"2 kinds of requests are no longer allowed", "No grant allows GET /refused any more.",
		"There is no endpoint GET /gone any more.",
		"Pushes to project 501 are not limited to refs."} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	if notes := New(&learning.Proposed{}, words()).Notes; len(notes) != 0 {
		t.Errorf("%q", notes)
	}
}

// Requests that need the same permissions are one choice, which is ticked once they are in.
func TestChoices(t *testing.T) {
	push := propose.Unticked{Method: "POST", Route: "/push", Permissions: []string{"push_code"},
		Why: []string{"runs_as_owner"}, Requests: 2,
		First: "2026-11-02"}
	again := push
	again.Requests, again.First = 3, "2026-11-01"
	export := propose.Unticked{Method: "GET", Route: "/export", Permissions: []string{"export", "push_code"},
		Why: []string{"exports"}}
	p := &learning.Proposed{}
	p.Unticked, p.Accepted = []propose.Unticked{push, again, export}, nil
	left := New(p, words()).Left
	if len(left) != 2 || left[1].Value != "push_code" || left[1].Ticked || len(left[1].Kinds) != 1 ||
		left[1].Kinds[0].Requests != 5 ||
		left[1].Kinds[0].First != "2026-11-01" || left[1].Why[0] != "RUNS_AS_OWNER" || left[0].Value != "export,push_code" {
		t.Errorf("%+v", left)
	}
	p.Unticked, p.Accepted = []propose.Unticked{export}, []propose.Unticked{push}
	if left = New(p, words()).Left; len(left) != 2 || !left[1].Ticked || left[0].Ticked {
		t.Errorf("%+v", left)
	}
}

// Evidence stands at the part of the scope that it is about.
func TestEvidence(t *testing.T) {
	p := &learning.Proposed{Holds: []policy.ScopeSpec{{Access: "all_memberships", Permissions: []string{"read_job", "run_job"}}}}
	p.Scopes = []policy.ScopeSpec{
		{Access: "selected_memberships", Permissions: []string{"push_code"}, ProjectIDs: []int64{1}},
		{Access: "selected_memberships", Permissions: []string{"read_job"}, ProjectIDs: []int64{1, 2}, GroupIDs: []int64{3}},
	}
	p.Proposal.Evidence = []propose.Evidence{{Scope: 0, Permission: "push_code", Requests: 4}, {Scope: 0,
		Ref: "refs/heads/x", Requests: 4},
		{Scope: 1, Permission: "read_job", Requests: 9, Days: 2, New: "2026-11-01"}}
	v := New(p, words())
	if v.Scopes[0].Rows[0].Requests != 4 || v.Scopes[0].Refs[0].Ref != "refs/heads/x" || v.Scopes[1].Rows[0].Days != 2 ||
		len(v.Scopes[1].Refs) != 0 {
		t.Errorf("%+v", v.Scopes)
	}
	if places := v.Scopes[1].Places; len(places) != 3 || places[0].Text() != "group 3" || places[1].Text() != "shop/api" ||
		places[2].Text() != "project 2" {
		t.Errorf("%+v", places)
	}
	var facts []string
	for _, f := range v.Facts {
		facts = append(facts, f.Label+": "+f.Text)
	}
	if got := strings.Join(facts, "\n"); !strings.Contains(got, "It holds now: 2 permissions on everything") ||
		!strings.Contains(got, "It would hold: 2 permissions in 1 group and 3 projects") || !strings.Contains(got,
		"Last new need: today") {
		t.Error(got)
	}
}
