package tokencmd

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"patgate/admin/api"
	"patgate/admin/bulk"
	"patgate/admin/tokens"
	"patgate/cli/desk"
	"patgate/cli/opening"
	"patgate/cli/questioncmd"
	"patgate/cli/settings"
	"patgate/cli/terminal"
	"patgate/store"
)

// New gives patgate token.
func New() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "token",
		Short: "Make, list, show, edit, rotate and revoke fine-grained tokens",
		Long: `Works on the local store; a gateway on the same store takes over changes within a second. With --server, a running
patgate is asked instead, with the forge token of the owner or a patgate token.`,
	}
	cmd.AddCommand(newTokenCreate(), newTokenList(), newTokenShow(), newTokenEdit(), newTokenRotate(), newTokenRevoke(),
		newTokenConfirm(), newTokenPause(), newTokenResume(), newTokenNarrow(), newTokenUndo(),
		questioncmd.CanCommand(), questioncmd.ProveCommand(), questioncmd.DiffCommand(), questioncmd.WhoCanCommand())
	return cmd
}

// onToken runs a change of one token on a store that exists and prints the outcome.
func onToken(cmd *cobra.Command, d *desk.Desk, arg, done string,
	change func(context.Context, tokens.Caller, int64) (store.Listed, error)) error {
	id, err := desk.ID(arg)
	if err != nil {
		return err
	}
	l, err := change(cmd.Context(), d.As, id)
	if err != nil {
		return desk.ToldOf(cmd, id, err)
	}
	if terminal.WantsJSON(cmd) {
		return terminal.PrintJSON(cmd.OutOrStdout(), api.View(&l, time.Now()))
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s token %d %q of %s.\n", done, l.ID, l.Name, l.Owner.Username)
	return err
}

// remoteChange has a running patgate change a token, when one is named.
func remoteChange(cmd *cobra.Command, arg, action string, body any) (done bool, err error) {
	id, err := desk.ID(arg)
	if err != nil {
		return true, err
	}
	r, err := desk.RemoteOf(cmd)
	if r == nil || err != nil {
		return err != nil, err
	}
	return true, desk.Told(cmd, r.Show(cmd, http.MethodPost, desk.Path(id, action), body))
}

func newTokenPause() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "pause ID | --all-matching",
		Short: "Make a token stop working until it is resumed",
		Long:  "The command waits a second: when it returns, no gateway on this store accepts the token any more.",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch all, err := matching(cmd, len(args)); {
			case err != nil:
				return err
			case all:
				return onMatching(cmd, simple(bulk.Pause, "Paused"))
			case len(args) == 0:
				return terminal.Usage(errors.New("give the id of a token, or --all-matching with filters"))
			}
			reason, _ := cmd.Flags().GetString("reason")
			if done, err := remoteChange(cmd, args[0], "/pause", map[string]any{"reason": reason}); done {
				return err
			}
			err := desk.OnStore(cmd, nil, func(_ context.Context, d *desk.Desk) error {
				pause := func(ctx context.Context, as tokens.Caller, id int64) (store.Listed, error) {
					return d.Pause(ctx, as, id, reason)
				}
				return onToken(cmd, d, args[0], "Paused", pause)
			})
			if err == nil {
				desk.AwaitForce(cmd.Context())
			}
			return err
		},
	}
	cmd.Flags().String("reason", "", "why, for the record")
	addMatching(cmd)
	settings.AddStore(cmd)
	desk.AddServerFlag(cmd)
	completeTokens(cmd, nil)
	return cmd
}

func newTokenResume() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "resume ID",
		Short: "Let a paused token work again",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if done, err := remoteChange(cmd, args[0], "/resume", nil); done {
				return err
			}
			return desk.OnStore(cmd, nil, func(_ context.Context, d *desk.Desk) error {
				return onToken(cmd, d, args[0], "Resumed", d.Resume)
			})
		},
	}
	settings.AddStore(cmd)
	desk.AddServerFlag(cmd)
	completeTokens(cmd, nil)
	return cmd
}

func newTokenConfirm() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "confirm ID",
		Short: "Let a token reach what newer route tables put under its permissions",
		Long: `A newer route table may put further requests under a permission. Those that write, or that make a credential, are
not open to tokens that were made before: this command opens them to the token, for the permissions that it holds.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if done, err := remoteChange(cmd, args[0], "/confirm", nil); done {
				return err
			}
			return desk.OnStore(cmd, opening.Table, func(_ context.Context, d *desk.Desk) error {
				return onToken(cmd, d, args[0], fmt.Sprintf("Confirmed under version %d of the route "+
					"table:", d.Table().Version()),
					d.Confirm)
			})
		},
	}
	settings.AddStore(cmd)
	desk.AddServerFlag(cmd)
	completeTokens(cmd, nil)
	return cmd
}
