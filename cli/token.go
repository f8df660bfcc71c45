package cli

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"patgate/admin/api"
	"patgate/admin/tokens"
	"patgate/store"
	"patgate/token"
)

func newToken() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "token",
		Short: "Make, list, show, edit, rotate and revoke fine-grained tokens",
		Long: `Works on the local store; a gateway that runs on it takes changes over within a second. With --server, a running
patgate is asked instead, with the forge token of the owner or a patgate token.`,
	}
	cmd.AddCommand(newTokenCreate(), newTokenList(), newTokenShow(), newTokenEdit(), newTokenRotate(), newTokenRevoke(),
		newTokenConfirm(), newTokenPause(), newTokenResume(),
		newTokenCan(), newTokenProve(), newTokenDiff(), newTokenWhoCan())
	return cmd
}

// tokenID reads the id of one of patgate's tokens.
func tokenID(text string) (int64, error) {
	id, err := strconv.ParseInt(text, 10, 64)
	switch {
	case err != nil && (token.Find([]byte(text)) || token.HasPrefix([]byte(text))): // not repeated: output is kept by CI systems
		return 0,
			usageError{errors.New("a secret stands in the place of a token's id, where others see it: patgate token list shows " +
				"the ids; revoke the token with patgate token revoke --secret -")}
	case err != nil:
		return 0, usageError{fmt.Errorf("%q is not a token id: patgate token list shows them", text)}
	case id < store.FirstTokenID:
		return 0, usageError{fmt.Errorf("%d is not the id of a patgate token, they begin at %d: it may be one of the forge's own", id,
			store.FirstTokenID)}
	}
	return id, nil
}

// onToken runs a change of one token on a store that exists and prints what came of it.
func onToken(cmd *cobra.Command, d *desk, arg, done string,
	change func(context.Context, tokens.Caller, int64) (store.Listed, error)) error {
	id, err := tokenID(arg)
	if err != nil {
		return err
	}
	l, err := change(cmd.Context(), d.as, id)
	if err != nil {
		return toldOf(id, err)
	}
	if wantsJSON(cmd) {
		return printJSON(cmd.OutOrStdout(), api.View(&l, time.Now()))
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s token %d %q of %s.\n", done, l.ID, l.Name, l.Owner.Username)
	return err
}

// awaitForce waits until no gateway on the store can still hold what was cached before a change, so that a command which
// takes something away returns when it is gone.
func awaitForce(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-time.After(store.FreshWithin + 20*time.Millisecond):
	}
}

// remoteChange has a running patgate change a token, when one is named.
func remoteChange(cmd *cobra.Command, arg, action string, body any) (done bool, err error) {
	id, err := tokenID(arg)
	if err != nil {
		return true, err
	}
	r, err := remoteOf(cmd)
	if r == nil || err != nil {
		return err != nil, err
	}
	return true, r.show(cmd, http.MethodPost, pathOfToken(id, action), body)
}

func newTokenPause() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "pause ID",
		Short: "Make a token invalid until it is resumed",
		Long:  "When the command returns, a second later, no gateway on this store accepts the token any more.",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			reason, _ := cmd.Flags().GetString("reason")
			if done, err := remoteChange(cmd, args[0], "/pause", map[string]any{"reason": reason}); done {
				return err
			}
			err := onStore(cmd, nil, func(_ context.Context, d *desk) error {
				return onToken(cmd, d, args[0], "Paused", func(ctx context.Context, as tokens.Caller, id int64) (store.Listed, error) {
					return d.Pause(ctx, as, id, reason)
				})
			})
			if err == nil {
				awaitForce(cmd.Context())
			}
			return err
		},
	}
	cmd.Flags().String("reason", "", "why, for the record")
	addStoreFlags(cmd)
	addServerFlag(cmd)
	completeTokens(cmd, nil)
	return cmd
}

func newTokenResume() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "resume ID",
		Short: "End the pause of a token",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if done, err := remoteChange(cmd, args[0], "/resume", nil); done {
				return err
			}
			return onStore(cmd, nil, func(_ context.Context, d *desk) error { return onToken(cmd, d, args[0], "Resumed", d.Resume) })
		},
	}
	addStoreFlags(cmd)
	addServerFlag(cmd)
	completeTokens(cmd, nil)
	return cmd
}

func newTokenConfirm() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "confirm ID",
		Short: "Let a token reach what newer route tables put under its permissions",
		Long: `A new writing or minting row under a permission does not reach tokens that were made before it. This command
says that it may.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if done, err := remoteChange(cmd, args[0], "/confirm", nil); done {
				return err
			}
			return onStore(cmd, currentTable, func(_ context.Context, d *desk) error {
				return onToken(cmd, d, args[0], fmt.Sprintf("Confirmed under version %d of the route table:", d.Table().Version()),
					d.Confirm)
			})
		},
	}
	addStoreFlags(cmd)
	addServerFlag(cmd)
	completeTokens(cmd, nil)
	return cmd
}
