package routecmd

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"patgate/admin/learning"
	"patgate/cli/desk"
	"patgate/cli/learncmd"
	"patgate/cli/opening"
	"patgate/cli/settings"
	"patgate/cli/terminal"
	"patgate/config"
)

func newRoutesSimulate() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "simulate [FILE|DIR]...",
		Short: "Say what another route table, or stricter limits, would have denied of all that tokens did",
		Long: `Reads from the store what every token was seen to do, and asks it again. FILE and DIR are route files: the
built-in table with them laid over it is tried, instead of the one in force. With --try a configuration is tried:
its routes.overlays, its limits (tokens.max_lifetime, max_grace, revoke_unused_after, report_mode, allow_admin_owners)
as if they had held when the tokens were made, and legacy, on what the forge's own tokens did. What the configuration
in force denies as well is not counted. With neither, the table of this patgate and its configured overlays are tried,
and all is counted that was allowed when it was made: so a new version is tried before it serves.

Each token that would have been denied something is printed, with the requests, the last day and the reason, then the
total; with --json one object a line. Exits 1 when anything would have been denied, with --strict also when something
could not be judged. Nothing is changed, and a running patgate goes on.`,
		Example: `  patgate routes simulate --since 30d ./my-routes
  patgate routes simulate --config patgate.yaml --try stricter.yaml --json`,
		RunE: func(cmd *cobra.Command, args []string) error {
			days, err := learncmd.Days(cmd)
			if err != nil {
				return err
			}
			return desk.OnStore(cmd, opening.Table, func(ctx context.Context, d *desk.Desk) error {
				q, err := attemptOf(cmd, d, args)
				if err != nil {
					return err
				}
				q.Days = days
				return simulate(ctx, cmd, d, q)
			})
		},
	}
	cmd.Flags().String("since", "30d", "how many days to look back")
	cmd.Flags().String("try", "", "YAML file with the configuration that is tried")
	cmd.Flags().Bool("strict", false, "exit 1 also when something could not be judged")
	settings.AddStore(cmd)
	return cmd
}

// attemptOf gives what is tried.
func attemptOf(cmd *cobra.Command, d *desk.Desk, overlays []string) (q learning.Attempt, err error) {
	now := time.Now()
	inForce := learning.Rules{Table: d.Table(), Limits: limitsOf(d.Config, now)}
	if inForce.Ceilings, err = opening.ConfiguredCeilings(d.Config, inForce.Table); err != nil {
		return q, err
	}
	q.Origin = d.Config.Upstream.URL.String()
	name, _ := cmd.Flags().GetString("try")
	if name == "" && len(overlays) == 0 {
		q.Tried = learning.Rules{Table: inForce.Table, Ceilings: inForce.Ceilings,
			Limits: learning.Limits{ReportMode: inForce.ReportMode, AdminOwners: true}}
		return q, nil
	}
	tried := *d.Config
	if name != "" {
		c, err := settings.LoadFile(name)
		if err != nil {
			return q, err
		}
		if tried = *c; tried.Forge == config.ForgeAuto {
			tried.Forge = d.Config.Forge
		}
		if q.Origin == "" {
			q.Origin = tried.Upstream.URL.String()
		}
		// A date that lies ahead is tried as if it had come.
		now = tried.Legacy.DenyFrom
	}
	if len(overlays) > 0 {
		tried.Routes.Overlays = overlays
	}
	q.InForce = &inForce
	q.Tried.Limits = limitsOf(&tried, now)
	if q.Tried.Table, err = opening.Table(&tried); err != nil {
		return q, err
	}
	if tried.Policies == "" { // a configuration without policies lifts no limits
		tried.Policies = d.Config.Policies
	}
	q.Tried.Ceilings, err = opening.ConfiguredCeilings(&tried, q.Tried.Table)
	return q, err
}

// limitsOf gives the limits of a configuration at an instant.
func limitsOf(c *config.Config, at time.Time) learning.Limits {
	t := &c.Tokens
	return learning.Limits{
		MaxLifetime: t.MaxLifetime.Std(), MaxGrace: t.MaxGrace.Std(), RevokeUnusedAfter: t.RevokeUnusedAfter.Std(),
		ReportMode: t.ReportMode == config.ReportModeAllow, AdminOwners: t.AllowAdminOwners,
		Legacy: map[config.Legacy]learning.LegacyMode{config.LegacyAllow: learning.LegacyAllow,
			config.LegacyReadOnly: learning.LegacyReadOnly}[c.Legacy.At(at)],
	}
}

// simulate makes the attempt and prints its outcome.
func simulate(ctx context.Context, cmd *cobra.Command, d *desk.Desk, q learning.Attempt) error {
	w := bufio.NewWriter(cmd.OutOrStdout())
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	asJSON := terminal.WantsJSON(cmd)
	sum, err := learning.New(d.Service).Try(ctx, desk.Actor(), q, func(one *learning.Tried) error {
		if asJSON {
			return encoder.Encode(one)
		}
		return printTried(w, one)
	})
	switch {
	case err != nil:
		return errors.Join(w.Flush(), desk.Told(cmd, err))
	case asJSON:
		err = encoder.Encode(map[string]*learning.Sum{"total": sum})
	default:
		err = printSum(w, sum)
	}
	if err = errors.Join(err, w.Flush()); err != nil {
		return fmt.Errorf("writing what was found: %w", err)
	}
	strict, _ := cmd.Flags().GetBool("strict")
	switch {
	case sum.Requests > 0:
		return errors.New("some requests would have been denied")
	case strict && sum.Unclear+int64(sum.Damaged) > 0:
		return errors.New("something could not be judged")
	}
	return nil
}

// printTried writes for people what a token would have been denied.
func printTried(w io.Writer, one *learning.Tried) error {
	what := fmt.Sprintf("forge token %d %q of %s", one.SubjectID, one.Name, one.Username)
	if one.TokenID != 0 {
		what = fmt.Sprintf("token %d %q of %s, %s", one.TokenID, one.Name, one.Username, one.State)
	}
	_, err := fmt.Fprintf(w, "%s: would have denied %s of %s, of %s\n%s", what, requests(one.Requests),
		terminal.Count(one.Kinds, "kind", "kinds"), requests(one.Observed), learncmd.Lines(one.Denied))
	return err
}

func requests(n int64) string { return terminal.Count(n, "request", "requests") }

// printSum writes the total for people.
func printSum(w io.Writer, s *learning.Sum) error {
	kinds, denied := terminal.Count(s.Kinds, "kind", "kinds"), terminal.Count(s.Denied, "token", "tokens")
	all := terminal.Count(s.Tokens, "token", "tokens") + " and " + terminal.Count(s.ForgeTokens, "forge token", "forge tokens")
	_, err := fmt.Fprintf(w, "would have denied %s of %s of %s, of %s of %s in %s\n", requests(s.Requests), kinds, denied,
		requests(s.Observed), all, terminal.Count(s.Days, "day", "days"))
	if s.Before > 0 && err == nil {
		more := terminal.Count(s.Before, "request more is", "requests more are")
		_, err = fmt.Fprintf(w, "%s denied already as things are now, and not counted\n", more)
	}
	if s.Unclear > 0 && err == nil {
		_, err = fmt.Fprintf(w, "the projects of %s are not known\n", requests(s.Unclear))
	}
	if err == nil {
		_, err = io.WriteString(w, learncmd.Damaged(s.Damaged))
	}
	return err
}
