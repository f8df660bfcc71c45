package cli

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"patgate/admin/api"
	"patgate/admin/tokens"
	"patgate/store"
)

func newTokenShow() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "show ID",
		Short: "Show everything about a token but its secret, which patgate does not know",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := tokenID(args[0])
			if err != nil {
				return err
			}
			if r, err := remoteOf(cmd); r != nil || err != nil {
				if err != nil {
					return err
				}
				return r.show(cmd, http.MethodGet, pathOfToken(id, ""), nil)
			}
			return onStore(cmd, nil, func(ctx context.Context, d *desk) error {
				l, err := d.Show(ctx, d.as, id)
				if err != nil {
					return toldOf(id, err)
				}
				now := time.Now()
				if wantsJSON(cmd) {
					return printJSON(cmd.OutOrStdout(), api.View(&l, now))
				}
				return printToken(cmd.OutOrStdout(), &l, now)
			})
		},
	}
	addStoreFlags(cmd)
	addServerFlag(cmd)
	completeTokens(cmd, nil)
	return cmd
}

// printToken writes a token's details for people, one to a line.
func printToken(w io.Writer, l *store.Listed, now time.Time) error {
	var b strings.Builder
	line := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "%-13s %s\n", name, fmt.Sprintf(format, args...))
	}
	line("Token", "%d, ends in %s", l.ID, l.LastFour)
	line("Name", "%s", l.Name)
	if l.Description != "" {
		line("Description", "%s", l.Description)
	}
	line("Owner", "%s (user %d at %s)", l.Owner.Username, l.Owner.UserID, l.Owner.Origin)
	state, _ := tokens.State(l, now)
	line("State", "%s", state)
	if !l.RevokedAt.IsZero() {
		line("Revoked", "%s by %s: %s", stamp(l.RevokedAt), l.RevokedBy, l.RevokeReason)
	}
	if !l.PausedAt.IsZero() {
		line("Paused", "%s by %s: %s", stamp(l.PausedAt), l.PausedBy, l.PauseReason)
	}
	line("Created", "%s", stamp(l.CreatedAt))
	line("Expires", "%s (%s)", stamp(l.ExpiresAt), until(l.ExpiresAt, now))
	if l.RenewUntil.After(l.ExpiresAt) {
		line("Renewable", "until %s", stamp(l.RenewUntil))
	}
	if l.ParentID != 0 {
		line("Made by", "token %d", l.ParentID)
	}
	if l.RotatedTo != 0 {
		line("Rotated to", "token %d", l.RotatedTo)
	}
	if l.Credential == store.CredentialInvalid {
		line("Rests", "its forge credential is not valid (%s): patgate owner replace %s", l.CredentialReason, l.Owner.Username)
	}
	line("Last used", "%s (%d uses)", ago(l.LastUsedAt, now), l.Uses)
	line("Table version", "%d", l.TableVersion)
	for i, scope := range describe(l.Scopes) {
		line(fmt.Sprintf("Scope %d", i+1), "%s", scope)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
