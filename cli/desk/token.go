package desk

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"patgate/admin/names"
	"patgate/cli/terminal"
	"patgate/policy"
	"patgate/store"
)

// PrintToken writes a token's details for people, one to a line.
func PrintToken(w io.Writer, l *store.Listed, now time.Time) error {
	var b strings.Builder
	line := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "%-13s %s\n", name, terminal.Straight(fmt.Sprintf(format, args...)))
	}
	line("Token", "%d, ends in %s", l.ID, l.LastFour)
	line("Name", "%s", l.Name)
	if l.Description != "" {
		line("Description", "%s", l.Description)
	}
	line("Owner", "%s (user %d at %s)", l.Owner.Username, l.Owner.UserID, l.Owner.Origin)
	state, _ := l.State(now)
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
	for _, text := range l.Limits.Told(l.LimitUse) {
		line("Limit", "%s", text)
	}
	if l.ParentID != 0 {
		line("Made by", "token %d", l.ParentID)
	}
	if m := l.Managed; m != nil {
		line("Managed by", "%s, %s", m.Set, m.File)
		for _, d := range l.Differences() {
			line("Differs", "from %s: %s", m.File, d)
		}
	}
	if l.RotatedTo != 0 {
		line("Rotated to", "token %d", l.RotatedTo)
	}
	if l.Credential == store.CredentialInvalid {
		line("Rests", "its forge credential is not valid (%s): patgate owner replace %s", l.CredentialReason, l.Owner.Username)
	}
	line("Last used", "%s (%s)", terminal.Ago(l.LastUsedAt, now), terminal.Count(l.Uses, "use", "uses"))
	line("Table version", "%d", l.TableVersion)
	dangers, err := NewDangers(w)
	if err != nil {
		return err
	}
	line("Blast radius", "%s: it %s", radiusOf(l), dangers.Radius(l).Factors())
	if all := dangers.among(l.Scopes); len(all) > 0 {
		line("DANGEROUS", "%s", dangers.red(strings.Join(all, ", ")))
	}
	if err := printScopes(&b, l.Scopes, names.Of(l.Names, now), dangers); err != nil {
		return err
	}
	_, err = io.WriteString(w, b.String())
	return err
}

// fewPermissions is how many of a scope stand on one line.
const fewPermissions = 12

// printScopes writes what a token may do, a line for each scope. The permissions of a long scope are grouped by category;
// categories with something dangerous come first.
func printScopes(b *strings.Builder, scopes []policy.ScopeSpec, book names.Book, dangers *Dangers) error {
	var categories map[string]string
	for i, scope := range described(scopes, book, dangers.Told) {
		s := &scopes[i]
		name := fmt.Sprintf("Scope %d", i+1)
		if len(s.Permissions) <= fewPermissions {
			fmt.Fprintf(b, "%-13s %s\n", name, scope)
			continue
		}
		if categories == nil {
			var err error
			if categories, err = categoriesOf(); err != nil {
				return err
			}
		}
		held := terminal.Count(len(s.Permissions), "permission", "permissions")
		fmt.Fprintf(b, "%-13s %s: %s%s\n", name, place(s, book, true), held, limitsOf(&s.Constraints))
		groups := map[string][]string{}
		for _, p := range s.Permissions {
			c := cmp.Or(categories[p], "other")
			groups[c] = append(groups[c], p)
		}
		var calm []string
		for _, c := range slices.Sorted(maps.Keys(groups)) {
			text := fmt.Sprintf("  %s: %s\n", c, strings.Join(dangers.Told(groups[c]), ", "))
			if slices.ContainsFunc(groups[c], func(p string) bool { return len(dangers.of(p)) > 0 }) {
				b.WriteString(text)
			} else {
				calm = append(calm, text)
			}
		}
		b.WriteString(strings.Join(calm, ""))
	}
	return nil
}

// categoriesOf gives the category of each permission. Which forge it is need not be known: the names are the same.
func categoriesOf() (map[string]string, error) {
	tables, err := allTables()
	if err != nil {
		return nil, err
	}
	of := map[string]string{}
	for _, table := range tables {
		for _, info := range table.Catalogue().All() {
			if of[info.Name] == "" {
				of[info.Name] = info.Category
			}
		}
	}
	return of, nil
}
