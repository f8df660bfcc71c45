package desk

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"patgate/admin/catalogue"
	"patgate/admin/marks"
	"patgate/admin/names"
	"patgate/cli/terminal"
	"patgate/config"
	"patgate/policy"
	"patgate/routes"
	"patgate/routes/load"
	"patgate/store"
)

// PrintTokens prints a list of tokens, and marks those that may do something dangerous or make credentials. It need not know the
// forge: the names of permissions are the same. In the order of blast radii it shows these.
func PrintTokens(cmd *cobra.Command, list []store.Listed, total int, f store.Filter) error {
	out := cmd.OutOrStdout()
	if len(list) == 0 {
		_, err := fmt.Fprintf(out, "No token matches (state: %s).\n", f.State)
		return err
	}
	tables, err := allTables()
	if err != nil {
		return err
	}
	dangers, err := NewDangers(nil) // the table has colours of its own
	if err != nil {
		return err
	}
	wide, _ := cmd.Flags().GetBool("wide")
	t := terminal.Table{Head: []string{"ID", "NAME", "OWNER", "STATE", "EXPIRES", "LAST USED", "SCOPES"}, Wide: wide,
		Red: []string{"DANGEROUS", "MAKES CREDENTIALS"}}
	byRadius := f.Sort == store.SortReachAsc || f.Sort == store.SortReachDesc
	if byRadius {
		t.Head = slices.Insert(t.Head, len(t.Head)-1, "BLAST RADIUS")
	}
	for i := range list {
		l := &list[i]
		book := names.Of(l.Names, f.Now)
		scopes := summary(l.Scopes, book)
		if wide {
			scopes = strings.Join(described(l.Scopes, book, dangers.Told), "; ")
		}
		makes := func(t *routes.Table) bool {
			return slices.ContainsFunc(l.Scopes, func(s policy.ScopeSpec) bool {
				return len(catalogue.Minting(s.Permissions, t)) > 0
			})
		}
		all := dangers.among(l.Scopes)
		if slices.ContainsFunc(tables, makes) {
			scopes = "MAKES CREDENTIALS: " + scopes
			all = slices.DeleteFunc(all, func(danger string) bool { return danger == marks.MakesCredentials })
		}
		if len(all) > 0 {
			scopes = "DANGEROUS (" + strings.Join(all, ", ") + "): " + scopes
		}
		if m := l.Managed; m != nil && len(l.Differences()) > 0 {
			scopes = "CHANGED BY HAND (" + m.File + "): " + scopes
		} else if m != nil {
			scopes = "FILE (" + m.File + "): " + scopes
		}
		if short := l.Limits.Short(); short != "" {
			scopes = "LIMITED (" + short + "): " + scopes
		}
		if l.Reports(f.Now) {
			scopes = "REPORT MODE " + terminal.Until(l.ReportEnd(), f.Now) + ": " + scopes
		}
		state, _ := l.State(f.Now)
		row := []string{strconv.FormatInt(l.ID, 10), l.Name, l.Owner.Username, state, terminal.Until(l.ExpiresAt, f.Now),
			terminal.Ago(l.LastUsedAt, f.Now), scopes}
		if byRadius {
			row = slices.Insert(row, len(row)-1, radiusOf(l))
		}
		t.Add(row...)
	}
	if err := t.Write(out); err != nil {
		return err
	}
	if total > len(list) {
		_, err := fmt.Fprintf(out, "%d of %d.\n", len(list), total)
		return err
	}
	return nil
}

// Known tells whether there is such a permission at any forge. Where overlays may add some it is not known that there is none.
func Known(c *config.Config, permission string) (bool, error) {
	if permission == "" || len(c.Routes.Overlays) > 0 {
		return true, nil
	}
	tables, err := allTables()
	return slices.ContainsFunc(tables, func(t *routes.Table) bool {
		_, is := t.Catalogue().Find(permission)
		return is
	}), err
}

// radiusOf says how large the blast radius of a token is, as it was measured last.
func radiusOf(l *store.Listed) string {
	if l.Kept.Under == 0 {
		return "not measured yet"
	}
	radius := marks.Radius{Figure: l.Kept.Reach}
	return radius.Short() + " " + radius.Level()
}

// allTables gives the built-in route tables of all forges.
func allTables() (tables []*routes.Table, err error) {
	for _, forge := range []func() (*routes.Table, error){load.GitLab, load.Gitea} {
		table, err := forge()
		if err != nil {
			return nil, err
		}
		tables = append(tables, table)
	}
	return tables, nil
}
