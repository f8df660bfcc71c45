package desk

import (
	"fmt"
	"io"
	"strings"
	"time"

	"patgate/admin/tokens"
	"patgate/cli/terminal"
	"patgate/store"
)

// PrintToken writes a token's details for people, one to a line.
func PrintToken(w io.Writer, l *store.Listed, now time.Time) error {
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
		line("Revoked", "%s by %s: %s", terminal.Stamp(l.RevokedAt), l.RevokedBy, l.RevokeReason)
	}
	if !l.PausedAt.IsZero() {
		line("Paused", "%s by %s: %s", terminal.Stamp(l.PausedAt), l.PausedBy, l.PauseReason)
	}
	line("Created", "%s", terminal.Stamp(l.CreatedAt))
	line("Expires", "%s (%s)", terminal.Stamp(l.ExpiresAt), terminal.Until(l.ExpiresAt, now))
	if l.RenewUntil.After(l.ExpiresAt) {
		line("Renewable", "until %s", terminal.Stamp(l.RenewUntil))
	}
	if l.Reports(now) {
		line("REPORT MODE", "until %s (%s): what its owner may do passes", terminal.Stamp(l.ReportEnd()),
			terminal.Until(l.ReportEnd(), now))
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
	line("Last used", "%s (%d uses)", terminal.Ago(l.LastUsedAt, now), l.Uses)
	line("Table version", "%d", l.TableVersion)
	for i, scope := range Describe(l.Scopes) {
		line(fmt.Sprintf("Scope %d", i+1), "%s", scope)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
