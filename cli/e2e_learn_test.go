package cli_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"patgate/forge/forgetest"
	"patgate/policy"
)

// TestLearning does a bot's job with a broad token, has the smallest grant proposed and made, and does the job with that: nothing
// is denied, and without any part of the grant something is.
func TestLearning(t *testing.T) {
	b := startBot(t)
	r, w := b.running, b.world
	broad := r.make(t, creation("broad", object{"access": "all_memberships", "permissions": []string{"*"}}))
	if denied := b.run(t, broad.Token, false); len(denied) > 0 {
		t.Fatal(denied)
	}
	id := strconv.FormatInt(broad.ID, 10)
	b.newcomer(t, id)
	t.Run("a narrowing is tried before it is made", func(t *testing.T) {
		out, err := b.patgate("token", "edit", id, "--project", strconv.FormatInt(w.api, 10), "--allow", "read_job,read_project",
			"--dry-run",
			"--since", "30d")
		if err != nil || !strings.Contains(out, "would have denied 8 requests of 8 kinds, of 11") ||
			!strings.Contains(out, time.Now().UTC().Format("2006-01-02")) || !strings.Contains(out,
			"POST /projects/{project}/merge_requests") {
			t.Errorf("%v %s", err, out)
		}
		if v, _ := r.want(t, 200, w.alicePAT, "GET", path(broad.ID, ""), nil); v.GranularScopes[0].Access != "all_memberships" {
			t.Error("the token was changed")
		}
	})
	t.Run("a group is a question when half of it was used", func(t *testing.T) {
		walker := r.make(t, creation("walker", object{"access": "all_memberships", "permissions": []string{"read_project"}}))
		const used = 5
		var paths []string
		groups := map[string]int64{}
		for name, projects := range map[string]int{"half": 2 * used, "less": 2*used + 1} {
			groups[name] = w.forge.AddGroup(name, forgetest.Private)
			w.forge.AddGroupMember(groups[name], w.alice, forgetest.Maintainer)
			for i := range projects {
				if id := w.forge.AddProject(fmt.Sprintf("%s/%d", name, i), forgetest.Private); i < used {
					paths = append(paths, fmt.Sprintf("/api/v4/projects/%d", id))
				}
			}
		}
		r.onOneConnection(t, walker.Token, 200, paths...)
		r.used(t, walker.Token, func(u *usageOf) bool { return u.Permissions["read_project"].Uses == 2*used })
		out, err := b.patgate("learn", "propose", strconv.FormatInt(walker.ID, 10))
		if err != nil || !strings.Contains(out, fmt.Sprintf("5 projects of group %d were used", groups["half"])) ||
			!strings.Contains(out, "; that is 5 further projects now)") || strings.Count(out, "Question") != 1 {
			t.Errorf("%v %s", err, out)
		}
		out, err = b.patgate("learn", "propose", strconv.FormatInt(walker.ID, 10), "--group", fmt.Sprint(groups["half"], ",", groups["less"]))
		if err != nil || strings.Contains(out, "Question") || !strings.Contains(strings.Join(strings.Fields(out), " "),
			fmt.Sprintf("read_project group %d ", groups["half"])) ||
			!strings.Contains(out, fmt.Sprintf("group %d is not included", groups["less"])) || strings.Count(out, "not held today") != 1 {
			t.Errorf("%v %s", err, out)
		}
		_, text := r.want(t, 200, w.alicePAT, "GET", extra(walker.ID, fmt.Sprint("/proposal?groups=", groups["less"])), nil)
		if !strings.Contains(text, fmt.Sprintf(`"groups_not_asked":[%d]`, groups["less"])) || strings.Contains(text, `"group_ids"`) {
			t.Error(text)
		}
	})
	t.Run("two jobs that share a token can be two tokens", func(t *testing.T) {
		shared := r.make(t, creation("shared", object{"access": "all_memberships", "permissions": []string{"read_job", "read_work_item",
			"create_work_item"}}))
		r.want(t, 200, shared.Token, "GET", fmt.Sprintf("/api/v4/projects/%d/jobs", w.web), nil)
		r.want(t, 201, shared.Token, "POST", fmt.Sprintf("/api/v4/projects/%d/issues", w.api), object{"title": "of another job",
			"description": "as it says"})
		r.used(t, shared.Token, func(u *usageOf) bool {
			return u.Permissions["read_job"].Uses == 1 && u.Permissions["create_work_item"].Uses == 1
		})
		out, err := b.patgate("learn", "propose", strconv.FormatInt(shared.ID, 10), "--json")
		var p struct{ Split [][]policy.ScopeSpec }
		if err == nil {
			err = json.Unmarshal([]byte(out), &p)
		}
		if err != nil || len(p.Split) != 2 || len(p.Split[0]) != 1 || len(p.Split[1]) != 1 ||
			!slices.Equal(p.Split[0][0].ProjectIDs, []int64{w.web}) || !slices.Equal(p.Split[0][0].Permissions, []string{"read_job"}) ||
			!slices.Equal(p.Split[1][0].ProjectIDs, []int64{w.api}) ||
			!slices.Equal(p.Split[1][0].Permissions, []string{"create_work_item"}) {
			t.Errorf("%v %s", err, out)
		}
	})
	t.Run("nothing is told about the tokens of others", func(t *testing.T) {
		r.want(t, 404, w.bobPAT, "GET", extra(broad.ID, "/proposal"), nil)
		r.want(t, 404, w.bobPAT, "POST", extra(broad.ID, "/simulate"), object{})
		r.want(t, 404, w.alicePAT, "GET", extra(broad.ID+1000, "/proposal"), nil)
		r.want(t, 401, "", "GET", extra(broad.ID, "/proposal"), nil)
	})
	t.Run("an empty window is told", func(t *testing.T) {
		idle := r.make(t, creation("idle", on(w.api, "read_job")))
		if _, text := r.want(t, 400, w.alicePAT, "GET", extra(idle.ID, "/proposal?since=7d"), nil); !strings.Contains(text,
			"not seen to do anything") {
			t.Error(text)
		}
	})
}
