package cli_test

import (
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"patgate/routes/inspect"
	"patgate/routes/load"
)

// attachmentAddress is how patgate writes the address of an attachment, behind its own; what is in the group is Gitea's.
var attachmentAddress = regexp.MustCompile(`/acme/app/(?:releases|issues)(/attachments/[0-9a-f-]{36})\?ticket=pgf\.[A-Za-z0-9_-]+`)

// giteaAgreement makes every read of Gitea's API twice, through patgate with a token that holds every permission it can, and
// at Gitea itself with the owner's credential. Both must answer the same, or patgate must have refused what it always refuses.
func giteaAgreement(t *testing.T, g *giteaStage) {
	table, err := load.Gitea()
	if err != nil {
		t.Fatal(err)
	}
	g.direct(t, g.world.alicePAT, http.MethodPost, "/repos/acme/app/issues", object{"title": "first"}, http.StatusCreated)
	everything := g.mint(t, "--name", "all", "--all-memberships", "--allow", "read_*,render_*", "--user", "--allow", "read_*,render_*")
	refused, same, shown := 0, 0, 0
	for _, o := range sweepOperations(t) {
		if o.method != http.MethodGet {
			continue
		}
		target := "/api/v1" + strings.Replace(fillSweep(o.path), "/teams/1", "/teams/"+g.team(t), 1)
		through := g.api(everything, o.method, target, nil)
		at := send(o.method, g.forge.URL()+target, http.Header{"Authorization": {"token " + g.world.alicePAT}}, nil)
		for _, address := range forgeAddresses(through.body, g.forge.URL()) {
			t.Errorf("%s: %s leads past patgate", target, address)
		}
		through.body = attachmentAddress.ReplaceAllString(strings.ReplaceAll(through.body, g.gate, g.forge.URL()), "$1")
		e := inspect.Explain(table, o.method, strings.TrimPrefix(target, "/api/v1"))
		switch {
		case through.err != nil || at.err != nil:
			t.Errorf("%s: %v, %v", target, through.err, at.err)
		case through.status == http.StatusOK && at.status == http.StatusOK && sorted(through.body) == sorted(at.body):
			shown++
		case through.status == at.status && at.status != http.StatusOK, through.status == http.StatusNotFound && at.status == http.StatusForbidden:
			same++
		case through.status == http.StatusForbidden && e.Mints != "" && strings.Contains(through.body, `"reason":"mints"`):
			refused++
		default:
			t.Errorf("%s: status %d through patgate, %d at Gitea\n%.400s\n%.400s", target, through.status, at.status, through.body, at.body)
		}
	}
	t.Logf("%d reads show the same, %d fail alike, %d would hand out a credential", shown, same, refused)
	if shown < 100 {
		t.Errorf("only %d reads show anything", shown)
	}
}

// forgeAddresses gives the addresses at an origin in JSON that a program can follow with a token: of the API, of repositories, and
// of files. Errors name the page on the API, which is for people.
func forgeAddresses(body, origin string) (out []string) {
	var value any
	if json.Unmarshal([]byte(body), &value) != nil {
		return nil
	}
	var find func(any)
	find = func(value any) {
		switch v := value.(type) {
		case map[string]any:
			for _, field := range v {
				find(field)
			}
		case []any:
			for _, item := range v {
				find(item)
			}
		case string:
			path, found := strings.CutPrefix(v, origin)
			if !found || path == "/api/swagger" {
				return
			}
			for _, part := range []string{"/api/", ".git/", "/raw/", "/archive/", "/attachments/", "/releases/download/", "/media/"} {
				if strings.Contains(path+"/", part) {
					out = append(out, v)
				}
			}
		}
	}
	find(value)
	return out
}

// team is the id of a team of acme's that alice is in.
func (g *giteaStage) team(t *testing.T) string {
	t.Helper()
	var mine []struct{ ID int64 }
	if err := json.Unmarshal(g.direct(t, g.world.alicePAT, http.MethodGet, "/user/teams", nil, http.StatusOK), &mine); err != nil || len(mine) == 0 {
		t.Fatal("alice is in no team")
	}
	return strconv.FormatInt(mine[0].ID, 10)
}

// sorted writes JSON with its lists of texts in order: Gitea gives a team's units in any.
func sorted(body string) string {
	var value any
	if json.Unmarshal([]byte(body), &value) != nil {
		return body
	}
	var sort func(any)
	sort = func(value any) {
		switch v := value.(type) {
		case map[string]any:
			for _, field := range v {
				sort(field)
			}
		case []any:
			slices.SortStableFunc(v, func(a, b any) int {
				x, first := a.(string)
				y, second := b.(string)
				if !first || !second {
					return 0
				}
				return strings.Compare(x, y)
			})
			for _, item := range v {
				sort(item)
			}
		}
	}
	sort(value)
	out, _ := json.Marshal(value)
	return string(out)
}
