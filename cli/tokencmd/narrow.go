package tokencmd

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"patgate/admin/bulk"
	"patgate/admin/learning"
	"patgate/admin/names"
	"patgate/admin/terms"
	"patgate/admin/tokens"
	"patgate/cli/desk"
	"patgate/cli/learncmd"
	"patgate/cli/opening"
	"patgate/cli/settings"
	"patgate/cli/terminal"
	"patgate/store"
)

func newTokenNarrow() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "narrow ID | --all-matching [--take PERMISSIONS]",
		Short: "Take from tokens what they have not used, or permissions by name",
		Long: `Takes away the permissions and places that patgate learn unused lists as unused. Everything that the token did in
that time goes on working. patgate token undo gives them back within 14 days.

With --all-matching it is done to all tokens that the filters leave. With --take they lose the permissions that it
names, wherever they hold them. What changes in each is printed first. A token that would be left with nothing is
not changed, and neither is one that somebody changes meanwhile.`,
		Example: `  patgate token narrow 1000000000042 --since 60d
  patgate token narrow --all-matching --owner alice --dry-run
  patgate token narrow --all-matching --can push_code --on group/app --take 'push_code,delete_*'`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			days, err := learncmd.Days(cmd)
			if err != nil {
				return err
			}
			take := cmd.Flags().Changed("take")
			switch all, err := matching(cmd, len(args)); {
			case err != nil:
				return err
			case take && !all:
				return terminal.Usage(errors.New("--take goes with --all-matching: for one token it is patgate token edit " +
					"ID --remove"))
			case take && cmd.Flags().Changed("since"):
				return terminal.Usage(errors.New("give --take or --since: permissions by name, or what was not used"))
			case all:
				p, err := narrowing(cmd, days)
				if err != nil {
					return err
				}
				return onMatching(cmd, p)
			case len(args) == 0:
				return terminal.Usage(errors.New("give the id of a token, or --all-matching with filters"))
			}
			if done, err := remoteChange(cmd, args[0], "/narrow", map[string]any{"since": strconv.Itoa(days)}); done {
				return err
			}
			err = desk.WithForge(cmd, func(_ context.Context, d *desk.Desk) error {
				narrow := func(ctx context.Context, as tokens.Caller, id int64) (store.Listed, error) {
					edited, err := learning.New(d.Service).Narrow(ctx, as, id, days, "")
					if err != nil {
						return store.Listed{}, err
					}
					noteRevoked(cmd, edited)
					return edited.Listed, nil
				}
				return onToken(cmd, d, args[0], "Narrowed", narrow)
			})
			if err == nil {
				desk.AwaitForce(cmd.Context())
			}
			return err
		},
	}
	desk.AddCredentialFlags(cmd)
	learncmd.AddFindingFlags(cmd)
	addMatching(cmd)
	cmd.Flags().StringSlice("take", nil, "with --all-matching: permissions that they lose, in place of what they did not use; "+
		"wildcards are possible")
	completeTokens(cmd, nil)
	return cmd
}

// narrowing is the plan of narrowing all that match: by what was not used for some days, or by what --take names.
func narrowing(cmd *cobra.Command, days int) (*plan, error) {
	take, _ := cmd.Flags().GetStringSlice("take")
	empty := func(name string) bool { return strings.TrimSpace(name) == "" }
	if cmd.Flags().Changed("take") && (len(take) == 0 || slices.ContainsFunc(take, empty)) {
		return nil, terminal.Usage(errors.New("--take: an empty permission name"))
	}
	dangers, err := desk.NewDangers(cmd.OutOrStdout())
	if err != nil {
		return nil, err
	}
	p := &plan{action: bulk.Narrow, past: "Narrowed"}
	p.open = func(cmd *cobra.Command, f func(context.Context, *desk.Desk) error) error {
		return desk.WithForge(cmd, func(ctx context.Context, d *desk.Desk) error {
			d.As = tokens.Operator(desk.Actor()) // what is meant may be anybody's
			return f(ctx, d)
		})
	}
	p.of = func(ctx context.Context, d *desk.Desk, l *store.Listed) (step, error) {
		book := names.Of(l.Names, d.Now())
		if len(take) > 0 {
			left, taken := bulk.Without(l.Scopes, held(l, take))
			switch {
			case taken == 0:
				return step{lines: []string{"it holds none of them"}}, nil
			case len(left) == 0:
				return step{lines: []string{bulk.ErrNothingLeft.Error()}}, nil
			}
			return step{desk.Differences(l.Scopes, left, book, dangers), func() error {
				return edited(cmd)(d.Narrow(ctx, d.As, l.ID, l.Revision, left))
			}}, nil
		}
		service := learning.New(d.Service)
		found, err := service.Find(ctx, d.As, l.ID, days)
		if err != nil || found.Standing != learning.SomeUnused {
			if err == nil {
				return step{lines: []string{found.Text}}, nil
			}
			return step{}, err
		}
		return step{desk.Differences(l.Scopes, found.Rights.Scopes, book, dangers), func() error {
			return edited(cmd)(service.Narrow(ctx, d.As, l.ID, days, found.Digest))
		}}, nil
	}
	return p, nil
}

// held gives the permissions of a token that patterns name.
func held(l *store.Listed, patterns []string) (names []string) {
	for i := range l.Scopes {
		for _, name := range l.Scopes[i].Permissions {
			if slices.ContainsFunc(patterns, func(p string) bool { return terms.Matches(strings.TrimSpace(p), name) }) {
				names = append(names, name)
			}
		}
	}
	return names
}

// edited tells which tokens ended with an edit, if it was made.
func edited(cmd *cobra.Command) func(*tokens.Edited, error) error {
	return func(e *tokens.Edited, err error) error {
		if err == nil {
			noteRevoked(cmd, e)
		}
		return err
	}
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
		Short: "Give a token back what it could do before it was last narrowed",
		Long: `Works for 14 days after the narrowing, as long as what the token may do was not changed in another way since. The
token does not live longer by it, and tokens that it made and that ended with the narrowing stay ended. A
narrowing for good (patgate token edit --for-good) is not undone, and neither is one of a token that is revoked.`,
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
