package tokencmd

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"patgate/admin/api"
	"patgate/admin/names"
	"patgate/cli/desk"
	"patgate/cli/settings"
	"patgate/cli/terminal"
	"patgate/routes"
	"patgate/store"
)

func newTokenList() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List tokens with what they reach",
		Long: `Lists tokens with what they reach. Marked are those that may make deploy keys, deploy tokens, access
tokens or triggers, because such credentials work past patgate and outlive the token, and those in
report mode, which may do what their owner may. Projects and groups are called what they were when the token's owner
saw them last; "gone" is what is not there any more, or not for that owner.`,
		Example: `  patgate token list --state any --sort last_used_asc
  patgate token list --project acme/website
  patgate token list --search acme`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			f, err := listFilter(cmd)
			if err != nil {
				return err
			}
			if r, err := desk.RemoteOf(cmd); r != nil || err != nil {
				if err != nil {
					return err
				}
				return r.List(cmd, f)
			}
			return desk.OnStore(cmd, nil, func(ctx context.Context, d *desk.Desk) error {
				if name, _ := cmd.Flags().GetString("owner"); name != "" {
					o, err := d.FindOwner(ctx, name)
					if err != nil {
						return err
					}
					f.OwnerID = o.ID
				}
				list, total, err := d.List(ctx, d.As, 0, true, f)
				if err != nil {
					return err
				}
				if terminal.WantsJSON(cmd) {
					views := []*api.Token{}
					for i := range list {
						views = append(views, api.View(&list[i], f.Now))
					}
					return terminal.PrintJSON(cmd.OutOrStdout(), views)
				}
				return desk.PrintTokens(cmd, list, total, f)
			})
		},
	}
	cmd.Flags().String("owner", "", "only of this owner (username or id)")
	cmd.Flags().String("state", "active", "active, inactive, expired, revoked, paused or any")
	cmd.Flags().String("search", "", "only with this text in name or description, or that name a project or group of this id, "+
		"of this path or below it")
	cmd.Flags().String("project", "", "only those that name this project, by its id or path, or one below that path")
	cmd.Flags().String("group", "", "only those that name this group, by its id or path, or a group or project below that path")
	cmd.Flags().String("sort", "created_desc", "created, expires, last_used, name or reach (the blast radius), with _asc or _desc")
	cmd.Flags().Int("limit", 0, "how many at most; 0 is all")
	cmd.Flags().Bool("wide", false, "every scope with all its permissions, however long the lines get")
	settings.AddStore(cmd)
	desk.AddServerFlag(cmd)
	completeList(cmd)
	return cmd
}

func listFilter(cmd *cobra.Command) (f store.Filter, err error) {
	state, _ := cmd.Flags().GetString("state")
	if f.State, err = store.ParseState(state); err != nil {
		return f, terminal.Usage(err)
	}
	order, _ := cmd.Flags().GetString("sort")
	if f.Sort, err = store.ParseSort(order); err != nil {
		return f, terminal.Usage(err)
	}
	f.Search, _ = cmd.Flags().GetString("search")
	f.Limit, _ = cmd.Flags().GetInt("limit")
	f.WithNames = true
	on, err := placeOf(cmd)
	if err != nil {
		return f, err
	}
	if on != nil {
		kind := routes.RefProject
		if on.Boundary == routes.BoundaryGroup {
			kind = routes.RefGroup
		}
		if f.Naming, err = names.Naming(kind, on.Name); err != nil {
			return f, terminal.Usage(err)
		}
	}
	f.Now = time.Now()
	return f, nil
}
