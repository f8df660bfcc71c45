package tokencmd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"patgate/admin/api"
	"patgate/admin/export"
	"patgate/admin/filters"
	"patgate/admin/names"
	"patgate/cli/desk"
	"patgate/cli/opening"
	"patgate/cli/questioncmd"
	"patgate/cli/settings"
	"patgate/cli/terminal"
	"patgate/config"
	"patgate/routes"
	"patgate/store"
)

func newTokenList() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List tokens with what they reach",
		Long: `Lists tokens with what they reach. Marked are those that may make deploy keys, deploy tokens, access
tokens or triggers, because such credentials work past patgate and outlive the token, those in
report mode, which may do what their owner may, and those that a file of policy as code keeps, with its
name. Projects and groups are called what they were when the token's owner saw them last; "gone" is what
is not there any more, or not for that owner.`,
		Example: `  patgate token list --state any --sort last_used_asc
  patgate token list --project acme/website
  patgate token list --search acme
  patgate token list --can push_code --on acme/website --unused 30d
  patgate token list --badge unused_permissions`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			f, asked, err := listFilter(cmd)
			if err != nil {
				return err
			}
			if all, _ := cmd.Flags().GetBool("all"); all && cmd.Flags().Changed("owner") {
				return terminal.Usage(errors.New("give --all or --owner, not both"))
			}
			if r, err := desk.RemoteOf(cmd); r != nil || err != nil {
				if err != nil {
					return err
				}
				if cmd.Flags().Changed("format") {
					return terminal.Usage(errors.New("--format works on patgate's own machine; with --server, use --json " +
						"or the console"))
				}
				return r.List(cmd, f, asked.Values)
			}
			return desk.OnStore(cmd, judging(cmd), func(ctx context.Context, d *desk.Desk) error {
				f, asked, err := choice(ctx, cmd, d)
				if err != nil {
					return err
				}
				if format, _ := cmd.Flags().GetString("format"); format != "" {
					return errors.Join(exported(ctx, cmd, d, f, asked, format), incomplete(cmd, d, &f))
				}
				list, total, err := d.List(ctx, d.As, 0, true, f)
				if err != nil {
					return err
				}
				if err := incomplete(cmd, d, &f); err != nil {
					return err
				}
				if terminal.WantsJSON(cmd) {
					views := []*api.Token{}
					dangers, err := desk.NewDangers(nil)
					if err != nil {
						return err
					}
					for i := range list {
						v := api.View(&list[i], f.Now)
						v.BlastRadiusParts = dangers.Radius(&list[i])
						if f.Reach != nil {
							v.Reaches = string(filters.HowOf(&list[i], f.Reach, asked.On, f.Holds))
						}
						views = append(views, v)
					}
					return terminal.PrintJSON(cmd.OutOrStdout(), views)
				}
				return desk.PrintTokens(cmd, list, total, f)
			})
		},
	}
	addChoice(cmd)
	cmd.Flags().Bool("all", false, "with --server, as an administrator: everyone's tokens")
	cmd.Flags().String("format", "", "csv or json: all of them for other programs, in the order of ids, as they come")
	cmd.Flags().String("sort", "created_desc", "created, expires, last_used, name or reach (the blast radius), with _asc "+
		"or _desc")
	cmd.Flags().Int("limit", 0, "how many at most; 0 is all")
	cmd.Flags().Bool("wide", false, "every scope with all its permissions, however long the lines get")
	settings.AddStore(cmd)
	desk.AddServerFlag(cmd)
	completeList(cmd)
	return cmd
}

// exported writes all that a filter leaves, a piece at a time.
func exported(ctx context.Context, cmd *cobra.Command, d *desk.Desk, f store.Filter, asked *filters.Asked, format string) error {
	w, err := export.New(cmd.OutOrStdout(), format, f.Now)
	if err != nil {
		return terminal.Usage(err)
	}
	dangers, err := desk.NewDangers(nil)
	if err != nil {
		return err
	}
	w.Measure = dangers.Radius
	left := f.Limit
	f.Limit, f.WithNames = export.Pieces, true
	err = f.Walk(func(f store.Filter) ([]store.Listed, int, error) { return d.List(ctx, d.As, 0, true, f) },
		func(list []store.Listed) error {
			for i := range list {
				reaches := ""
				if f.Reach != nil {
					reaches = string(filters.HowOf(&list[i], f.Reach, asked.On, f.Holds))
				}
				if err := w.Add(&list[i], reaches); err != nil {
					return err
				}
				if left--; left == 0 {
					return errEnough
				}
			}
			return nil
		})
	if err != nil && !errors.Is(err, errEnough) {
		return err
	}
	return w.Close()
}

// errEnough ends a list that is as long as was asked for.
var errEnough = errors.New("enough")

// judging gives what loads the route table when a list is by badge: its tokens may still have to be judged. Where it is not known
// which forge they are for, they are listed as they were judged last.
func judging(cmd *cobra.Command) func(*config.Config) (*routes.Table, error) {
	badge, _ := cmd.Flags().GetString(filters.Badge)
	if badge == "" {
		return nil
	}
	return func(c *config.Config) (*routes.Table, error) {
		table, err := opening.KnownTable(cmd.Context(), c)
		if table == nil && err == nil && badge == store.MarkHeldBack.String() {
			err = fmt.Errorf("--%s %s: it is not known what the forge is, whose endpoints are meant (fix: --forge)",
				filters.Badge, badge)
		}
		return table, err
	}
}

// incomplete says on standard error that a list may lack some.
func incomplete(cmd *cobra.Command, d *desk.Desk, f *store.Filter) error {
	if f.Mark == store.MarkReports && d.Config.Tokens.ReportMode != config.ReportModeAllow {
		fmt.Fprintln(cmd.ErrOrStderr(), "Report mode is not allowed by this configuration (tokens.report_mode): no token is "+
			"in it.")
	}
	lacks, err := d.Incomplete(cmd.Context(), f)
	if lacks {
		fmt.Fprintln(cmd.ErrOrStderr(), "Not all tokens have been looked through yet (the gateway does it while it runs): this "+
			"list may lack some.")
	}
	return err
}

func listFilter(cmd *cobra.Command) (f store.Filter, asked *filters.Asked, err error) {
	f.Now, asked = time.Now(), &filters.Asked{}
	if err = notEmpty(cmd); err != nil {
		return f, asked, err
	}
	state, _ := cmd.Flags().GetString("state")
	if f.State, err = store.ParseState(state); err != nil {
		return f, asked, terminal.Usage(err)
	}
	asked = filters.Read(func(name string) string { text, _ := cmd.Flags().GetString(name); return text }, f.Now, nil, &f)
	for _, name := range filters.Names() {
		if problem := asked.Problems[name]; problem != "" {
			return f, asked, terminal.Usage(fmt.Errorf("--%s: %s", name, problem))
		}
	}
	order, _ := cmd.Flags().GetString("sort")
	if f.Sort, err = store.ParseSort(cmp.Or(order, f.Sort.String())); err != nil {
		return f, asked, terminal.Usage(err)
	}
	f.Search, _ = cmd.Flags().GetString("search")
	f.Limit, _ = cmd.Flags().GetInt("limit")
	f.WithNames = true
	on, err := questioncmd.PlaceOf(cmd)
	if err != nil {
		return f, asked, err
	}
	if on != nil {
		kind := routes.RefProject
		if on.Boundary == routes.BoundaryGroup {
			kind = routes.RefGroup
		}
		if f.Naming, err = names.Naming(kind, on.Name); err != nil {
			return f, asked, terminal.Usage(err)
		}
	}
	return f, asked, nil
}
