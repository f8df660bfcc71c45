package policycmd

import (
	"bufio"
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"patgate/admin/learning"
	"patgate/admin/manifest"
	"patgate/cli/desk"
	"patgate/cli/learncmd"
	"patgate/cli/opening"
	"patgate/cli/settings"
	"patgate/cli/terminal"
)

// NewLint gives the command that checks files of policy as code.
func NewLint() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "lint -f DIR",
		Short: "Check files of policy as code, and say what limits would have denied",
		Long: `Reads all documents as apply and a gateway do, and prints everything that is wrong with them, one line each: file,
line, what is wrong, and the fix. With --simulate what every token was seen to do is asked again under the limits
of the files: each token that would have been denied something is printed, with the requests and the limit. What
is denied already, by scopes or by the limits in force, is not counted. Exits 1 when there is a problem, or when
anything would have been denied.`,
		Example: `  patgate lint -f policies
  patgate lint -f policies --simulate --since 30d
  patgate lint --schema > patgate.schema.json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if schema, _ := cmd.Flags().GetBool("schema"); schema {
				_, err := cmd.OutOrStdout().Write(manifest.Schema())
				return err
			}
			path, _ := cmd.Flags().GetString("file")
			if path == "" {
				return terminal.Usage(errors.New("give the directory with -f"))
			}
			if simulate, _ := cmd.Flags().GetBool("simulate"); simulate {
				return desk.OnStore(cmd, opening.Table, func(ctx context.Context, d *desk.Desk) error {
					return simulated(ctx, cmd, d, path)
				})
			}
			c, err := opening.Settings(cmd, settings.Store(), settings.WithoutUpstream)
			if err != nil {
				return err
			}
			table, err := opening.Table(c)
			if err != nil {
				return err
			}
			set, err := opening.Policies(path, table, c.OIDC.Issuers...)
			if err != nil {
				return err
			}
			trusts, problems := opening.TrustsOf(c, set, table)
			if len(problems) > 0 {
				return terminal.Problems(problems)
			}
			for _, line := range trusts.Advice() {
				fmt.Fprintln(cmd.ErrOrStderr(), "warning: "+line)
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s, %s, %s, %s, %s: no problem\n",
				terminal.Count(len(manifest.Of[manifest.Token](set)), "token", "tokens"),
				terminal.Count(len(manifest.Of[manifest.Template](set)), "template", "templates"),
				terminal.Count(len(set.Issuers()), "issuer", "issuers"),
				terminal.Count(len(trusts.All()), "trust", "trusts"),
				terminal.Count(len(manifest.Of[manifest.Ceiling](set)), "limit", "limits"))
			return err
		},
	}
	f := cmd.Flags()
	f.StringP("file", "f", "", "directory with the files, or one file")
	f.Bool("simulate", false, "say what the limits would have denied of what tokens were seen to do")
	f.String("since", "30d", "with --simulate: how many days to look back")
	f.Bool("schema", false, "print the JSON schema of the documents, for editors")
	settings.AddStore(cmd)
	return cmd
}

// simulated tries the limits of a directory on what tokens were seen to do.
func simulated(ctx context.Context, cmd *cobra.Command, d *desk.Desk, path string) error {
	days, err := learncmd.Days(cmd)
	if err != nil {
		return err
	}
	ceilings, err := opening.Ceilings(path, d.Table())
	if err != nil {
		return err
	}
	// Lifetimes and report mode are as they are: only the limits are tried.
	free := learning.Limits{ReportMode: true, AdminOwners: true, Legacy: learning.LegacyAllow}
	q := learning.Attempt{Days: days, Tried: learning.Rules{Table: d.Table(), Limits: free, Ceilings: ceilings}}
	q.InForce = &learning.Rules{Table: d.Table(), Limits: free}
	if d.Config.Policies != "" {
		if q.InForce.Ceilings, err = opening.Ceilings(d.Config.Policies, d.Table()); err != nil {
			return err
		}
	}
	w := bufio.NewWriter(cmd.OutOrStdout())
	sum, err := learning.New(d.Service).Try(ctx, desk.Actor(), q, func(one *learning.Tried) error {
		_, err := fmt.Fprintf(w, "token %d %q of %s, %s: would have denied %d of %s\n", one.TokenID, one.Name, one.Username,
			one.State, one.Requests, terminal.Count(one.Observed, "request", "requests"))
		for i := range one.Denied {
			l := &one.Denied[i]
			if err == nil {
				_, err = fmt.Fprintf(w, "  %d x %s %s, last on %s: limit %q\n", l.Requests, l.Method, l.Route, l.Date, l.Ceiling)
			}
		}
		return err
	})
	if err == nil {
		_, err = fmt.Fprintf(w, "would have denied %d of %s of %s in %s, to %d of them\n", sum.Requests,
			terminal.Count(sum.Observed, "request", "requests"), terminal.Count(sum.Tokens, "token", "tokens"),
			terminal.Count(sum.Days, "day", "days"), sum.Denied)
	}
	if err == nil && sum.Unclear > 0 {
		unclear := terminal.Count(sum.Unclear, "request", "requests")
		_, err = fmt.Fprintf(w, "the projects of %s are not known\n", unclear)
	}
	if err = errors.Join(err, w.Flush()); err != nil {
		return desk.Told(cmd, err)
	}
	if sum.Requests > 0 {
		return errors.New("some requests would have been denied")
	}
	return nil
}
