package desk

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"patgate/admin/api"
	"patgate/admin/names"
	"patgate/admin/tokens"
	"patgate/cli/terminal"
	"patgate/config"
	"patgate/policy"
	"patgate/routes"
	"patgate/store"
	"patgate/token"
)

// listed gives a token of the API in the form that commands print; entries with the same permissions are one scope again.
func listed(t *api.Token, base config.Base) *store.Listed {
	l := &store.Listed{
		Uses:        t.Uses,
		RevokedBy:   t.RevokedBy,
		PausedBy:    t.PausedBy,
		PauseReason: t.PauseReason,
		Addresses:   t.LastUsedIPs,
		Owner:       store.Owner{Origin: base.String(), UserID: t.UserID, Username: t.Username},
	}
	l.ID = t.ID
	l.Name = t.Name
	l.Description = t.Description
	l.LastFour = t.LastFour
	l.TableVersion = t.TableVersion
	l.CreatedAt, l.ExpiresAt, l.RenewUntil, l.RevokeReason = t.CreatedAt, t.ExpiresAtTime, t.RenewUntil, t.RevokeReason
	l.CredentialID, l.FamilyID, l.Revision = t.CredentialID, t.FamilyID, t.Revision
	for from, to := range map[*time.Time]*time.Time{
		t.LastUsedAt: &l.LastUsedAt,
		t.RevokedAt:  &l.RevokedAt,
		t.PausedAt:   &l.PausedAt,

		t.ReportFrom:  &l.ReportFrom,
		t.ReportUntil: &l.ReportUntil,
	} {
		if from != nil {
			*to = *from
		}
	}
	for from, to := range map[*int64]*int64{t.ParentID: &l.ParentID, t.RotatedTo: &l.RotatedTo} {
		if from != nil {
			*to = *from
		}
	}
	if t.BlastRadius != nil {
		l.Kept.Reach, l.Kept.Under = *t.BlastRadius, 1
	}
	if t.Limits != nil {
		l.Limits, l.LimitUse = *t.Limits, t.LimitsUsed
	}
	if m := t.Managed; m != nil {
		l.Managed = &token.Managed{Set: m.Set, Name: m.Name, File: m.File, Told: m.Differs}
	}
	l.Names = named(t.Places)
	l.OwnersWord = t.Mode == "report"
	if t.State == "credential_invalid" {
		l.Credential, l.CredentialReason = store.CredentialInvalid, t.CredentialReason
	}
	for i := range t.GranularScopes {
		g := &t.GranularScopes[i]
		var constraints policy.ConstraintSpec
		if g.Constraints != nil {
			constraints = *g.Constraints
		}
		at := slices.IndexFunc(l.Scopes, func(s policy.ScopeSpec) bool {
			return s.Access == g.Access && slices.Equal(s.Permissions, g.Permissions) &&
				reflect.DeepEqual(s.Constraints, constraints)
		})
		if at < 0 {
			at = len(l.Scopes)
			l.Scopes = append(l.Scopes, policy.ScopeSpec{Access: g.Access, Permissions: g.Permissions, Constraints: constraints})
		}
		if g.ProjectID != nil {
			l.Scopes[at].ProjectIDs = append(l.Scopes[at].ProjectIDs, *g.ProjectID)
		}
		if g.GroupID != nil {
			l.Scopes[at].GroupIDs = append(l.Scopes[at].GroupIDs, *g.GroupID)
		}
	}
	return l
}

// named gives the names of places. Names from another patgate are cleaned before they are shown.
func named(all []api.Place) store.Named {
	named := store.Named{}
	for _, v := range all {
		var n store.Name
		if v.Path != "" {
			n.Path = names.Clean(v.Path)
		}
		for from, to := range map[*time.Time]*time.Time{v.Seen: &n.Seen, v.Gone: &n.Gone} {
			if from != nil {
				*to = *from
			}
		}
		for _, kind := range []routes.RefKind{routes.RefProject, routes.RefGroup} {
			if v.Kind == names.Kind(kind) {
				named[store.Place{Kind: kind, ID: v.ID}] = n
			}
		}
	}
	return named
}

// print prints one token.
func (r *Remote) print(cmd *cobra.Command, raw json.RawMessage, t *api.Token) error {
	if terminal.WantsJSON(cmd) {
		return terminal.PrintJSON(cmd.OutOrStdout(), raw)
	}
	return PrintToken(cmd.OutOrStdout(), listed(t, r.base), time.Now())
}

