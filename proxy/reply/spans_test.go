package reply_test

import (
	"net/url"
	"strings"
	"testing"

	"patgate/policy"
	"patgate/proxy/reply"
	"patgate/routes"
	"patgate/routes/load"
)

// TestARefusalSaysAllThatLacks: what is refused because its answer reaches over everything names every access that lacks, whatever
// the token holds already, and where the grant_url is followed the same request is allowed: there is no second denial.
func TestARefusalSaysAllThatLacks(t *testing.T) {
	for forge, load := range map[string]func() (*routes.Table, error){"gitlab": load.GitLab, "gitea": load.Gitea} {
		table, err := load()
		if err != nil {
			t.Fatal(err)
		}
		refused := 0
		for _, row := range table.Routes() {
			if !row.Spans || row.Refused != "" || row.Withheld() || row.Spanned(func(string) string { return "" }) != nil {
				continue
			}
			refused++
			t.Run(forge+" "+row.Method+" "+row.Path, func(t *testing.T) { followsItsRefusal(t, table, row) })
		}
		if refused < 10 {
			t.Errorf("%d rows of %s: the test proves nothing", refused, forge)
		}
	}
}

// followsItsRefusal asks with nothing, and with the row's permissions under each access alone.
func followsItsRefusal(t *testing.T, table *routes.Table, row *routes.Route) {
	needs := table.Catalogue().Names(row.Needs)
	for _, held := range []string{"", "selected_memberships", "all_memberships", "user", "instance"} {
		var scopes []policy.ScopeSpec
		if held != "" {
			scopes = append(scopes, scopeOf(held, needs))
		}
		grant, err := policy.Compile(1, 1000, scopes, table.Catalogue())
		if err != nil {
			continue // the permission cannot be granted there
		}
		decision := decide(grant, row)
		if decision.Verdict == policy.Allow {
			continue
		}
		r := reply.OfDenial(&decision, row)
		notice := reply.NewNotice(r, "", table, &routes.Operation{Route: row}, reply.Instance{Pages: "https://t/tokens", Token: 1})
		address, err := url.Parse(notice.GrantURL)
		if err != nil || notice.GrantURL == "" {
			t.Errorf("with %q: %v names no address", held, decision.Reason)
			continue
		}
		wanted := strings.Split(address.Query().Get("access"), ",")
		var widened []policy.ScopeSpec
		for _, access := range wanted {
			if len(wanted) > 1 && !strings.Contains(notice.Text, "under "+access) {
				t.Errorf("with %q: %s is not in %s", held, access, notice.Text)
			}
			widened = append(widened, scopeOf(access, strings.Split(address.Query().Get("permissions"), ",")))
		}
		for _, s := range scopes {
			if s.Access != wanted[0] {
				widened = append(widened, s)
			}
		}
		if grant, err = policy.Compile(1, 1000, widened, table.Catalogue()); err != nil {
			t.Errorf("with %q: %s gives no grant: %v", held, notice.GrantURL, err)
			continue
		}
		if then := decide(grant, row); then.Verdict != policy.Allow {
			t.Errorf("with %q: after %s it is denied again: %v, missing under %v", held, notice.GrantURL, then.Reason, then.Under)
		}
	}
}

func scopeOf(access string, permissions []string) policy.ScopeSpec {
	s := policy.ScopeSpec{Access: access, Permissions: permissions}
	if access == "selected_memberships" {
		s.ProjectIDs, s.GroupIDs = []int64{7}, []int64{8}
	}
	return s
}

// decide plans and decides on a request in which everything is there and the owner is a member of it.
func decide(g *policy.Grant, row *routes.Route) policy.Decision {
	if d := policy.Plan(g, row); d.Verdict != policy.Allow || d.Reason == policy.ReasonOpen {
		return d
	}
	boundary := row.Boundaries[0]
	act := policy.Act{Kind: policy.ActOwn, Boundary: boundary}
	if boundary.InContainer() {
		act.Container = &policy.Container{Boundary: boundary, ID: 7, Access: policy.OwnerMember}
		if boundary == routes.BoundaryGroup {
			act.Container.ID = 8
		}
	}
	q := policy.Question{Route: row, Acts: []policy.Act{act}}
	for i := range row.Targets {
		target := &row.Targets[i]
		if target.Required {
			b := target.Ref.Boundaries()[0]
			q.Acts = append(q.Acts, policy.Act{Kind: policy.ActTarget, Boundary: b, Needs: &target.NeedSet,
				Container: &policy.Container{Boundary: b, ID: 7, Access: policy.OwnerMember}})
		}
	}
	return policy.Decide(g, &q)
}
