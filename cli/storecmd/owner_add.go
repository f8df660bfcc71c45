package storecmd

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"patgate/admin/tokens"
	"patgate/cli/desk"
	"patgate/cli/opening"
	"patgate/cli/settings"
	"patgate/cli/terminal"
	"patgate/store"
)

func newOwnerAdd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "add",
		Short: "Verify a forge token and keep it sealed for its user's patgate tokens",
		Long: `Asks the forge whose token it is and which scopes it has, and seals it. Nothing is stored
before the forge has accepted it. Refused are job, deploy, OAuth and fine-grained tokens, and,
unless tokens.allow_admin_owners is set, tokens of administrators and those with the scopes sudo
or admin_mode.

An owner may have several credentials: a token stays with the one that it was made under.`,
		Example: `  patgate owner add --upstream https://gitlab.example.com
  PATGATE_OWNER_CREDENTIAL_FILE=/run/secrets/glpat patgate owner add`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withShown(cmd, func(ctx context.Context, d *desk.Desk, shown *tokens.Owner) error {
				cred, fresh, err := d.Seal(ctx, shown)
				if err != nil {
					return err
				}
				if !fresh {
					return fmt.Errorf("this credential of %s is stored already, as credential %d", shown.Username(), cred.ID)
				}
				return printSealed(cmd, d, &cred, "Sealed")
			})
		},
	}
	desk.AddCredentialFlags(cmd)
	return cmd
}

func newOwnerReplace() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "replace [USERNAME|ID]",
		Short: "Replace a sealed forge token by a new one",
		Long: `The tokens that were made under the old credential go on with the new one. It must be of the same
user, and must not reach further than the old one: a token never uses a broader credential than the
one that authorised it. For a broader one: patgate owner add, then make new tokens.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withShown(cmd, func(ctx context.Context, d *desk.Desk, shown *tokens.Owner) error {
				owner, err := ownerToReplace(ctx, d, shown, args)
				if err != nil {
					return err
				}
				number, _ := cmd.Flags().GetInt64("credential")
				old, err := desk.ChooseCredential(owner, number)
				if err != nil {
					return err
				}
				cred, err := d.Replace(ctx, shown, &old)
				if err != nil {
					return err
				}
				return printSealed(cmd, d, &cred, "Replaced")
			})
		},
	}
	cmd.Flags().Int64("credential", 0, "which of several credentials of the owner")
	desk.AddCredentialFlags(cmd)
	return cmd
}

// withShown reads a credential, has the forge verify it, and only then opens the store for f.
func withShown(cmd *cobra.Command, f func(ctx context.Context, d *desk.Desk, shown *tokens.Owner) error) error {
	c, err := opening.Settings(cmd, settings.Store(), settings.WithUpstream)
	if err != nil {
		return err
	}
	table, err := opening.Table(c)
	if err != nil {
		return err
	}
	return desk.AtForge(cmd, c, table, true, f)
}

// ownerToReplace finds the owner that is named, or the credential's own user, and makes sure that they are the same.
func ownerToReplace(ctx context.Context, d *desk.Desk, shown *tokens.Owner, args []string) (*tokens.Owned, error) {
	name := shown.Username()
	if len(args) == 1 {
		name = args[0]
	}
	owner, err := d.FindOwner(ctx, name)
	if err != nil {
		return nil, err
	}
	if owner.UserID != shown.UserID() || owner.Origin != d.Config.Upstream.URL.String() {
		return nil, fmt.Errorf("the new credential belongs to %s (user %d), not to %s (user %d): tokens never change their owner",
			shown.Username(), shown.UserID(), owner.Username, owner.UserID)
	}
	return owner, nil
}

func printSealed(cmd *cobra.Command, d *desk.Desk, cred *store.Credential, done string) error {
	owners, err := d.Owners(cmd.Context(), d.As)
	at := slices.IndexFunc(owners, func(o tokens.Owned) bool { return o.ID == cred.OwnerID })
	if err != nil || at < 0 {
		return errors.Join(store.ErrUnknownOwner, err)
	}
	owner := &owners[at]
	if terminal.WantsJSON(cmd) {
		return terminal.PrintJSON(cmd.OutOrStdout(), viewOwner(owner))
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(),
		"%s credential %d of %s (user %d at %s) with the scopes %s, expires %s, under key %s.\n",
		done, cred.ID, owner.Username, owner.UserID, owner.Origin, strings.Join(cred.Scopes, ", "),
		terminal.Stamp(cred.ExpiresAt), cred.KeyID)
	return err
}
