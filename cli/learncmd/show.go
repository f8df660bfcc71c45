package learncmd

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"github.com/spf13/cobra"

	"patgate/admin/learning"
	"patgate/admin/tokens"
	"patgate/cli/desk"
	"patgate/cli/terminal"
)

// subjectID reads the id of a token, or of a credential of the forge's own.
func subjectID(arg string) (int64, error) {
	id, err := strconv.ParseInt(arg, 10, 64)
	if err != nil || id <= 0 {
		return 0, terminal.Usage(fmt.Errorf("%q is not an id: patgate learn list shows them", arg))
	}
	return id, nil
}

// pathOf is where the API has a subject.
func pathOf(id int64, rest string) string {
	return "subjects/" + strconv.FormatInt(id, 10) + rest
}

// toldOf puts an error of the service about a subject into the words of a command.
func toldOf(cmd *cobra.Command, id int64, err error) error {
	if id != 0 && errors.Is(err, tokens.ErrNotFound) {
		return fmt.Errorf("none of yours that was seen at work has the id %d: patgate learn list shows them", id)
	}
	return desk.Told(cmd, err)
}

// learned gets an answer about a subject from a running patgate, or has it made on the local store, and then has it used.
func learned[T any](cmd *cobra.Command, id int64, path string, make func(ctx context.Context, d *desk.Desk) (*T, error),
	use func(ctx context.Context, r *desk.Remote, d *desk.Desk, made *T) error) error {
	r, err := desk.RemoteOf(cmd)
	if err != nil {
		return err
	}
	if r != nil {
		made := new(T)
		if _, err := r.Ask(cmd.Context(), http.MethodGet, path, nil, made); err != nil {
			return toldOf(cmd, id, err)
		}
		return use(cmd.Context(), r, nil, made)
	}
	return desk.WithForge(cmd, func(ctx context.Context, d *desk.Desk) error {
		made, err := make(ctx, d)
		if err != nil {
			return toldOf(cmd, id, err)
		}
		return use(ctx, nil, d, made)
	})
}

func newLearnList() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the tokens and forge tokens that were seen at work",
		Long: `Lists your own tokens: those of the forge user whose credential you give. A forge token stands under a number that
patgate gave it; of the token itself patgate keeps only a hash.`,
		Example: `  patgate learn list --server https://git.example.com --credential-file ~/.forge-token`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			all, _ := cmd.Flags().GetBool("all")
			path := "subjects?all=" + strconv.FormatBool(all)
			return learned(cmd, 0, path, func(ctx context.Context, d *desk.Desk) (*[]learning.Listed, error) {
				list, err := learning.New(d.Service).List(ctx, d.As, all)
				return &list, err
			}, func(_ context.Context, _ *desk.Remote, _ *desk.Desk, list *[]learning.Listed) error {
				if terminal.WantsJSON(cmd) {
					return terminal.PrintJSON(cmd.OutOrStdout(), list)
				}
				return printSubjects(cmd.OutOrStdout(), *list)
			})
		},
	}
	cmd.Flags().Bool("all", false, "everybody's, for administrators of patgate")
	desk.AddCredentialFlags(cmd)
	desk.AddServerFlag(cmd)
	return cmd
}

func newLearnShow() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "show SUBJECT",
		Short:   "Show what a token or a forge token was seen to do",
		Example: `  patgate learn show 17 --since 7d`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := subjectID(args[0])
			if err != nil {
				return err
			}
			days, err := Days(cmd)
			if err != nil {
				return err
			}
			query := url.Values{"since": {strconv.Itoa(days)}}
			show := func(ctx context.Context, d *desk.Desk) (*learning.Shown, error) {
				return learning.New(d.Service).Show(ctx, d.As, id, days)
			}
			use := func(_ context.Context, _ *desk.Remote, _ *desk.Desk, s *learning.Shown) error {
				if terminal.WantsJSON(cmd) {
					return terminal.PrintJSON(cmd.OutOrStdout(), s)
				}
				return printSeen(cmd.OutOrStdout(), s)
			}
			return learned(cmd, id, pathOf(id, "?")+query.Encode(), show, use)
		},
	}
	cmd.Flags().String("since", "30d", "how many days to look back")
	desk.AddCredentialFlags(cmd)
	desk.AddServerFlag(cmd)
	return cmd
}
