package trustcmd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"patgate/admin/manifest"
	"patgate/admin/tokens"
	"patgate/cli/desk"
	"patgate/cli/opening"
	"patgate/cli/settings"
	"patgate/cli/terminal"
	"patgate/config"
	"patgate/routes"
	"patgate/store"
	"patgate/trust"
	"patgate/trust/exchange"
)

// New gives the command trust.
func New() *cobra.Command {
	cmd := &cobra.Command{Use: "trust", Short: "Policies by which jobs trade their ID token for a patgate token"}
	cmd.AddCommand(newTest(), newAllow(), newList(), newRevoke())
	return cmd
}

func newTest() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "test [FILE|DIR...]",
		Aliases: []string{"lint"},
		Short:   "Read policies and run the tests that they carry",
		Long: `Reads the policies of the configuration (oidc.trusts, and the trusts among policies), or those files of trusts
that are named, as serve does, with the issuers of the configuration. All that is wrong is printed at once, with
file, line and fix.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := opening.Settings(cmd, settings.Store(), settings.WithoutUpstream)
			if err != nil {
				return err
			}
			set, _, err := policies(c, args)
			if err != nil {
				return err
			}
			for _, line := range set.Advice() {
				fmt.Fprintln(cmd.ErrOrStderr(), "warning: "+line)
			}
			tests := 0
			for _, p := range set.All() {
				tests += len(p.Tests)
			}
			policies := terminal.Count(len(set.All()), "policy", "policies")
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s with %s: no problem\n", policies, terminal.Count(tests, "test", "tests"))
			return err
		},
	}
	settings.AddStore(cmd)
	return cmd
}

// policies reads policies with the route table of the configuration.
func policies(c *config.Config, paths []string) (*trust.Set, *routes.Table, error) {
	table, err := opening.Table(c)
	if err != nil {
		return nil, nil, err
	}
	if len(paths) == 0 {
		paths = nil
	}
	set, err := opening.Mounted(c, table)
	if err != nil {
		return nil, nil, err
	}
	kept, err := opening.Trusts(c, paths, func() *routes.Table { return table }, func() *manifest.Set { return set }, nil)
	if err != nil {
		return nil, nil, err
	}
	return kept.Current(), table, nil
}

func newAllow() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "allow NAME",
		Short: "Allow, as its owner, what a policy grants",
		Long: `A policy does nothing until its owner has allowed it, with a forge token of the owner's own, which is kept sealed
and acts for the tokens of the trust. What the policy matches and grants is printed, and allowed by a yes. That is
the most that its tokens may do, and those whom it says are the most who may have them: when the policy is edited
to grant more, to more, or for longer, it gives nothing until it is allowed anew; what only narrows it goes on.
Tokens that live already keep what they have until they end.`,
		Example: `  PATGATE_OWNER_CREDENTIAL_FILE=/run/secrets/glpat patgate trust allow release-notes`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := opening.Settings(cmd, settings.Store(), settings.WithUpstream)
			if err != nil {
				return err
			}
			set, table, err := policies(c, nil)
			if err != nil {
				return err
			}
			p := set.Find(args[0])
			if p == nil {
				return fmt.Errorf("there is no policy %q in oidc.trusts or policies", args[0])
			}
			return desk.AtForge(cmd, c, table, true, func(ctx context.Context, d *desk.Desk, shown *tokens.Owner) error {
				if err := confirm(cmd, c, p, shown.Username()); err != nil {
					return err
				}
				a, _, err := exchange.Allow(ctx, d.Service, d.Store, p, c.TrustAudience(), shown)
				if err != nil {
					return err
				}
				_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s allows the trust %s, with credential %d.\n", shown.Username(), p.Name,
					a.CredentialID)
				return err
			})
		},
	}
	desk.AddCredentialFlags(cmd)
	cmd.Flags().BoolP("yes", "y", false, "do it without asking")
	return cmd
}

// confirm prints what a policy matches and grants, and asks whether its owner allows that.
func confirm(cmd *cobra.Command, c *config.Config, p *trust.Policy, owner string) error {
	out := cmd.OutOrStdout()
	for _, line := range p.Rules(c.TrustAudience()).Lines() {
		fmt.Fprintln(out, line)
	}
	for i := range p.Power {
		scope, err := json.Marshal(p.Power[i])
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "grant %s\n", scope)
	}
	if yes, _ := cmd.Flags().GetBool("yes"); yes {
		return nil
	}
	if _, person := terminal.Person(cmd); !person {
		return terminal.Usage(errors.New("this lets whoever matches act as " + owner + ": repeat it with --yes"))
	}
	yes, err := terminal.Confirm(cmd, "Let whoever matches act as "+owner+", with this grant?")
	if err == nil && !yes {
		err = errors.New("nothing was allowed")
	}
	return err
}

// listed is a trust in JSON.
type listed struct {
	Name         string    `json:"name"`
	Owner        string    `json:"owner"`
	CredentialID int64     `json:"credential_id"`
	AllowedAt    time.Time `json:"allowed_at"`
	AllowedBy    string    `json:"allowed_by"`
	Active       int       `json:"active_tokens"`
	Made         int       `json:"tokens"`
}

func newList() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List which trusts are allowed, by whom, and how many of their tokens are alive",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return desk.OnStore(cmd, nil, func(ctx context.Context, d *desk.Desk) error {
				list, err := d.Store.ListTrusts(ctx, d.Now())
				if err != nil {
					return err
				}
				if terminal.WantsJSON(cmd) {
					all := make([]listed, len(list))
					for i, l := range list {
						all[i] = listed{l.Name, l.Owner.Username, l.CredentialID, l.AllowedAt, l.AllowedBy, l.Active, l.Made}
					}
					return terminal.PrintJSON(cmd.OutOrStdout(), all)
				}
				table := terminal.Table{Head: []string{"NAME", "OWNER", "CREDENTIAL", "ALLOWED", "ALIVE", "MADE"}}
				for _, l := range list {
					table.Add(l.Name, l.Owner.Username, strconv.FormatInt(l.CredentialID, 10), terminal.Stamp(l.AllowedAt),
						strconv.Itoa(l.Active), strconv.Itoa(l.Made))
				}
				return table.Write(cmd.OutOrStdout())
			})
		},
	}
	settings.AddStore(cmd)
	return cmd
}

func newRevoke() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "revoke NAME",
		Short: "Withdraw what a trust was allowed, and revoke all of its tokens",
		Long:  `The command waits a second: when it returns, no gateway on this store accepts the tokens any more.`,
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			reason, _ := cmd.Flags().GetString("reason")
			return desk.OnStore(cmd, nil, func(ctx context.Context, d *desk.Desk) error {
				ids, err := d.Store.RevokeTrust(ctx, args[0], 0, store.Cause{Reason: reason, By: desk.Actor(), At: d.Now()})
				if err != nil {
					return err
				}
				desk.AwaitForce(ctx)
				_, err = fmt.Fprintf(cmd.OutOrStdout(), "The trust %s is no longer allowed, and %s revoked.\n", args[0],
					terminal.Count(len(ids), "token of it is", "tokens of it are"))
				return err
			})
		},
	}
	settings.AddStore(cmd)
	cmd.Flags().String("reason", "the trust was revoked", "why, for the record and the owner")
	return cmd
}
