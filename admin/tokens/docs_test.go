package tokens_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"patgate/admin/catalogue"
	"patgate/admin/tokens"
	"patgate/routes"
	"patgate/routes/load"
	"patgate/token"
)

var update = flag.Bool("update", false, "write the pages of permissions instead of comparing")

// TestPermissionsPage holds that the pages of permissions say what the route tables say.
func TestPermissionsPage(t *testing.T) {
	for _, c := range []struct {
		page, title string
		load        func() (*routes.Table, error)
	}{
		{"permissions.md", "Permissions", load.GitLab},
		{"permissions-gitea.md", "Permissions on Gitea and Forgejo", load.Gitea},
	} {
		t.Run(c.page, func(t *testing.T) {
			table, err := c.load()
			if err != nil {
				t.Fatal(err)
			}
			want, path := permissions(c.title, table), "../../docs/"+c.page
			if *update {
				if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			got, err := os.ReadFile(path)
			if err != nil || string(got) != want {
				t.Errorf("docs/%s does not agree with the route table: run `make docs` (%v)", c.page, err)
			}
		})
	}
}

// permissions writes the page of a table.
func permissions(title string, table *routes.Table) string {
	all := catalogue.All(table)
	var b strings.Builder
	endpoints := 0
	for i := range all {
		endpoints += len(all[i].Endpoints)
	}
	fmt.Fprintf(&b, `# %s

Generated from the route table. %d permissions; a permission is granted on projects, groups, the owner's account (user)
or the instance, and lets a token use the endpoints that stand below it, %d in all. Endpoints are below %s.

- **credential**: some endpoint yields another credential. No wildcard and no template stands for such a permission, and what the
  endpoint would yield is not handed out, unless it is said below what that escapes.
- **runs_as_owner**, **exports**: what no boundary contains. It runs code with the owner's rights, or takes data elsewhere.
- **grants_rights**, **changes_visibility**, **stores_secret**: some endpoint lets others in or weakens what protects a branch or a
  merge, can show to everybody what only members saw, or keeps a secret of the caller's choice. No wildcard and no template stands for
  such a permission.
- **skips_guard**: a push option (git push -o) that needs it switches off a guard of the forge. No wildcard stands for such a
  permission.
- A permission without endpoints is known, so that tokens may name it, and nothing in the table needs it.
`, title, len(all), endpoints, table.Base())
	category, resource := "", ""
	for i := range all {
		e := &all[i]
		if e.Category != category {
			category, resource = e.Category, ""
			fmt.Fprintf(&b, "\n## %s\n", category)
		}
		if e.Resource != resource {
			resource = e.Resource
			fmt.Fprintf(&b, "\n### %s\n", e.Title)
		}
		fmt.Fprintf(&b, "\n`%s` on %s", e.Name, strings.Join(e.Boundaries, ", "))
		if e.Description != "" {
			fmt.Fprintf(&b, ": %s", e.Description)
		}
		badges := e.Effects
		if e.Mints {
			badges = append([]string{"credential"}, badges...)
		}
		if e.Deprecated {
			badges = append([]string{"deprecated"}, badges...)
		}
		if len(badges) > 0 {
			fmt.Fprintf(&b, " (**%s**)", strings.Join(badges, ", "))
		}
		for _, text := range e.Escapes {
			fmt.Fprintf(&b, "\n\nWhat it makes works past patgate: %s.", text)
		}
		b.WriteString("\n\n")
		for _, endpoint := range e.Endpoints {
			fmt.Fprintf(&b, "- `%s`\n", endpoint)
		}
		for _, option := range e.PushOptions {
			fmt.Fprintf(&b, "- `git push -o %s`\n", option)
		}
		if len(e.Endpoints)+len(e.PushOptions) == 0 {
			b.WriteString("- no endpoint\n")
		}
	}
	return b.String()
}

// TestTheTokensPageShowsThePattern holds that the regular expression for scanners is the one that tokens have.
func TestTheTokensPageShowsThePattern(t *testing.T) {
	page, err := os.ReadFile("../../docs/tokens.md")
	if err != nil || !strings.Contains(string(page), "`"+token.Pattern+"`") {
		t.Errorf("docs/tokens.md does not show %s (%v)", token.Pattern, err)
	}
}

// TestTemplates holds that every template can be used as it is, once it says where, and yields no other credential.
func TestTemplates(t *testing.T) {
	w := newWorld(t, nil)
	mints := map[string]bool{}
	for _, e := range catalogue.All(w.table) {
		mints[e.Name] = e.Mints
	}
	for _, template := range catalogue.Templates() {
		t.Run(template.Name, func(t *testing.T) {
			for i := range template.Scopes {
				template.Scopes[i].ProjectIDs = []int64{w.api}
				for _, name := range template.Scopes[i].Permissions {
					if mints[name] {
						t.Errorf("%s yields a credential", name)
					}
				}
			}
			_, err := w.Create(t.Context(), w.owner(t, w.pat), tokens.Creation{Name: template.Title, ExpiresAt: template.ExpiresIn, Scopes: template.Scopes, Seal: true})
			if err != nil {
				t.Error(err)
			}
		})
	}
}
