package storecmd

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"patgate/cli/opening"
	"patgate/cli/settings"
	"patgate/cli/terminal"
	"patgate/config"
	"patgate/store"
	"patgate/store/postgres"
	"patgate/store/sqlite"
)

func newStoreMigrate() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "migrate",
		Short: "Bring the database's tables up to date, as a gateway does when it starts",
		Long: `Makes the tables of a new store, or adds what this version of patgate needs, in one transaction; what
the tokens that are there name is noted after it, a few at a time. A gateway of the version before goes on working
meanwhile. With --check nothing is changed: the command fails when there is
something to do, and when the store is one of a newer patgate.

Where there was a store and none is, as the sealing key, a marker beside the database or copies tell, nothing makes
an empty one in its place, neither a gateway nor a command, but this command with --new.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := settings.Load(cmd, settings.Store(), settings.WithoutUpstream)
			if err != nil {
				return err
			}
			has, want, err := schemaOf(cmd.Context(), c)
			if err != nil {
				return err
			}
			check, _ := cmd.Flags().GetBool("check")
			if err := opening.Lost(c); check && errors.Is(err, store.ErrLost) {
				return err
			}
			if check && has < want {
				return fmt.Errorf("%s has schema %d, this patgate makes it %d (fix: patgate store "+
					"migrate)", opening.StoreName(c), has, want)
			}
			if has < want {
				anew, _ := cmd.Flags().GetBool("new")
				if err := opening.Migrate(cmd.Context(), c, anew); err != nil {
					return err
				}
			}
			if terminal.WantsJSON(cmd) {
				return terminal.PrintJSON(cmd.OutOrStdout(), map[string]any{"store": opening.StoreName(c), "from": has,
					"schema": max(has, want)})
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s has schema %d (before: %d).\n", opening.StoreName(c), max(has, want), has)
			return err
		},
	}
	cmd.Flags().Bool("check", false, "change nothing, and fail when there is something to do")
	cmd.Flags().Bool("new", false, "make a new, empty store even where there was one; it does not know the old one's tokens")
	settings.AddStore(cmd)
	return cmd
}

// schemaOf tells which schema the configured store has, and which one this program makes of it.
func schemaOf(ctx context.Context, c *config.Config) (has, want int, err error) {
	if c.Store.URL.Empty() {
		return sqlite.SchemaOf(ctx, c.DatabaseFile())
	}
	return postgres.SchemaOf(ctx, c.Store.URL.Reveal())
}
