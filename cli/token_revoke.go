package cli

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"patgate/store"
	"patgate/token"
)

func newTokenRevoke() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "revoke ID... | --secret -",
		Short: "Revoke tokens for good, by id or by the secret itself",
		Long:  "When the command returns, a second later, no gateway on this store accepts the tokens any more.",
		Example: `  patgate token revoke 1000000000042 --reason "left the team"
  patgate token revoke --secret - < leaked.txt`,
		RunE: func(cmd *cobra.Command, args []string) error {
			secret, _ := cmd.Flags().GetString("secret")
			switch {
			case secret != "" && secret != "-":
				return usageError{errors.New("a secret on a command line is seen by others: give --secret - and the secret on standard input")}
			case (secret == "-") == (len(args) > 0):
				return usageError{errors.New("give ids, or --secret -")}
			}
			ids := make([]int64, 0, len(args))
			for _, arg := range args {
				id, err := tokenID(arg)
				if err != nil {
					return err
				}
				ids = append(ids, id)
			}
			if r, err := remoteOf(cmd); r != nil || err != nil {
				if err != nil {
					return err
				}
				return r.revoke(cmd, ids, secret == "-")
			}
			st, err := existing(cmd)
			if err != nil {
				return err
			}
			defer st.Close()
			if secret == "-" {
				if ids, err = presented(cmd, st); err != nil {
					return err
				}
			}
			return revokeAll(cmd, st, ids)
		},
	}
	cmd.Flags().String("reason", "revoked by hand", "why, for the record")
	cmd.Flags().String("secret", "", "- : revoke the tokens whose secrets stand on standard input, one a line")
	addStoreFlags(cmd)
	addServerFlag(cmd)
	completeTokens(cmd, nil)
	return cmd
}

// presented finds the tokens whose secrets stand on the standard input. An error names the line, never what stands there.
func presented(cmd *cobra.Command, st store.Store) ([]int64, error) {
	text, err := readSmall(cmd, "-")
	if err != nil {
		return nil, fmt.Errorf("reading secrets: %w", err)
	}
	var ids []int64
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		hash, err := token.Parse([]byte(line))
		if err != nil {
			return nil, fmt.Errorf("standard input, line %d: %w", i+1, err)
		}
		b, err := st.TokenByHash(cmd.Context(), hash)
		if err != nil {
			return nil, fmt.Errorf("standard input, line %d: %w", i+1, err)
		}
		ids = append(ids, b.Record.ID)
	}
	if len(ids) == 0 {
		return nil, errors.New("there is no secret on standard input")
	}
	return ids, nil
}

// revokeAll revokes what it can and reports the rest at the end.
func revokeAll(cmd *cobra.Command, st store.Store, ids []int64) error {
	reason, _ := cmd.Flags().GetString("reason")
	now := time.Now()
	views := []tokenView{}
	var failed []error
	for _, id := range ids {
		before, err := st.Token(cmd.Context(), id)
		if errors.Is(err, store.ErrUnknownToken) {
			failed = append(failed, fmt.Errorf("there is no token %d: patgate token list shows them", id))
			continue
		}
		l := before
		if err == nil {
			l, err = st.RevokeToken(context.WithoutCancel(cmd.Context()), id, reason, actor(), now)
		}
		if err != nil {
			failed = append(failed, err)
			continue
		}
		views = append(views, viewToken(&l, now))
		if !wantsJSON(cmd) {
			done := "Revoked"
			if !before.RevokedAt.IsZero() {
				done = "Was revoked already:"
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s token %d %q of %s.\n", done, l.ID, l.Name, l.Owner.Username)
		}
	}
	if wantsJSON(cmd) {
		failed = append(failed, printJSON(cmd.OutOrStdout(), views))
	}
	if len(views) > 0 {
		awaitForce(cmd.Context())
	}
	return errors.Join(failed...)
}

// revoke revokes tokens of a running patgate, by their ids or by the secrets on standard input.
func (r *remote) revoke(cmd *cobra.Command, ids []int64, bySecret bool) error {
	if bySecret {
		text, err := readSmall(cmd, "-")
		if err != nil {
			return fmt.Errorf("reading secrets: %w", err)
		}
		secrets := strings.Fields(text)
		if _, err := r.ask(cmd.Context(), http.MethodPost, "revoke", map[string]any{"tokens": secrets}, nil); err != nil {
			return err
		}
		_, err = fmt.Fprintf(cmd.OutOrStdout(), "Whatever of these %d secrets was a token is revoked.\n", len(secrets))
		return err
	}
	reason, _ := cmd.Flags().GetString("reason")
	var failed []error
	for _, id := range ids {
		if _, err := r.ask(cmd.Context(), http.MethodDelete, pathOfToken(id, "?reason="+url.QueryEscape(reason)), nil, nil); err != nil {
			failed = append(failed, fmt.Errorf("token %d: %w", id, err))
			continue
		}
		fmt.Fprintf(cmd.OutOrStdout(), "Revoked token %d.\n", id)
	}
	return errors.Join(failed...)
}
