package desk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"patgate/admin/api"
	"patgate/admin/tokens"
	"patgate/cli/terminal"
)

// Announce prints a new token, which is revoked when that fails.
func (d *Desk) Announce(cmd *cobra.Command, made *tokens.Created) error {
	return announce(cmd, made, func() error {
		_, err := d.Revoke(context.WithoutCancel(cmd.Context()), tokens.Operator(Actor()), made.ID, "its "+
			"secret could not be printed")
		return err
	})
}

// announce prints a new token. When that fails nobody has seen the secret, so nobody can use the token, and it is revoked.
func announce(cmd *cobra.Command, made *tokens.Created, revoke func() error) error {
	for _, w := range made.Warnings {
		fmt.Fprintln(cmd.ErrOrStderr(), "patgate: note: "+w)
	}
	if flag := cmd.Flags().Lookup("allow"); flag != nil && flag.Value.(ScopeFlag).Everything() {
		n := 0
		for i := range made.Scopes {
			n += len(made.Scopes[i].Permissions)
		}
		fmt.Fprintf(cmd.ErrOrStderr(), "patgate: note: --allow '*' gives %d permissions, so that whoever has the token may "+
			"do nearly all that its owner may there: patgate learn unused says later which of them it did not need\n", n)
	}
	if err := printCreated(cmd, made); err != nil {
		return errors.Join(fmt.Errorf("printing the secret of token %d, which is revoked: %w", made.ID, err), revoke())
	}
	return nil
}

// printCreated prints a new token with its secret; there is no second time.
func printCreated(cmd *cobra.Command, made *tokens.Created) error {
	out, l, secret := cmd.OutOrStdout(), &made.Listed, made.Secret
	now := time.Now()
	if terminal.WantsJSON(cmd) {
		v := api.View(l, now)
		v.Token, v.Warnings = secret.Reveal(), made.Warnings
		return terminal.PrintJSON(out, v)
	}
	if quiet, _ := cmd.Flags().GetBool("quiet"); quiet {
		_, err := fmt.Fprintln(out, secret.Reveal())
		return err
	}
	if err := PrintToken(out, l, now); err != nil {
		return err
	}
	_, err := io.WriteString(out, "\nThis is the secret. It is shown only now:\n"+secret.Reveal()+"\n")
	return err
}
