package propose

import (
	"encoding/json"
	"slices"
	"testing"

	"patgate/learn"
	"patgate/policy"
)

// TestEachPartHasItsEvidence holds over random traffic that each permission and pattern of the scopes is told with the requests
// that would be denied without it, and nothing else is.
func TestEachPartHasItsEvidence(t *testing.T) {
	table := gitlab(t)
	r := NewReplay(table)
	for seed := range uint64(40) {
		d := newTraffic(t, table, seed)
		list := d.observations(r, 1+d.IntN(25))
		p, err := r.Make(Ask{Observations: list, Since: 0, Today: 1020, Owner: owner, Accept: everyPermission(table)})
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		want := 0
		for i, s := range p.Scopes {
			want += len(s.Permissions) + len(s.Constraints.RefPatterns)
			for j, name := range s.Permissions {
				other := slices.Clone(p.Scopes)
				other[i].Permissions = slices.Delete(slices.Clone(s.Permissions), j, j+1)
				if len(other[i].Permissions) == 0 {
					other = slices.Delete(other, i, i+1)
				}
				grant := &policy.Grant{Owner: owner, TableVersion: table.Version()}
				if len(other) > 0 {
					if grant, err = policy.Compile(owner, table.Version(), other, table.Catalogue()); err != nil {
						t.Fatalf("seed %d: %v", seed, err)
					}
				}
				at := slices.IndexFunc(p.Evidence, func(e Evidence) bool { return e.Scope == i && e.Permission == name })
				if at < 0 {
					t.Fatalf("seed %d: no evidence for %s in scope %d", seed, name, i)
				}
				if lost, e := r.Simulate(grant, list, 0), p.Evidence[at]; e.Requests != lost.Requests || e.Days < 1 || e.Last == "" ||
					e.New == "" {
					t.Fatalf("seed %d: %+v, and %d requests are lost without it", seed, e, lost.Requests)
				}
			}
		}
		if len(p.Evidence) != want {
			t.Fatalf("seed %d: %d times evidence for %d parts", seed, len(p.Evidence), want)
		}
	}
}

func TestAGroupInThePlaceOfItsProjects(t *testing.T) {
	r := NewReplay(gitlab(t))
	var list []learn.Observation
	for i := range int64(GroupAfter) {
		read := seen(t, r, "GET /projects/{project}/jobs")
		push := seen(t, r, "POST /{project}.git/git-receive-pack", learn.Act{Kind: policy.ActRef, Ref: "refs/heads/main",
			Delete: i == 2})
		read.Unit.Acts[0].Container, push.Unit.Acts[0].Container = 101+i, 101+i
		list = append(list, read)
		if i < 3 {
			list = append(list, push)
		}
	}
	alone := seen(t, r, "GET /projects/{project}/jobs")
	alone.Unit.Acts[0].Container, alone.Unit.Acts[0].Ancestors = 300, []int64{30}
	q := Ask{Observations: append(list, alone), Owner: owner, Today: 1003, Accept: []string{"push_code"}, Groups: []int64{10,
		30, 99}}
	p, err := r.Make(q)
	if err != nil {
		t.Fatal(err)
	}
	const want = `[{"access":"selected_memberships","permissions":["push_code"],"group_ids":[10],"constraints":` +
		`{"ref_patterns":["refs/heads/main"],"forbid_tag_changes":true}},` +
		`{"access":"selected_memberships","permissions":["read_job"],"project_ids":[300],"group_ids":[10]}]`
	if text, _ := json.Marshal(p.Scopes); string(text) != want {
		t.Errorf("%s", text)
	}
	if len(p.Groups) != 1 || !p.Groups[0].Chosen || p.Certificate.Allowed != len(list)+1 || len(p.Certificate.Needed) != 5 {
		t.Errorf("%+v %+v", p.Groups, p.Certificate)
	}
	if len(p.Accepted) != 3 || len(p.Unticked) != 0 {
		t.Errorf("accepted %+v, left out %+v", p.Accepted, p.Unticked)
	}
	q.Groups = nil
	if p, err = r.Make(q); err != nil || p.Groups[0].Chosen || p.Scopes[1].GroupIDs != nil {
		t.Errorf("nobody chose a group: %+v, %v", p.Scopes, err)
	}
}
