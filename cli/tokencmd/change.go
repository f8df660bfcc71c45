package tokencmd

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"patgate/admin/names"
	"patgate/admin/terms"
	"patgate/admin/tokens"
	"patgate/cli/desk"
	"patgate/cli/terminal"
	"patgate/policy"
	"patgate/store"
)

// errDeclined says that the user was asked and did not say yes.
var errDeclined = errors.New("nothing was changed")

// editHere edits a token of the local store, after it has said what changes; nil when nothing does. An edit that only takes away
// asks the forge nothing, so it works when the forge does not, or when a project is gone.
func editHere(cmd *cobra.Command, d *desk.Desk, id int64, q *tokens.Changes, amendments []amendment) (*tokens.Edited, error) {
	ctx := cmd.Context()
	before, err := d.Show(ctx, d.As, id)
	if err != nil {
		return nil, err
	}
	only := *q == (tokens.Changes{}) && !limited(cmd.Flags()) &&
		!slices.ContainsFunc(amendments, func(a amendment) bool { return a.add })
	after := before.Scopes
	switch {
	case len(amendments) > 0:
		if after, err = amended(ctx, d, id, before.Scopes, amendments); err != nil {
			return nil, err
		}
		if !only {
			scopes := terms.AsScopes(after)
			q.Scopes = &scopes
		}
	}
	book := names.Of(before.Names, time.Now())
	if q.Scopes != nil { // also for the names of the permissions that wildcards stand for
		if after, _, err = d.Planned(ctx, d.As, id, *q.Scopes); err != nil {
			return nil, err
		}
		scopes := terms.AsScopes(after)
		q.Scopes = &scopes
	}
	held, err := limitChanges(cmd, q, &before)
	if err != nil {
		return nil, err
	}
	dangers, err := desk.NewDangers(cmd.ErrOrStderr())
	if err != nil {
		return nil, err
	}
	lines := append(desk.Differences(before.Scopes, after, book, dangers), held...)
	more, err := confirmed(cmd, &before, append(lines, fieldChanges(q, &before)...))
	if err != nil || !more {
		return nil, err
	}
	if only {
		return d.Narrow(ctx, d.As, id, before.Revision, after)
	}
	q.Revision = before.Revision
	return d.Edit(ctx, d.As, id, *q)
}

// amended gives the scopes of a token after all amendments.
func amended(ctx context.Context, d *desk.Desk, id int64, scopes []policy.ScopeSpec,
	all []amendment) ([]policy.ScopeSpec, error) {
	for i := range all {
		a := &all[i]
		if a.where != nil {
			where := *a.where
			where.Permissions = a.names
			if !a.add {
				where.Permissions = []string{"*"} // any: it says where
			}
			places, err := placed(ctx, d, id, where)
			if err != nil {
				return nil, err
			}
			a.places = places
		}
		var err error
		if scopes, err = a.apply(scopes); err != nil {
			return nil, terminal.Usage(err)
		}
	}
	return scopes, nil
}

// placed gives a scope as it would be stored. Places that are given by id alone need no forge.
func placed(ctx context.Context, d *desk.Desk, id int64, where terms.Scope) ([]policy.ScopeSpec, error) {
	if spec, known := byID(&where); known && slices.Equal(where.Permissions, []string{"*"}) {
		return []policy.ScopeSpec{spec}, nil
	}
	specs, _, err := d.Planned(ctx, d.As, id, []terms.Scope{where})
	return specs, err
}

// byID gives a scope whose places are all given by id.
func byID(where *terms.Scope) (spec policy.ScopeSpec, known bool) {
	spec = policy.ScopeSpec{Access: where.Access, Permissions: where.Permissions}
	for from, to := range map[*[]string]*[]int64{&where.Projects: &spec.ProjectIDs, &where.Groups: &spec.GroupIDs} {
		for _, text := range *from {
			id, err := strconv.ParseInt(text, 10, 64)
			if err != nil {
				return spec, false
			}
			*to = append(*to, id)
		}
	}
	return spec, true
}

