package tokencmd

import (
	"context"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"patgate/admin/api"
	"patgate/cli/desk"
	"patgate/cli/settings"
	"patgate/cli/terminal"
)

func newTokenShow() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "show ID",
		Short: "Show everything about a token but its secret, which patgate does not know",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := desk.ID(args[0])
			if err != nil {
				return err
			}
			if r, err := desk.RemoteOf(cmd); r != nil || err != nil {
				if err != nil {
					return err
				}
				return r.Show(cmd, http.MethodGet, desk.Path(id, ""), nil)
			}
			return desk.OnStore(cmd, nil, func(ctx context.Context, d *desk.Desk) error {
				l, err := d.Show(ctx, d.As, id)
				if err != nil {
					return desk.ToldOf(cmd, id, err)
				}
				now := time.Now()
				if terminal.WantsJSON(cmd) {
					v, dangers := api.View(&l, now), (*desk.Dangers)(nil)
					if dangers, err = desk.NewDangers(nil); err != nil {
						return err
					}
					v.BlastRadiusParts = dangers.Radius(&l)
					return terminal.PrintJSON(cmd.OutOrStdout(), v)
				}
				return desk.PrintToken(cmd.OutOrStdout(), &l, now)
			})
		},
	}
	settings.AddStore(cmd)
	desk.AddServerFlag(cmd)
	completeTokens(cmd, nil)
	return cmd
}
