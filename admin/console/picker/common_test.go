package picker

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"patgate/admin/catalogue"
	"patgate/routes"
	"patgate/routes/load"
)

// The form of each forge begins with what most tokens are about, and every card says how long its token lives.
func TestWhatIsCommonIsThere(t *testing.T) {
	for _, forge := range routes.Forges() {
		table, problems := load.Table(load.Options{Forge: forge})
		if len(problems) > 0 {
			t.Fatal(routes.Problems(problems))
		}
		k := new(Catalogue).Load(table)
		var ids []string
		for _, r := range k.Common() {
			ids = append(ids, r.ID)
		}
		if !slices.Equal(ids, strings.Fields(common)) {
			t.Errorf("%s: %v", forge, ids)
		}
		for _, c := range k.Cards(catalogue.Templates()) {
			dangerous := strings.Contains(c.Dangers, "pushes")
			if !regexp.MustCompile(`^[1-9][0-9]* days$`).MatchString(c.Life) || c.Permissions != len(c.Scopes[0].Permissions) ||
				dangerous != slices.Contains(c.Scopes[0].Permissions, "push_code") {
				t.Errorf("%s: %+v", forge, c)
			}
		}
		for _, r := range k.Of { // a sentence has no title in it
			w := What{Title: r.Title, Category: r.Category, Verbs: []string{"Read", "Run"}}
			if text := w.Plainly(); !strings.HasPrefix(text, "Read and start ") || strings.HasSuffix(text, "sss") ||
				strings.Contains(text, "Merge") {
				t.Errorf("%s: %s", forge, text)
			}
		}
	}
	w := What{Title: "Merge Request", Category: "Repository", Verbs: []string{"Create", "Update", "Approve"}}
	if got := w.Plainly(); got != "Create, change and approve merge requests" {
		t.Error(got)
	}
	for title, want := range map[string]string{"Code": "code", "Repository": "repositories", "Branch": "branches",
		"Commit Status": "commit statuses",
		"CI/CD Setting": "CI/CD settings", "OAuth Application": "OAuth applications", "Todo": "todos",
		"Terraform State": "Terraform states"} {
		w := What{Title: title, Category: "x", Verbs: []string{"Read"}}
		if got := w.Plainly(); got != "Read "+want {
			t.Error(got)
		}
	}
}
