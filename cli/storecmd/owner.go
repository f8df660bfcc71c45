package storecmd

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"patgate/admin/tokens"
	"patgate/cli/desk"
	"patgate/cli/settings"
	"patgate/cli/terminal"
	"patgate/store"
)

// Owner gives patgate owner.
func Owner() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "owner",
		Short: "Forge users that tokens act for, and their sealed credentials",
		Long: `An owner is a user of the forge. Tokens act for their owner with the owner's own forge
token, which is kept sealed and never leaves patgate.

The forge token is read from PATGATE_OWNER_CREDENTIAL, from the file that
PATGATE_OWNER_CREDENTIAL_FILE or --credential-file names, or at a prompt; never from a flag.`,
	}
	cmd.AddCommand(newOwnerAdd(), newOwnerList(), newOwnerSummary(), newOwnerReplace(), newOwnerRemove())
	return cmd
}

// OwnerView is an owner as JSON.
type OwnerView struct {
	ID          int64            `json:"id"`
	Origin      string           `json:"origin"`
	UserID      int64            `json:"user_id"`
	Username    string           `json:"username"`
	Admin       bool             `json:"admin"`
	CreatedAt   time.Time        `json:"created_at"`
	Credentials []credentialView `json:"credentials"`
	Tokens      int              `json:"active_tokens"`
}

// credentialView is a credential as JSON, without anything sealed.
type credentialView struct {
	ID        int64      `json:"id"`
	Scopes    []string   `json:"scopes"`
	Status    string     `json:"status"`
	Reason    string     `json:"reason,omitempty"`
	ExpiresAt *time.Time `json:"expires_at"`
	UpdatedAt time.Time  `json:"updated_at"`
	KeyID     string     `json:"key_id"`
}

func viewCredential(c *store.Credential) credentialView {
	return credentialView{
		ID:        c.ID,
		Scopes:    c.Scopes,
		Status:    c.Status.String(),
		Reason:    c.Reason,
		ExpiresAt: terminal.OrNull(c.ExpiresAt),
		UpdatedAt: c.UpdatedAt,
		KeyID:     c.KeyID,
	}
}

func viewOwner(o *tokens.Owned) OwnerView {
	v := OwnerView{ID: o.ID, Origin: o.Origin, UserID: o.UserID, Username: o.Username, Admin: o.Admin, CreatedAt: o.CreatedAt,
		Credentials: []credentialView{}, Tokens: o.Active}
	for i := range o.Credentials {
		v.Credentials = append(v.Credentials, viewCredential(&o.Credentials[i]))
	}
	return v
}

func newOwnerList() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the owners with their credentials",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return desk.OnStore(cmd, nil, func(ctx context.Context, d *desk.Desk) error {
				owners, err := d.Owners(ctx, d.As)
				if err != nil {
					return err
				}
				views := []OwnerView{}
				for i := range owners {
					views = append(views, viewOwner(&owners[i]))
				}
				if terminal.WantsJSON(cmd) {
					return terminal.PrintJSON(cmd.OutOrStdout(), views)
				}
				return printOwners(cmd, views)
			})
		},
	}
	settings.AddStore(cmd)
	return cmd
}

func printOwners(cmd *cobra.Command, views []OwnerView) error {
	t := terminal.Table{Head: []string{"ID", "USERNAME", "USER ID", "FORGE",
		"CREDENTIAL", "SCOPES", "STATUS", "EXPIRES", "TOKENS"}}
	for _, v := range views {
		if len(v.Credentials) == 0 {
			t.Add(strconv.FormatInt(v.ID, 10), v.Username, strconv.FormatInt(v.UserID, 10), v.Origin, "none", "", "", "",
				strconv.Itoa(v.Tokens))
		}
		for _, c := range v.Credentials {
			expires, status := "never", c.Status
			if c.ExpiresAt != nil {
				expires = terminal.Stamp(*c.ExpiresAt)
			}
			if c.Reason != "" {
				status += ": " + c.Reason
			}
			t.Add(strconv.FormatInt(v.ID, 10), v.Username, strconv.FormatInt(v.UserID, 10), v.Origin,
				strconv.FormatInt(c.ID, 10), strings.Join(c.Scopes, ","), status, expires, strconv.Itoa(v.Tokens))
		}
	}
	return t.Write(cmd.OutOrStdout())
}

func newOwnerRemove() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "remove USERNAME|ID",
		Short: "Erase an owner's sealed credentials and revoke all the owner's tokens",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return desk.OnStore(cmd, nil, func(ctx context.Context, d *desk.Desk) error {
				o, err := d.FindOwner(ctx, args[0])
				if err != nil {
					return err
				}
				if yes, _ := cmd.Flags().GetBool("yes"); !yes {
					return terminal.Usage(fmt.Errorf("this revokes %s of %s for good: repeat it with --yes",
						terminal.Count(o.Active, "active token", "active tokens"), o.Username))
				}
				revoked, err := d.RemoveOwner(ctx, d.As, o.ID)
				if err != nil {
					return err
				}
				defer desk.AwaitForce(ctx)
				if terminal.WantsJSON(cmd) {
					return terminal.PrintJSON(cmd.OutOrStdout(),
						map[string]any{"id": o.ID, "username": o.Username, "revoked_tokens": revoked})
				}
				_, err = fmt.Fprintf(cmd.OutOrStdout(), "Removed %s: the sealed credentials are erased, %s revoked.\n",
					o.Username, terminal.Count(revoked, "token is", "tokens are"))
				return err
			})
		},
	}
	cmd.Flags().Bool("yes", false, "do it without asking")
	settings.AddStore(cmd)
	return cmd
}
