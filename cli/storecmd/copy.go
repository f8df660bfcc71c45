package storecmd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"patgate/cli/terminal"
	"patgate/store/postgres"
	"patgate/store/sqlite"
	"patgate/store/tables"
)

func newStoreCopy() *cobra.Command {
	var from, to string
	cmd := &cobra.Command{
		Use:   "copy --from STORE --to STORE",
		Short: "Copy a whole store, from SQLite to PostgreSQL or back",
		Long: `A STORE is postgres://user@host/database or the path of a SQLite file. The target must be empty; its tables are
made. Everything is copied as one state of the source, sealed credentials and what was observed included,
in one transaction, and compared row by row before that is committed. For each table,
the number of its rows and their SHA-256 are printed.

Stop the gateway first: a token that is revoked while the copy is made is not revoked in it. The sealing key is
in neither store: the new one needs the same. A password is best left to PGPASSWORD or ~/.pgpass.`,
		Example: `  patgate store copy --from /var/lib/patgate/db/patgate.db --to postgres://patgate@db.example.com/patgate`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if from == "" || to == "" {
				return terminal.Usage(errors.New("--from and --to are needed"))
			}
			source, closeSource, err := openTables(cmd.Context(), from, true)
			if err != nil {
				return err
			}
			defer closeSource()
			_, missing := os.Lstat(to)
			target, closeTarget, err := openTables(cmd.Context(), to, false)
			if err != nil {
				return err
			}
			defer closeTarget()
			copied, err := tables.Copy(cmd.Context(), source, target)
			if err != nil && !postgres.IsURL(to) && errors.Is(missing, fs.ErrNotExist) { // or it would pass for the store
				return errors.Join(err, closeTarget(), sqlite.Discard(to))
			}
			if err != nil {
				return err
			}
			if terminal.WantsJSON(cmd) {
				return terminal.PrintJSON(cmd.OutOrStdout(), copied)
			}
			t := terminal.Table{Head: []string{"TABLE", "ROWS", "SHA-256"}}
			for _, c := range copied {
				t.Add(c.Table, strconv.Itoa(c.Rows), c.Digest)
			}
			if err := t.Write(cmd.OutOrStdout()); err != nil {
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), "Copied and compared. The gateway that uses the copy needs the same sealing key.")
			return err
		},
	}
	cmd.Flags().StringVar(&from, "from", "", "the store to read")
	cmd.Flags().StringVar(&to, "to", "", "the empty store to fill")
	cmd.Flags().Bool("json", false, "print JSON")
	return cmd
}

// copyPatience bounds a copy.
const copyPatience = 6 * time.Hour

// openTables opens a store by its URL or path.
func openTables(ctx context.Context, name string, mustExist bool) (*tables.Tables, func() error, error) {
	if postgres.IsURL(name) {
		db, err := postgres.Open(ctx, name, postgres.Options{Patience: copyPatience, MustExist: mustExist})
		if err != nil {
			return nil, nil, err
		}
		return db.Tables, db.Close, nil
	}
	db, err := sqlite.Open(ctx, name, sqlite.Options{MustExist: mustExist})
	if err != nil {
		return nil, nil, err
	}
	return db.Tables, db.Close, nil
}
