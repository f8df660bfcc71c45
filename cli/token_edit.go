package cli

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	"patgate/admin/api"
	"patgate/admin/tokens"
	"patgate/routes"
)

func newTokenEdit() *cobra.Command {
	var flags scopeFlags
	cmd := &cobra.Command{
		Use:   "edit ID",
		Short: "Change what a token is called and may do",
		Long: `Only what is given is changed; scopes are replaced as a whole. Narrowing needs nothing more. Widening, in
permissions, places or time, needs the owner's forge token again: from PATGATE_OWNER_CREDENTIAL, from
PATGATE_OWNER_CREDENTIAL_FILE or --credential-file. Tokens that this one made never keep more than it has.`,
		Example: `  patgate token edit 1000000000042 --project group/project --allow read_job
  patgate token edit 1000000000042 --expires 12h --name "nightly job"`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := tokenID(args[0])
			if err != nil {
				return err
			}
			q, err := readChanges(cmd, &flags)
			if err != nil {
				return usageError{err}
			}
			if r, err := remoteOf(cmd); r != nil || err != nil {
				if err != nil {
					return err
				}
				return r.edit(cmd, id, &q)
			}
			return withService(cmd, func(ctx context.Context, s *tokens.Service, caller *tokens.Caller) error {
				edited, err := s.Edit(ctx, caller, id, q)
				if err != nil {
					return serviceError(err)
				}
				for _, w := range edited.Warnings {
					fmt.Fprintln(cmd.ErrOrStderr(), "patgate: note: "+w)
				}
				for _, child := range edited.Revoked {
					fmt.Fprintf(cmd.ErrOrStderr(), "patgate: note: token %d, which this one made, held more than it does now and is revoked\n", child)
				}
				awaitForce(ctx)
				if wantsJSON(cmd) {
					v := api.View(&edited.Listed, time.Now())
					v.Warnings, v.Widened, v.RevokedTokens = edited.Warnings, &edited.Widened, edited.Revoked
					return printJSON(cmd.OutOrStdout(), v)
				}
				return printToken(cmd.OutOrStdout(), &edited.Listed, time.Now())
			})
		},
	}
	f := cmd.Flags()
	f.String("name", "", "what the token is for")
	f.String("description", "", "more about it")
	f.String("expires", "", "how long it lives from now (12h, 30d) or when it ends (2026-12-31)")
	f.String("renew-until", "", "how far the token may rotate itself")
	f.String("grant", "", "YAML file with the scopes (- is standard input), instead of the flags below")
	flags.register(f)
	addCredentialFlags(cmd)
	addServerFlag(cmd)
	completeTokens(cmd, &flags)
	return cmd
}

// readChanges reads what is to be different.
func readChanges(cmd *cobra.Command, flags *scopeFlags) (q tokens.Changes, err error) {
	text := func(name string) *string {
		if !cmd.Flags().Changed(name) {
			return nil
		}
		v, _ := cmd.Flags().GetString(name)
		return &v
	}
	q = tokens.Changes{Name: text("name"), Description: text("description"), ExpiresAt: text("expires"), RenewUntil: text("renew-until")}
	wanted, err := readScopes(cmd, flags)
	if err != nil {
		return q, err
	}
	if len(wanted) > 0 {
		all := scopes(wanted)
		q.Scopes = &all
	}
	if q == (tokens.Changes{}) {
		return q, errors.New("nothing to change: give --name, --description, --expires, --renew-until or scopes")
	}
	return q, nil
}

func newTokenRotate() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "rotate ID",
		Short: "Put a new token with a new secret in the place of one",
		Long: `The new token may do the same and is printed once. The old secret stops working at once, or when --grace is over.
A secret that was rotated out and is used for another rotation is taken for stolen: the whole family is revoked.`,
		Example: `  patgate token rotate 1000000000042 --expires 30d --grace 1h`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := tokenID(args[0])
			if err != nil {
				return err
			}
			var q tokens.Rotation
			q.ExpiresAt, _ = cmd.Flags().GetString("expires")
			q.RenewUntil, _ = cmd.Flags().GetString("renew-until")
			q.Grace, _ = cmd.Flags().GetString("grace")
			if r, err := remoteOf(cmd); r != nil || err != nil {
				if err != nil {
					return err
				}
				return r.rotate(cmd, id, &q)
			}
			return withService(cmd, func(ctx context.Context, s *tokens.Service, caller *tokens.Caller) error {
				made, err := s.Rotate(ctx, caller, id, q)
				if err != nil {
					return serviceError(err)
				}
				return announce(cmd, made, func() error {
					_, err := s.Revoke(context.WithoutCancel(ctx), tokens.Operator(actor()), made.ID, "its secret could not be printed")
					return err
				})
			})
		},
	}
	cmd.Flags().String("expires", "", "how long the new one lives (12h, 30d) or when it ends (2026-12-31); a week, when not given")
	cmd.Flags().String("renew-until", "", "how far the new one may rotate itself")
	cmd.Flags().String("grace", "", "for how long the old secret still works (10m, 1d); not at all, when not given")
	cmd.Flags().BoolP("quiet", "q", false, "print the secret alone")
	addCredentialFlags(cmd)
	addServerFlag(cmd)
	completeTokens(cmd, nil)
	return cmd
}

// withService runs f on the local store, as the owner of a given credential, else as the operator.
func withService(cmd *cobra.Command, f func(context.Context, *tokens.Service, *tokens.Caller) error) error {
	c, err := loadSettings(cmd, storeSettings(), withUpstream)
	if err != nil {
		return err
	}
	if st, err := openExisting(cmd.Context(), c); err != nil {
		return err
	} else if err := st.Close(); err != nil {
		return err
	}
	client, err := askForge(c)
	if err != nil {
		return err
	}
	defer client.Close()
	caller, secret, err := localCaller(cmd)
	if err != nil {
		return err
	}
	o, err := openStore(cmd.Context(), c)
	if err != nil {
		return err
	}
	defer o.Close()
	table, err := currentTable(c)
	if err != nil {
		return err
	}
	s, err := newTokens(c, o, client, func() *routes.Table { return table }, nil)
	if err != nil {
		return err
	}
	if caller != nil {
		return f(cmd.Context(), s, caller)
	}
	owner, err := s.Owner(cmd.Context(), secret)
	if err != nil {
		return fmt.Errorf("asking %s whose credential this is: %w", c.Upstream.URL, err)
	}
	return f(cmd.Context(), s, owner)
}

// pathOfToken is where the API has a token.
func pathOfToken(id int64, rest string) string {
	return "tokens/" + url.PathEscape(fmt.Sprint(id)) + rest
}

// edit changes a token of a running patgate.
func (r *remote) edit(cmd *cobra.Command, id int64, q *tokens.Changes) error {
	body := map[string]any{}
	for name, v := range map[string]*string{"name": q.Name, "description": q.Description, "expires_at": q.ExpiresAt, "renew_until": q.RenewUntil} {
		if v != nil {
			body[name] = *v
		}
	}
	if q.Scopes != nil {
		body["granular_scopes"] = *q.Scopes
	}
	return r.show(cmd, http.MethodPatch, pathOfToken(id, ""), body)
}

// rotate rotates a token of a running patgate.
func (r *remote) rotate(cmd *cobra.Command, id int64, q *tokens.Rotation) error {
	return r.mint(cmd, pathOfToken(id, "/rotate"), map[string]any{"expires_at": q.ExpiresAt, "renew_until": q.RenewUntil, "grace": q.Grace})
}
