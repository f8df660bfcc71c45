package tokencmd

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"patgate/admin/api"
	"patgate/admin/bulk"
	"patgate/admin/tokens"
	"patgate/cli/desk"
	"patgate/cli/settings"
	"patgate/cli/terminal"
	"patgate/store"
	"patgate/token"
)

func newTokenRevoke() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "revoke ID... | --all-matching | --secret -",
		Short: "Revoke tokens for good, by id or by the secret itself",
		Long: `The command waits a second: when it returns, no gateway on this store accepts the tokens any more.

With --secret - the standard input may be any text, such as a log or a commit that tokens leaked into: every token in it
is revoked, and what only looks like one is reported with its line. No credential is needed, not even with --server.`,
		Example: `  patgate token revoke 1000000000042 --reason "left the team"
  patgate token revoke --all-matching --owner alice --unused 90d
  patgate token revoke --secret - < leaked.txt`,
		RunE: func(cmd *cobra.Command, args []string) error {
			secret, _ := cmd.Flags().GetString("secret")
			if all, err := matching(cmd, len(args)); err != nil {
				return err
			} else if all {
				return onMatching(cmd, simple(bulk.Revoke, "Revoked"))
			}
			switch {
			case secret != "" && secret != "-":
				return terminal.Usage(errors.New("a secret on a command line is seen by others: give --secret - and the " +
					"secret on standard input"))
			case (secret == "-") == (len(args) > 0):
				return terminal.Usage(errors.New("give ids, or --secret -"))
			}
			ids := make([]int64, 0, len(args))
			for _, arg := range args {
				id, err := desk.ID(arg)
				if err != nil {
					return err
				}
				ids = append(ids, id)
			}
			server := desk.RemoteOf
			if secret == "-" { // who has a secret may end it: nothing else is asked for
				server = desk.OpenRemote
			}
			if r, err := server(cmd); r != nil || err != nil {
				if err != nil {
					return err
				}
				return revokeAt(cmd, r, ids, secret == "-")
			}
			return desk.OnStore(cmd, nil, func(ctx context.Context, d *desk.Desk) error {
				if secret != "-" {
					return revokeAll(cmd, d, ids, nil)
				}
				secrets, wrong, err := presented(cmd)
				if err != nil {
					return err
				}
				return errors.Join(append(wrong, revokeAll(cmd, d, nil, secrets))...)
			})
		},
	}
	cmd.Flags().String("reason", "revoked by hand", "why, for the record")
	cmd.Flags().String("secret", "", "- : revoke every token whose secret stands somewhere on standard input")
	addMatching(cmd)
	settings.AddStore(cmd)
	desk.AddServerFlag(cmd)
	completeTokens(cmd, nil)
	return cmd
}

// presented reads the secrets on the standard input, wherever they stand in the text, each once. A text that only begins like
// one is an error, which names the line and never shows the text.
func presented(cmd *cobra.Command) (secrets []string, wrong []error, err error) {
	text, err := terminal.ReadSmall(cmd, "-")
	if err != nil {
		return nil, nil, fmt.Errorf("reading secrets: %w", err)
	}
	pattern := regexp.MustCompile(token.Pattern)
	for i, line := range strings.Split(text, "\n") {
		found := pattern.FindAllString(line, -1)
		if found == nil && strings.Contains(line, token.Prefix) {
			wrong = append(wrong, fmt.Errorf("standard input, line %d: %w", i+1, token.ErrMalformed))
		}
		for _, secret := range found {
			if _, err := token.Parse([]byte(secret)); err != nil {
				wrong = append(wrong, fmt.Errorf("standard input, line %d: %w", i+1, err))
			} else if !slices.Contains(secrets, secret) {
				secrets = append(secrets, secret)
			}
		}
	}
	if len(secrets)+len(wrong) == 0 {
		return nil, nil, errors.New("there is no secret of a patgate token on standard input")
	}
	return secrets, wrong, nil
}

// revokeAll revokes what it can, by ids or by secrets, and reports the rest at the end.
func revokeAll(cmd *cobra.Command, d *desk.Desk, ids []int64, secrets []string) error {
	reason, _ := cmd.Flags().GetString("reason")
	began := d.Now()
	views := []*api.Token{}
	var failed []error
	done := func(l *store.Listed) {
		views = append(views, api.View(l, began))
		what := "Revoked"
		if l.RevokedAt.Before(began) {
			what = "Already revoked:"
		}
		if !terminal.WantsJSON(cmd) {
			fmt.Fprintf(cmd.OutOrStdout(), "%s token %d %q of %s.\n", what, l.ID, l.Name, l.Owner.Username)
		}
	}
	for _, id := range ids {
		if l, err := d.Revoke(cmd.Context(), d.As, id, reason); err != nil {
			failed = append(failed, desk.ToldOf(cmd, id, err))
		} else {
			done(&l)
		}
	}
	for _, secret := range secrets {
		l, err := d.RevokeSecret(cmd.Context(), desk.Actor(), []byte(secret), reason)
		if errors.Is(err, tokens.ErrNotFound) {
			err = store.ErrUnknownToken
		}
		if err != nil {
			failed = append(failed, fmt.Errorf("the secret that ends in %s: %w", token.LastFour(token.NewSecret(secret)), err))
		} else {
			done(&l)
		}
	}
	if terminal.WantsJSON(cmd) {
		failed = append(failed, terminal.PrintJSON(cmd.OutOrStdout(), views))
	}
	if len(views) > 0 {
		desk.AwaitForce(cmd.Context())
	}
	return errors.Join(failed...)
}

// revokeAt revokes tokens of a running patgate, by their ids or by the secrets on standard input.
func revokeAt(cmd *cobra.Command, r *desk.Remote, ids []int64, bySecret bool) error {
	if bySecret {
		secrets, wrong, err := presented(cmd)
		if err != nil {
			return err
		}
		const most = 100 // to a request
		for part := range slices.Chunk(secrets, most) {
			if _, err := r.Ask(cmd.Context(), http.MethodPost, "revoke", map[string]any{"tokens": part}, nil); err != nil {
				return errors.Join(append(wrong, err)...)
			}
		}
		those := terminal.Count(len(secrets), "secret", "secrets")
		_, err = fmt.Fprintf(cmd.OutOrStdout(), "Read %s: those that were tokens are now revoked.\n", those)
		return errors.Join(append(wrong, err)...)
	}
	reason, _ := cmd.Flags().GetString("reason")
	var failed []error
	for _, id := range ids {
		path := desk.Path(id, "?reason="+url.QueryEscape(reason))
		if _, err := r.Ask(cmd.Context(), http.MethodDelete, path, nil, nil); err != nil {
			failed = append(failed, fmt.Errorf("token %d: %w", id, err))
			continue
		}
		fmt.Fprintf(cmd.OutOrStdout(), "Revoked token %d.\n", id)
	}
	return errors.Join(failed...)
}
