package propose

import (
	"encoding/json"
	"testing"

	"patgate/learn"
	"patgate/policy"
)

// Requests of which no more is known than their group are a question. A yes to it grants the group, for what they needed alone.
func TestAGroupOfWhichNoMoreIsKnown(t *testing.T) {
	r := NewReplay(gitlab(t))
	whole := func(row string, above ...int64) learn.Observation {
		o := seen(t, r, row, learn.Act{Kind: policy.ActRef, Ref: "refs/heads/main"})
		if row != push {
			o = seen(t, r, row)
		}
		o.Unit.Acts[0].Ancestors = above
		o.Unit = o.Unit.Collapse()
		return o
	}
	q := Ask{Owner: owner, Today: 1003, Accept: []string{"push_code"}, Observations: []learn.Observation{
		seen(t, r, "GET /projects/{project}/jobs"), whole("GET /projects/{project}/jobs", 10, 20), whole(push, 10, 20),
		whole("POST /projects/{project}/issues", 20), whole("GET /projects/{project}/issues")}}
	for _, c := range []struct {
		name      string
		groups    []int64
		scopes    string
		collapsed int
		notes     int
	}{
		{"nobody said yes", nil, `[{"access":"selected_memberships","permissions":["read_job"],"project_ids":[101]}]`, 4, 0},
		{"a yes to one that is not asked about", []int64{7},
			`[{"access":"selected_memberships","permissions":["read_job"],"project_ids":[101]}]`, 4, 0},
		{"a yes to one", []int64{10}, `[{"access":"selected_memberships","permissions":["push_code","read_job"],"group_ids":[10]}]`, 2, 1},
		{"to another, although a group of a question is below it", []int64{20},
			`[{"access":"selected_memberships","permissions":["create_work_item"],"group_ids":[20]},` +
				`{"access":"selected_memberships","permissions":["read_job"],"project_ids":[101]}]`, 3, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			q.Groups = c.groups
			p, err := r.Make(q)
			if err != nil {
				t.Fatal(err)
			}
			if text, _ := json.Marshal(p.Scopes); string(text) != c.scopes {
				t.Errorf("%s, want %s", text, c.scopes)
			}
			if p.Collapsed != c.collapsed || len(p.Below) != 2 || len(p.Notes) != c.notes || !p.Asks(10) || !p.Asks(20) || p.Asks(7) {
				t.Errorf("%d collapsed, %+v, %q", p.Collapsed, p.Below, p.Notes)
			}
			for _, n := range p.Certificate.Needed {
				if n.Witness == "" {
					t.Errorf("no witness of %+v", n)
				}
			}
		})
	}
}

const push = "POST /{project}.git/git-receive-pack"
