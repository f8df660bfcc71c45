package tokencmd

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"patgate/admin/terms"
	"patgate/admin/tokens"
	"patgate/cli/desk"
	"patgate/cli/opening"
	"patgate/cli/settings"
	"patgate/cli/terminal"
	"patgate/config"
)

func newTokenCreate() *cobra.Command {
	var flags scopeFlags
	cmd := &cobra.Command{
		Use:   "create --name NAME (WHERE... (--allow PERMISSIONS | --template NAME)...)... | --grant FILE",
		Short: "Make a token and print its secret, once",
		Long: `A scope says where (--project, --group, --personal, --all-memberships, --user, --instance) and then, with
--allow or --template, what. Repeat both for further scopes: flags are read in the order in which they stand.

The token acts for an owner, with the owner's own forge token, which the forge verifies before anything is
stored. It is read from PATGATE_OWNER_CREDENTIAL, from PATGATE_OWNER_CREDENTIAL_FILE or --credential-file,
or, when patgate knows no owner yet, at a prompt, and is then kept sealed; later commands do not need it again.

Wildcards such as read_* stand for the permissions of today, and never for those that yield another
credential, give rights to others, change who sees what, or keep a secret: these are granted by name.`,
		Example: `  patgate token create --name "read jobs" --project group/project --allow read_job,read_pipeline
  patgate token create --name release --expires 12h --project a/lib --allow 'read_*' --project a/app --allow push_code
  patgate token create --name agent --expires 7d --project a/app --template ai-agent --allow run_job
  patgate token create --name bot --grant scopes.yaml --json
  patgate token create --name "once, from CI" --project a/app --allow read_job --network 10.0.0.0/8 --max-uses 1
  patgate token create --name learning --project a/app --allow read_project --report-until 7d`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if r, err := desk.RemoteOf(cmd); r != nil || err != nil {
				if err != nil {
					return err
				}
				return desk.Told(cmd, createAt(cmd, r, &flags))
			}
			c, err := opening.Settings(cmd, settings.Store(), settings.WithUpstream)
			if err != nil {
				return err
			}
			return createToken(cmd, c, &flags)
		},
	}
	f := cmd.Flags()
	f.String("name", "", "what the token is for (required)")
	f.String("description", "", "more about it")
	f.String("owner", "", "forge user whom the token acts for, when several are known (username or id)")
	f.Int64("credential", 0, "which of the owner's sealed credentials, when there are several")
	f.String("expires", "", "how long it lives (12h, 30d) or when it ends (2026-12-31); the configuration "+
		"has default and maximum")
	f.String("renew-until", "", "how far the token may rotate itself (90d, 2026-12-31); until it expires, when not given")
	f.String("report-until", "", "report mode until then (7d, 2026-12-31; 14 days at most): what its owner may do passes, "+
		"and what the token lacks is recorded. It needs the owner's forge token, and tokens.report_mode: allow")
	f.String("grant", "", "YAML file with the scopes (- is standard input), instead of the flags below")
	f.BoolP("quiet", "q", false, "print the secret alone")
	flags.register(f)
	addLimitFlags(f)
	f.Bool("seal", false, "with --server: have patgate keep the forge token of this request sealed")
	desk.AddCredentialFlags(cmd)
	desk.AddServerFlag(cmd)
	completePermissions(cmd)
	return cmd
}

// createAt makes a token at a running patgate, which checks all of it.
func createAt(cmd *cobra.Command, r *desk.Remote, flags *scopeFlags) error {
	q, err := readCreation(cmd, flags)
	if err != nil {
		return err
	}
	body := map[string]any{"name": q.Name, "description": q.Description, "expires_at": q.ExpiresAt,
		"renew_until": q.RenewUntil, "report_until": q.ReportUntil, "granular_scopes": q.Scopes}
	if seal, _ := cmd.Flags().GetBool("seal"); seal {
		body["seal"] = true
	}
	if id, _ := cmd.Flags().GetInt64("credential"); id != 0 {
		body["credential_id"] = id
	}
	if !q.Limits.Empty() {
		body["limits"] = q.Limits
	}
	return r.Mint(cmd, "tokens", body)
}

// readCreation reads the flags.
func readCreation(cmd *cobra.Command, flags *scopeFlags) (q tokens.Creation, err error) {
	text := func(name string) string { v, _ := cmd.Flags().GetString(name); return v }
	q = tokens.Creation{Name: text("name"), Description: text("description"), ExpiresAt: text("expires"),
		RenewUntil: text("renew-until"), ReportUntil: text("report-until")}
	if q.Scopes, err = readScopes(cmd, flags); err == nil {
		q.Limits, _, err = readLimits(cmd.Flags(), q.Limits)
	}
	if err != nil {
		return q, terminal.Usage(err)
	}
	return q, nil
}

// readScopes reads the scopes that flags or a file give; none when neither does.
func readScopes(cmd *cobra.Command, flags *scopeFlags) (scopes []terms.Scope, err error) {
	file, _ := cmd.Flags().GetString("grant")
	switch {
	case file != "" && len(flags.scopes) > 0:
		return nil, errors.New("give the scopes by --grant or by flags, not by both")
	case file != "":
		data, err := terminal.ReadSmall(cmd, file)
		if err == nil {
			scopes, err = parseGrant([]byte(data))
		}
		if err != nil {
			return nil, fmt.Errorf("reading --grant %s: %w", file, err)
		}
		return scopes, nil
	case flags.open:
		return nil, errors.New("the last scope says where but not what: close it with --allow or --template")
	}
	return flags.scopes, nil
}

// createToken has the forge verify the owner's credential and find the containers, stores the token, and prints it. Problems of
// the request are reported before anything is asked.
func createToken(cmd *cobra.Command, c *config.Config, flags *scopeFlags) error {
	q, err := readCreation(cmd, flags)
	if err != nil {
		return err
	}
	table, err := opening.Table(c)
	if err != nil {
		return err
	}
	if err := tokens.Check(q, table, opening.Lifetimes(c), time.Now()); err != nil {
		return desk.Told(cmd, err)
	}
	return desk.AtForge(cmd, c, table, false, func(ctx context.Context, d *desk.Desk, shown *tokens.Owner) (err error) {
		if name, _ := cmd.Flags().GetString("owner"); shown == nil {
			shown, err = sealedOrAsked(cmd, d, name, &q)
		} else if name != "" && !strings.EqualFold(name, shown.Username()) {
			err = terminal.Usage(fmt.Errorf("the given credential belongs to %s, not to --owner %s", shown.Username(), name))
		}
		if err != nil {
			return err
		}
		if shown != nil {
			d.As, q.Seal = shown, true
		}
		made, err := d.Create(ctx, d.As, q)
		if err != nil {
			return desk.Told(cmd, err)
		}
		return d.Announce(cmd, made)
	})
}

// sealedOrAsked has the new token bound to the sealed credential of the named owner, or of the only one. When there is no owner
// at all, it asks for a credential.
func sealedOrAsked(cmd *cobra.Command, d *desk.Desk, name string, q *tokens.Creation) (*tokens.Owner, error) {
	owner, err := d.OnlyOwner(cmd.Context(), name)
	if err != nil {
		return nil, err
	}
	if owner == nil {
		secret, err := desk.AskCredential(cmd, d.Config)
		if err != nil {
			return nil, err
		}
		return desk.Identify(cmd.Context(), d.Config, d.Forge, secret)
	}
	number, _ := cmd.Flags().GetInt64("credential")
	credential, err := desk.ChooseCredential(owner, number)
	q.OwnerID, q.CredentialID = owner.ID, credential.ID
	return nil, err
}
