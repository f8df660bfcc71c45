package storecmd

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"patgate/cli/opening"
	"patgate/cli/settings"
	"patgate/cli/terminal"
	"patgate/store"
)

// Key gives patgate key.
func Key() *cobra.Command {
	cmd := &cobra.Command{Use: "key", Short: "The key that forge credentials are sealed under"}
	cmd.AddCommand(newKeyShow(), newKeyRotate())
	return cmd
}

// keyView is a sealing key as JSON: never its bytes.
type keyView struct {
	ID          string     `json:"id"`
	State       string     `json:"state"` // active, spare (in the source, seals nothing new), retired
	CreatedAt   time.Time  `json:"created_at"`
	RetiredAt   *time.Time `json:"retired_at"`
	Credentials int        `json:"credentials"`
}

func newKeyShow() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "show",
		Short: "Show the ids of the sealing keys, and what is sealed under each; never a key itself",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o, source, err := openForKeys(cmd)
			if err != nil {
				return err
			}
			defer o.Close()
			views, err := viewKeys(cmd, o)
			if err != nil {
				return err
			}
			if terminal.WantsJSON(cmd) {
				return terminal.PrintJSON(cmd.OutOrStdout(), map[string]any{"source": source, "keys": views})
			}
			fmt.Fprintf(cmd.OutOrStdout(), "Keys from %s:\n", source)
			t := terminal.Table{Head: []string{"ID", "STATE", "CREDENTIALS", "SINCE", "RETIRED"}}
			for _, v := range views {
				retired := ""
				if v.RetiredAt != nil {
					retired = terminal.Stamp(*v.RetiredAt)
				}
				t.Add(v.ID, v.State, fmt.Sprint(v.Credentials), terminal.Stamp(v.CreatedAt), retired)
			}
			return t.Write(cmd.OutOrStdout())
		},
	}
	settings.AddStore(cmd)
	return cmd
}

func viewKeys(cmd *cobra.Command, o *opening.Opened) ([]keyView, error) {
	keys, err := o.Store.SealingKeys(cmd.Context())
	if err != nil {
		return nil, err
	}
	credentials, err := o.Store.Credentials(cmd.Context(), 0)
	if err != nil {
		return nil, err
	}
	sealed := map[string]int{}
	for _, c := range credentials {
		sealed[c.KeyID]++
	}
	views := []keyView{}
	for _, k := range keys {
		v := keyView{ID: k.ID, State: "retired", CreatedAt: k.CreatedAt, RetiredAt: terminal.OrNull(k.RetiredAt),
			Credentials: sealed[k.ID]}
		if _, have := o.Keyring.Key(k.ID); have {
			v.State = "spare"
		}
		if o.Keyring.Active().ID() == k.ID {
			v.State = "active"
		}
		views = append(views, v)
	}
	return views, nil
}

func newKeyRotate() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "rotate",
		Short: "Seal all forge credentials under a new key",
		Long: `Makes a new key beside the old one in the key file, seals every credential anew in one transaction,
and then drops the old key. When it is interrupted, run it again. A running gateway takes the new key
up by itself.

Keep a copy of the new key file, apart from the copies of the database. Backups that were made before
need the old key.

When the key comes from PATGATE_STORE_KEY, put the new key in front of the old one there (separated by
a space), run this, then drop the old one, and start each gateway anew.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o, source, err := openForKeys(cmd)
			if err != nil {
				return err
			}
			defer o.Close()
			n, err := store.RotateKey(cmd.Context(), o.Store, o.Keyring, time.Now())
			if err != nil {
				return err
			}
			id := o.Keyring.Active().ID()
			if terminal.WantsJSON(cmd) {
				return terminal.PrintJSON(cmd.OutOrStdout(), map[string]any{"key": id, "source": source, "resealed": n})
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "Sealed %s under the new key %s (%s). Keep a copy of it, "+
				"apart from the database.\n", terminal.Count(n, "credential", "credentials"), id, source)
			return err
		},
	}
	settings.AddStore(cmd)
	return cmd
}

// openForKeys opens a store that exists, with its keys.
func openForKeys(cmd *cobra.Command) (o *opening.Opened, source string, err error) {
	c, err := settings.Load(cmd, settings.Store(), settings.WithoutUpstream)
	if err != nil {
		return nil, "", err
	}
	db, err := opening.Existing(cmd.Context(), c)
	if err != nil {
		return nil, "", err
	}
	if err := db.Close(); err != nil {
		return nil, "", err
	}
	o, err = opening.Store(cmd.Context(), c)
	return o, opening.KeySource(c).String(), err
}
