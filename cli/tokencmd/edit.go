package tokencmd

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"patgate/admin/api"
	"patgate/admin/tokens"
	"patgate/cli/desk"
	"patgate/cli/learncmd"
	"patgate/cli/terminal"
)

func newTokenEdit() *cobra.Command {
	var flags scopeFlags
	cmd := &cobra.Command{
		Use:   "edit ID",
		Short: "Change what a token is called and may do",
		Long: `Only what is given is changed. --add and --remove change single permissions, at the places that stand before them.
Without a place, --add is about the token's only scope, and --remove about all of them. --allow, --template and --grant
replace all scopes. What changes is printed first, and on a terminal you are asked before it is done (not with --yes).

Narrowing needs nothing more. Widening, in permissions, places or time, needs the owner's forge token again: from
PATGATE_OWNER_CREDENTIAL, from PATGATE_OWNER_CREDENTIAL_FILE or --credential-file. Tokens that this one made never keep
more than it has.`,
		Example: `  patgate token edit 1000000000042 --add read_pipeline --remove push_code
  patgate token edit 1000000000042 --project group/other --add read_job
  patgate token edit 1000000000042 --project group/project --allow read_job
  patgate token edit 1000000000042 --project group/project --allow read_job --dry-run --since 30d
  patgate token edit 1000000000042 --expires 12h --name "nightly job"
  patgate token edit 1000000000042 --grant scopes.yaml --enforce
  patgate token edit 1000000000042 --network 10.1.0.0/16 --requests-per-minute 60`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := desk.ID(args[0])
			if err != nil {
				return err
			}
			q, err := readChanges(cmd, &flags)
			if err != nil {
				return terminal.Usage(err)
			}
			if dry, _ := cmd.Flags().GetBool("dry-run"); dry {
				if len(flags.amendments) > 0 {
					return terminal.Usage(errors.New("--dry-run takes whole scopes, by --allow, --template or --grant"))
				}
				return learncmd.DryRun(cmd, id, &q)
			}
			if r, err := desk.RemoteOf(cmd); r != nil || err != nil {
				if err != nil {
					return err
				}
				return desk.Told(cmd, editAt(cmd, r, id, &q, flags.amendments))
			}
			return desk.WithForge(cmd, func(ctx context.Context, d *desk.Desk) error {
				edited, err := editHere(cmd, d, id, &q, flags.amendments)
				if err != nil || edited == nil {
					return desk.ToldOf(cmd, id, err)
				}
				for _, w := range edited.Warnings {
					fmt.Fprintln(cmd.ErrOrStderr(), "patgate: note: "+w)
				}
				noteRevoked(cmd, edited)
				desk.AwaitForce(ctx)
				if terminal.WantsJSON(cmd) {
					v := api.View(&edited.Listed, time.Now())
					v.Warnings, v.Widened, v.RevokedTokens = edited.Warnings, &edited.Widened, edited.Revoked
					return terminal.PrintJSON(cmd.OutOrStdout(), v)
				}
				return desk.PrintToken(cmd.OutOrStdout(), &edited.Listed, time.Now())
			})
		},
	}
	f := cmd.Flags()
	f.String("name", "", "what the token is for")
	f.String("description", "", "more about it")
	f.String("expires", "", "how long it lives from now (12h, 30d) or when it ends (2026-12-31)")
	f.String("renew-until", "", "how far the token may rotate itself")
	f.String("report-until", "", "report mode until then (7d, 2026-12-31), at most 14 days after it first began")
	f.Bool("enforce", false, "end report mode: what the token lacks is denied from now on")
	f.String("grant", "", "YAML file with the scopes (- is standard input), instead of the flags below")
	f.Bool("for-good", false, "what is taken away cannot be given back by patgate token undo: for a token that leaked")
	f.Bool("dry-run", false, "change nothing: say which requests that the token made would have been denied")
	f.String("since", "30d", "with --dry-run: how many days to look back")
	f.BoolP("yes", "y", false, "do it without asking")
	flags.register(f)
	addLimitFlags(f)
	flags.registerAmendments(f)
	desk.AddCredentialFlags(cmd)
	desk.AddServerFlag(cmd)
	completeTokens(cmd, &flags)
	return cmd
}

