package routecmd

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"patgate/admin/catalogue"
	"patgate/cli/terminal"
)

// Permissions gives patgate permissions.
func Permissions() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "permissions",
		Short: "Look for the permissions that a token needs",
	}
	cmd.AddCommand(newPermissionsSearch())
	return cmd
}

func newPermissionsSearch() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "search WORD...",
		Short: "Print the permissions that words are about",
		Long: `Prints the permissions that have every one of the words in their name, description or
synonyms, and where they are granted. Those that fit best come first.`,
		Example: `  patgate permissions search comment
  patgate permissions search push image
  patgate permissions search npm --forge gitea`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			table, err := loadTable(cmd)
			if err != nil {
				return err
			}
			text := strings.Join(args, " ")
			found := catalogue.Matching(catalogue.All(table), text)
			if asJSON, _ := cmd.Flags().GetBool("json"); asJSON {
				return terminal.PrintJSON(cmd.OutOrStdout(), append([]catalogue.Entry{}, found...))
			}
			if len(found) == 0 {
				return fmt.Errorf("no permission is about %q (see docs/permissions.md, or patgate routes list)", text)
			}
			t := terminal.Table{Head: []string{"PERMISSION", "BOUNDARY", "DESCRIPTION"}}
			for i := range found {
				e := &found[i]
				t.Add(e.Name, strings.Join(e.Boundaries, ","), e.Description)
			}
			return t.Write(cmd.OutOrStdout())
		},
	}
	cmd.Flags().Bool("json", false, "print a JSON array")
	overlayFlag(cmd)
	return cmd
}
