package storecmd

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"patgate/cli/opening"
	"patgate/cli/settings"
	"patgate/cli/terminal"
	"patgate/config"
	"patgate/store"
	"patgate/store/sqlite"
)

// New gives patgate store.
func New() *cobra.Command {
	cmd := &cobra.Command{Use: "store", Short: "Back up, restore, check, migrate and copy the database"}
	cmd.AddCommand(newStoreBackup(), newStoreRestore(), newStoreCheck(), newStoreMove(), newStoreMigrate(), newStoreCopy())
	return cmd
}

func newStoreBackup() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "backup PATH",
		Short: "Write a copy of the database to a new file, also while a gateway runs",
		Long: `Backs up a SQLite file. For a store in PostgreSQL, use pg_dump.

The copy holds everything but the sealing key. Keep a copy of the key file too, in another place:
without it the sealed credentials of the backup cannot be opened.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			st, err := existing(cmd)
			if err != nil {
				return err
			}
			defer st.Close()
			if err := st.Backup(cmd.Context(), args[0]); err != nil {
				return err
			}
			if terminal.WantsJSON(cmd) {
				return terminal.PrintJSON(cmd.OutOrStdout(), map[string]any{"path": args[0]})
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "Backed up %s to %s.\n", st.Path(), args[0])
			return err
		},
	}
	settings.AddStore(cmd)
	return cmd
}

func newStoreRestore() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "restore PATH",
		Short: "Replace the database by a backup, while no gateway runs",
		Long: `With --replace an existing database is replaced and kept beside, under a name that is printed, and so is what
was left beside one that is gone. Tokens that were revoked after the backup was made stay revoked, when the
replaced database can be read.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := settings.Load(cmd, settings.Store(), settings.WithoutUpstream)
			if err != nil {
				return err
			}
			if !c.Store.URL.Empty() {
				return fmt.Errorf("the store is %s: restore it with pg_restore, while no gateway runs", opening.StoreName(c))
			}
			replace, _ := cmd.Flags().GetBool("replace")
			how := sqlite.RestoreOptions{Replace: replace, Now: time.Now()}
			r, err := sqlite.Restore(cmd.Context(), args[0], c.DatabaseFile(), how)
			if err != nil {
				return err
			}
			if terminal.WantsJSON(cmd) {
				return terminal.PrintJSON(cmd.OutOrStdout(), r)
			}
			out := cmd.OutOrStdout()
			fmt.Fprintf(out, "Restored %s with %s.\n", r.Path, terminal.Count(r.Tokens, "token", "tokens"))
			if r.Kept != "" {
				stay := terminal.Count(r.Revocations, "token that was revoked since the backup stays",
					"tokens that were revoked since the backup stay")
				fmt.Fprintf(out, "The database that was there is kept as %s.\n%s revoked.\n", r.Kept, stay)
			} else {
				if r.Left != "" {
					fmt.Fprintf(out, "What was left of the database that was gone is kept as %s-wal and such.\n", r.Left)
				}
				fmt.Fprintln(out, "Tokens that were revoked after the backup was made are valid again: see patgate token list.")
			}
			return nil
		},
	}
	cmd.Flags().Bool("replace", false, "replace an existing database, which is kept beside")
	settings.AddStore(cmd)
	return cmd
}

func newStoreCheck() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Read the whole database and report damage",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			st, err := existing(cmd)
			if err != nil {
				return err
			}
			defer st.Close()
			h, err := st.Check(cmd.Context())
			if err != nil {
				return err
			}
			if terminal.WantsJSON(cmd) {
				return terminal.PrintJSON(cmd.OutOrStdout(), h)
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s is sound: %s, %s, %s, %d bytes, schema %d.\n", h.Path,
				terminal.Count(h.Owners, "owner", "owners"),
				terminal.Count(h.Credentials, "sealed credential", "sealed credentials"),
				terminal.Count(h.Tokens, "token", "tokens"), h.Bytes, h.SchemaVersion)
			if err == nil && h.Unmarked > 0 {
				without := terminal.Count(h.Unmarked, "token has", "tokens have")
				_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s no marks yet; the gateway makes them.\n", without)
			}
			return err
		},
	}
	settings.AddStore(cmd)
	return cmd
}

func newStoreMove() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "move-upstream OLD",
		Short: "Confirm that the forge at the address OLD is now at the configured --upstream",
		Long: `Sealed credentials are bound to the address of their forge and are never sent to another one, so patgate does
not start when the upstream has changed. This command says that it is the same forge, with the same user ids,
under a new address, and binds the credentials to that. Stop the gateway first.`,
		Example: `  patgate store move-upstream https://gitlab.old.example --upstream https://gitlab.example.com`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := settings.Load(cmd, settings.Store(), settings.WithUpstream)
			if err != nil {
				return err
			}
			from, err := config.ParseBase(args[0])
			if err != nil {
				return terminal.Usage(fmt.Errorf("%q: %w", args[0], err))
			}
			to := c.Upstream.URL
			if from == to {
				return terminal.Usage(errors.New("the old address is the configured one"))
			}
			unbound := *c
			unbound.Upstream.URL = config.Base{} // Store would refuse the change that is to be confirmed
			o, err := opening.Store(cmd.Context(), &unbound)
			if err != nil {
				return err
			}
			defer o.Close()
			n, err := o.Store.MoveOrigin(cmd.Context(), from.String(), to.String(), store.Reseal(o.Keyring))
			if err != nil {
				return err
			}
			if n == 0 {
				return fmt.Errorf("%w: no owner belongs to %s", store.ErrUnknownOwner, from)
			}
			if terminal.WantsJSON(cmd) {
				moved := map[string]any{"from": from.String(), "to": to.String(), "owners": n}
				return terminal.PrintJSON(cmd.OutOrStdout(), moved)
			}
			owners := terminal.Count(n, "owner", "owners")
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "Moved %s from %s to %s.\n", owners, from, to)
			return err
		},
	}
	settings.AddStore(cmd)
	return cmd
}

// existing opens the store that the command's settings name; it must be there.
func existing(cmd *cobra.Command) (opening.Named, error) {
	c, err := settings.Load(cmd, settings.Store(), settings.WithoutUpstream)
	if err != nil {
		return nil, err
	}
	return opening.Existing(cmd.Context(), c)
}
