package storecmd

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"patgate/cli/terminal"
	"patgate/store/postgres"
	"patgate/store/sqlite"
	"patgate/store/tables"
	"patgate/store/transfer"
)

func newStoreCopy() *cobra.Command {
	var from, to string
	cmd := &cobra.Command{
		Use:   "copy --from STORE --to STORE",
		Short: "Copy a whole store, from SQLite to PostgreSQL or back",
		Long: `A STORE is postgres://user@host/database or the path of a SQLite file. The target must be empty; its tables are
made. Everything is copied as one state of the source, sealed credentials and what was observed included,
in one transaction, and compared row by row before that is committed. For each table,
the number of its rows and their SHA-256 are printed. Who is signed in to the console is not copied.

Stop the gateway first: a token that is revoked while the copy is made is not revoked in it. The sealing key is
in neither store: the new one needs the same. A password is best left to PGPASSWORD or ~/.pgpass.`,
		Example: `  patgate store copy --from /var/lib/patgate/db/patgate.db --to postgres://patgate@db.example.com/patgate`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if from == "" || to == "" {
				return terminal.Usage(errors.New("--from and --to are needed"))
			}
			source, closeSource, err := openSource(cmd.Context(), from)
			if err != nil {
				return err
			}
			defer closeSource()
			copied, err := copyInto(cmd.Context(), source, to)
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
			_, err = fmt.Fprintln(cmd.OutOrStdout(), "Copied and compared. The gateway that uses the copy needs the same "+
				"sealing key.")
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

// openSource opens the store that is read, by its URL or path.
func openSource(ctx context.Context, name string) (*tables.Tables, func() error, error) {
	if postgres.IsURL(name) {
		db, err := postgres.Open(ctx, name, postgres.Options{Patience: copyPatience, MustExist: true})
		if err != nil {
			return nil, nil, err
		}
		return db.Tables, db.Close, nil
	}
	db, err := sqlite.Open(ctx, name, sqlite.Options{MustExist: true})
	if err != nil {
		return nil, nil, err
	}
	return db.Tables, db.Close, nil
}

// copyInto copies a store into another. A new SQLite store is there when it is whole, or not at all.
func copyInto(ctx context.Context, source *tables.Tables, to string) ([]transfer.Copied, error) {
	if postgres.IsURL(to) {
		db, err := postgres.Open(ctx, to, postgres.Options{Patience: copyPatience})
		if err != nil {
			return nil, err
		}
		copied, err := transfer.Copy(ctx, source, db.Tables)
		return copied, errors.Join(err, db.Close())
	}
	target, err := sqlite.OpenTarget(ctx, to)
	if err != nil {
		return nil, err
	}
	copied, err := transfer.Copy(ctx, source, target.Tables)
	if err != nil {
		return nil, target.Abandon(err)
	}
	return copied, target.Finish(ctx)
}
