package desk

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"patgate/admin/catalogue"
	"patgate/admin/names"
	"patgate/cli/terminal"
	"patgate/policy"
	"patgate/routes"
	"patgate/routes/load"
	"patgate/store"
)

// PrintTokens marks those that make credentials. Which forge they are for need not be known: the names of permissions are the
// same.
func PrintTokens(cmd *cobra.Command, list []store.Listed, total int, f store.Filter) error {
	out := cmd.OutOrStdout()
	if len(list) == 0 {
		_, err := fmt.Fprintf(out, "There is no such token (state: %s).\n", f.State)
		return err
	}
	tables, err := allTables()
	if err != nil {
		return err
	}
	wide, _ := cmd.Flags().GetBool("wide")
	t := terminal.Table{Head: []string{"ID", "NAME", "OWNER", "STATE", "EXPIRES", "LAST USED", "SCOPES"}, Wide: wide}
	for i := range list {
		l := &list[i]
		book := names.Of(l.Names, f.Now)
		scopes := summary(l.Scopes, book)
		if wide {
			scopes = strings.Join(Describe(l.Scopes, book), "; ")
		}
		makes := func(t *routes.Table) bool {
			return slices.ContainsFunc(l.Scopes, func(s policy.ScopeSpec) bool { return len(catalogue.Minting(s.Permissions, t)) > 0 })
		}
		if slices.ContainsFunc(tables, makes) {
			scopes = "MAKES CREDENTIALS: " + scopes
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
		t.Add(strconv.FormatInt(l.ID, 10), l.Name, l.Owner.Username, state, terminal.Until(l.ExpiresAt, f.Now),
			terminal.Ago(l.LastUsedAt, f.Now), scopes)
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