// fieldChanges says what else than scopes changes, one line each.
func fieldChanges(q *tokens.Changes, before *store.Listed) (lines []string) {
	for _, f := range []struct {
		name, old string
		fresh     *string
	}{
		{"name", before.Name, q.Name},
		{"description", before.Description, q.Description},
		{"expires", terminal.Stamp(before.ExpiresAt), q.ExpiresAt},
		{"renewable until", terminal.Stamp(before.RenewUntil), q.RenewUntil},
		{"report mode until", terminal.Stamp(before.ReportUntil), q.ReportUntil},
	} {
		if f.fresh == nil {
			continue
		}
		fresh := *f.fresh
		if fresh == "" {
			fresh = "none"
		}
		lines = append(lines, fmt.Sprintf("%s: %s, was %s", f.name, fresh, f.old))
	}
	return lines
}

// confirmed prints what changes, and asks when somebody sits at the terminal.
func confirmed(cmd *cobra.Command, l *store.Listed, lines []string) (more bool, err error) {
	out := cmd.ErrOrStderr()
	if len(lines) == 0 {
		fmt.Fprintf(out, "patgate: note: nothing changes in token %d %q\n", l.ID, l.Name)
		return false, nil
	}
	fmt.Fprintf(out, "patgate: token %d %q of %s:\n", l.ID, l.Name, l.Owner.Username)
	for _, line := range lines {
		fmt.Fprintln(out, "patgate:   "+line)
	}
	if yes, _ := cmd.Flags().GetBool("yes"); yes {
		return true, nil
	}
	if _, person := terminal.Person(cmd); !person {
		return true, nil
	}
	more, err = terminal.Confirm(cmd, "Change it?")
	if err == nil && !more {
		err = errDeclined
	}
	return more, err
}

// editAt changes a token of a running patgate.
func editAt(cmd *cobra.Command, r *desk.Remote, id int64, q *tokens.Changes, amendments []amendment) error {
	before, err := r.Token(cmd.Context(), id)
	if err != nil {
		return err
	}
	var lines []string
	book := names.Of(before.Names, time.Now())
	switch {
	case len(amendments) > 0:
		after := before.Scopes
		for i := range amendments {
			if err := amendments[i].byIDs(); err != nil {
				return terminal.Usage(err)
			}
			if after, err = amendments[i].apply(after); err != nil {
				return terminal.Usage(err)
			}
		}
		dangers, err := desk.NewDangers(cmd.ErrOrStderr())
		if err != nil {
			return err
		}
		lines = desk.Differences(before.Scopes, after, book, dangers)
		scopes := terms.AsScopes(after)
		q.Scopes = &scopes
	case q.Scopes != nil:
		lines = append(lines, "all scopes are replaced, which were:")
		lines = append(lines, desk.Describe(before.Scopes, book)...)
	}
	held, err := limitChanges(cmd, q, before)
	if err != nil {
		return err
	}
	more, err := confirmed(cmd, before, append(append(lines, held...), fieldChanges(q, before)...))
	if err != nil || !more {
		return err
	}
	body := map[string]any{}
	if before.Revision != 0 { // an older patgate tells none, and takes none
		body["revision"] = before.Revision
	}
	for name, v := range map[string]*string{
		"name":         q.Name,
		"description":  q.Description,
		"expires_at":   q.ExpiresAt,
		"renew_until":  q.RenewUntil,
		"report_until": q.ReportUntil,
	} {
		if v != nil {
			body[name] = *v
		}
	}
	if q.Scopes != nil {
		body["granular_scopes"] = *q.Scopes
	}
	if q.Limits != nil {
		body["limits"] = *q.Limits
	}
	if q.ForGood {
		body["for_good"] = true
	}
	return r.Show(cmd, http.MethodPatch, desk.Path(id, ""), body)
}

// byIDs finds the places of an amendment without the forge.
func (a *amendment) byIDs() error {
	if a.where == nil {
		return nil
	}
	where := *a.where
	where.Permissions = a.names
	spec, known := byID(&where)
	if !known {
		return errors.New("with --server, --add and --remove take projects and groups by id: patgate token show tells them")
	}
	a.places = []policy.ScopeSpec{spec}
	return nil
}