// readChanges reads what to change.
func readChanges(cmd *cobra.Command, flags *scopeFlags) (q tokens.Changes, err error) {
	text := func(name string) *string {
		if !cmd.Flags().Changed(name) {
			return nil
		}
		v, _ := cmd.Flags().GetString(name)
		return &v
	}
	q = tokens.Changes{
		Name:        text("name"),
		Description: text("description"),
		ExpiresAt:   text("expires"),
		RenewUntil:  text("renew-until"),
		ReportUntil: text("report-until"),
	}
	if enforce, _ := cmd.Flags().GetBool("enforce"); enforce {
		if q.ReportUntil != nil {
			return q, errors.New("--enforce ends report mode, and --report-until goes on with it: give one of them")
		}
		q.ReportUntil = new(string)
	}
	scopes, err := readScopes(cmd, flags)
	if err != nil {
		return q, err
	}
	if len(scopes) > 0 {
		q.Scopes = &scopes
	}
	q.ForGood, _ = cmd.Flags().GetBool("for-good")
	if len(flags.amendments) > 0 {
		if q.Scopes != nil {
			return q, errors.New("--add and --remove change scopes, and --allow, --template and --grant replace them: give " +
				"one or the other")
		}
		return q, nil
	}
	if q == (tokens.Changes{ForGood: q.ForGood}) && !limited(cmd.Flags()) {
		return q, errors.New("nothing to change: give --name, --description, --expires, --renew-until, --report-until, " +
			"--enforce, --add, --remove, scopes or limits")
	}
	return q, nil
}

func newTokenRotate() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "rotate ID",
		Short: "Replace a token by a new one with a new secret",
		Long: `The new token may do the same and is printed once. The old secret stops working at once, or when --grace is over.
A secret that was rotated out and is used for another rotation counts as stolen: the whole family is revoked.`,
		Example: `  patgate token rotate 1000000000042 --expires 30d --grace 1h`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := desk.ID(args[0])
			if err != nil {
				return err
			}
			var q tokens.Rotation
			q.ExpiresAt, _ = cmd.Flags().GetString("expires")
			q.RenewUntil, _ = cmd.Flags().GetString("renew-until")
			q.Grace, _ = cmd.Flags().GetString("grace")
			if r, err := desk.RemoteOf(cmd); r != nil || err != nil {
				if err != nil {
					return err
				}
				return desk.Told(cmd, rotateAt(cmd, r, id, &q))
			}
			return desk.WithForge(cmd, func(ctx context.Context, d *desk.Desk) error {
				made, err := d.Rotate(ctx, d.As, id, q)
				if err != nil {
					return desk.Told(cmd, err)
				}
				return d.Announce(cmd, made)
			})
		},
	}
	cmd.Flags().String("expires", "", "how long the new one lives (12h, 30d) or when it ends (2026-12-31); a week, when "+
		"not given")
	cmd.Flags().String("renew-until", "", "how far the new one may rotate itself")
	cmd.Flags().String("grace", "", "for how long the old secret still works (10m, 1d); not at all, when not given")
	cmd.Flags().BoolP("quiet", "q", false, "print the secret alone")
	desk.AddCredentialFlags(cmd)
	desk.AddServerFlag(cmd)
	completeTokens(cmd, nil)
	return cmd
}

// rotateAt rotates a token of a running patgate.
func rotateAt(cmd *cobra.Command, r *desk.Remote, id int64, q *tokens.Rotation) error {
	return r.Mint(cmd, desk.Path(id, "/rotate"), map[string]any{
		"expires_at":  q.ExpiresAt,
		"renew_until": q.RenewUntil,
		"grace":       q.Grace,
	})
}
