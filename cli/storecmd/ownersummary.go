package storecmd

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"patgate/admin/api"
	"patgate/cli/desk"
	"patgate/cli/settings"
	"patgate/cli/terminal"
	"patgate/store"
)

func newOwnerSummary() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "summary",
		Short: "Say how many tokens of each kind every owner has",
		Long: `Says for every owner how many tokens are active, and how many of these are broad, hold something dangerous, were
not used for 60 days, or expire soon; the highest blast radius of one of them, and when any token was last used.
These are the tokens that patgate token list --owner shows.`,
		Example: `  patgate owner summary --sort dangerous
  patgate owner summary --search bot --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			f := store.OwnerFilter{}
			f.Search, _ = cmd.Flags().GetString("search")
			f.Limit, _ = cmd.Flags().GetInt("limit")
			name, _ := cmd.Flags().GetString("sort")
			var err error
			if f.Sort, err = store.ParseOwnerSort(name); err != nil {
				return terminal.Usage(err)
			}
			return desk.OnStore(cmd, nil, func(ctx context.Context, d *desk.Desk) error {
				list, total, err := d.OwnerTallies(ctx, d.As, f)
				if err != nil {
					return err
				}
				counting, err := d.Judging(ctx)
				if err != nil {
					return err
				}
				if counting {
					fmt.Fprintln(cmd.ErrOrStderr(), "Still counting: not all tokens have been examined yet, so the numbers "+
						"of broad and dangerous ones and the highest radius may be incomplete.")
				}
				if !terminal.WantsJSON(cmd) {
					return printSummary(cmd, list, total)
				}
				views := []api.OwnerSummary{}
				for i := range list {
					views = append(views, api.SummaryOf(&list[i]))
				}
				return terminal.PrintJSON(cmd.OutOrStdout(), views)
			})
		},
	}
	cmd.Flags().String("search", "", "only owners with this text in their username, or with this user id")
	cmd.Flags().String("sort", store.OwnersByActive.String(), strings.Join(store.OwnerSortNames(), ", ")+": the most first")
	cmd.Flags().Int("limit", 0, "how many at most; 0 is all")
	settings.AddStore(cmd)
	return cmd
}

// printSummary prints a line for each owner.
func printSummary(cmd *cobra.Command, list []store.OwnerTally, total int) error {
	out := cmd.OutOrStdout()
	if len(list) == 0 {
		_, err := fmt.Fprintln(out, "No owner matches.")
		return err
	}
	t := terminal.Table{Head: []string{"OWNER", "USER ID", "ACTIVE", "BROAD", "DANGEROUS", "UNUSED 60 DAYS", "EXPIRING SOON",
		"HIGHEST RADIUS", "LAST USED"}}
	now := time.Now()
	for i := range list {
		o := &list[i]
		t.Add(o.Username, fmt.Sprint(o.UserID), fmt.Sprint(o.Active), fmt.Sprint(o.Broad), fmt.Sprint(o.Dangerous),
			fmt.Sprint(o.Idle), fmt.Sprint(o.Soon), fmt.Sprint(o.Reach), terminal.Ago(o.LastUsedAt, now))
	}
	if err := t.Write(out); err != nil || total <= len(list) {
		return err
	}
	_, err := fmt.Fprintf(out, "%d of %d.\n", len(list), total)
	return err
}