// Token reads a token of a running patgate.
func (r *Remote) Token(ctx context.Context, id int64) (*store.Listed, error) {
	var t api.Token
	if _, err := r.Ask(ctx, http.MethodGet, Path(id, ""), nil, &t); err != nil {
		return nil, err
	}
	return listed(&t, r.base), nil
}

// Show makes a request that is answered with a token, and prints that.
func (r *Remote) Show(cmd *cobra.Command, method, path string, body any) error {
	var raw json.RawMessage
	if _, err := r.Ask(cmd.Context(), method, path, body, &raw); err != nil {
		return err
	}
	var t api.Token
	if err := json.Unmarshal(raw, &t); err != nil {
		return fmt.Errorf("reading the answer of %s: %w", r.base, err)
	}
	for _, w := range t.Warnings {
		fmt.Fprintln(cmd.ErrOrStderr(), "patgate: note: "+w)
	}
	for _, id := range t.RevokedTokens {
		fmt.Fprintf(cmd.ErrOrStderr(), "patgate: note: token %d, which this one made, held more than it does now and is "+
			"revoked\n", id)
	}
	return r.print(cmd, raw, &t)
}

// Mint makes a request that is answered with a new token, and prints that with its secret.
func (r *Remote) Mint(cmd *cobra.Command, path string, body map[string]any) error {
	for name, v := range body {
		if v == "" {
			delete(body, name)
		}
	}
	var raw json.RawMessage
	if _, err := r.Ask(cmd.Context(), http.MethodPost, path, body, &raw); err != nil {
		return err
	}
	var t api.Token
	if err := json.Unmarshal(raw, &t); err != nil || t.Token == "" {
		return errors.Join(fmt.Errorf("reading the answer of %s: there is no secret in it", r.base), err)
	}
	made := &tokens.Created{Listed: *listed(&t, r.base), Secret: token.NewSecret(t.Token), Warnings: t.Warnings}
	return announce(cmd, made, func() error {
		_, err := r.Ask(context.WithoutCancel(cmd.Context()), http.MethodDelete, Path(t.ID, ""), nil, nil)
		return err
	})
}

// List lists the tokens of a running patgate, page by page.
func (r *Remote) List(cmd *cobra.Command, f store.Filter, asked map[string]string) error {
	q := url.Values{"state": {f.State.String()}, "sort": {f.Sort.String()}, "per_page": {"100"}}
	if f.Search != "" {
		q.Set("search", f.Search)
	}
	if n := f.Naming; !n.Empty() {
		q.Set(names.Kind(n.Kind), cmp.Or(n.Path, strconv.FormatInt(n.ID, 10)))
	}
	for name, value := range asked {
		q.Set(name, value)
	}
	if all, _ := cmd.Flags().GetBool("all"); all {
		q.Set("all", "true")
	}
	if owner, _ := cmd.Flags().GetString("owner"); owner != "" {
		if _, err := strconv.ParseInt(owner, 10, 64); err != nil {
			return terminal.Usage(errors.New("--owner works with a username on patgate's own machine; with --server, give the " +
				"user id at the forge"))
		}
		q.Set("user_id", owner)
	}
	var list []store.Listed
	var raws []json.RawMessage
	total := ""
	for page := "1"; page != ""; {
		q.Set("page", page)
		var part []json.RawMessage
		header, err := r.Ask(cmd.Context(), http.MethodGet, "tokens?"+q.Encode(), nil, &part)
		if err != nil {
			return err
		}
		for _, raw := range part {
			var t api.Token
			if err := json.Unmarshal(raw, &t); err != nil {
				return fmt.Errorf("reading the answer of %s: %w", r.base, err)
			}
			list, raws = append(list, *listed(&t, r.base)), append(raws, raw)
		}
		page, total = header.Get("X-Next-Page"), header.Get("X-Total")
		if header.Get("X-Incomplete") != "" && page == "" {
			fmt.Fprintln(cmd.ErrOrStderr(), "Not all tokens have been looked through yet: some may be missing from this list.")
		}
		if f.Limit > 0 && len(list) >= f.Limit {
			list, raws = list[:f.Limit], raws[:f.Limit]
			break
		}
	}
	if terminal.WantsJSON(cmd) {
		if raws == nil {
			raws = []json.RawMessage{}
		}
		return terminal.PrintJSON(cmd.OutOrStdout(), raws)
	}
	n := len(list)
	_, _ = fmt.Sscan(total, &n)
	return PrintTokens(cmd, list, n, f)
}
