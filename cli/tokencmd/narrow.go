package tokencmd

import (
	"context"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"patgate/admin/learning"
	"patgate/admin/tokens"
	"patgate/cli/desk"
	"patgate/cli/learncmd"
	"patgate/cli/opening"
	"patgate/cli/settings"
	"patgate/store"
)

func newTokenNarrow() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "narrow ID",
		Short: "Take from a token what it did not use",
		Long: `Takes away the permissions and places that patgate learn unused lists as unused. Everything that the token did in that
time goes on working. patgate token undo gives them back within 14 days.`,
		Example: `  patgate token narrow 1000000000042 --since 60d`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			days, err := learncmd.Days(cmd)
			if err != nil {
				return err
			}
			if done, err := remoteChange(cmd, args[0], "/narrow", map[string]any{"since": strconv.Itoa(days)}); done {
				return err
			}
			err = desk.WithForge(cmd, func(_ context.Context, d *desk.Desk) error {
				return onToken(cmd, d, args[0], "Narrowed", func(ctx context.Context, as tokens.Caller, id int64) (store.Listed, error) {
					edited, err := learning.New(d.Service).Narrow(ctx, as, id, days, "")
					if err != nil {
						return store.Listed{}, err
					}
					noteRevoked(cmd, edited)
					return edited.Listed, nil
				})
			})
			if err == nil {
				desk.AwaitForce(cmd.Context())
			}
			return err
		},
	}
	desk.AddCredentialFlags(cmd)
	learncmd.AddFindingFlags(cmd)
	completeTokens(cmd, nil)
	return cmd
}

// noteRevoked tells which tokens ended with an edit.
func noteRevoked(cmd *cobra.Command, e *tokens.Edited) {
	for _, child := range e.Revoked {
		fmt.Fprintf(cmd.ErrOrStderr(),
			"patgate: note: token %d, which this one made, held more than it does now and is revoked\n", child)
	}
}

func newTokenUndo() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "undo ID",
		Short: "Give a token back what it might do before it was last narrowed",
		Long: `Works for 14 days after the narrowing, as long as what the token may do was not changed in another way since. The token
does not live longer by it, and tokens that it made and that ended with the narrowing stay ended. A narrowing for good
(patgate token edit --for-good) is not undone, and neither is one of a token that is revoked.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if done, err := remoteChange(cmd, args[0], "/undo", nil); done {
				return err
			}
			return desk.OnStore(cmd, opening.Table, func(_ context.Context, d *desk.Desk) error {
				return onToken(cmd, d, args[0], "Undone the narrowing of", learning.New(d.Service).Undo)
			})
		},
	}
	settings.AddStore(cmd)
	desk.AddServerFlag(cmd)
	completeTokens(cmd, nil)
	return cmd
}
