package cli

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"patgate/admin/api"
	"patgate/admin/catalogue"
	"patgate/admin/tokens"
	"patgate/policy"
	"patgate/routes"
	"patgate/routes/load"
	"patgate/store"
)

func newTokenList() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List tokens with what they reach",
		Long: `Lists tokens with what they reach. Those with a permission by which deploy keys, deploy tokens,
access tokens or triggers are made are marked: such credentials work past patgate, and outlive it.`,
		Example: `  patgate token list --state any --sort last_used_asc`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			f, err := listFilter(cmd)
			if err != nil {
				return err
			}
			if r, err := remoteOf(cmd); r != nil || err != nil {
				if err != nil {
					return err
				}
				return r.list(cmd, f)
			}
			return onStore(cmd, nil, func(ctx context.Context, d *desk) error {
				if name, _ := cmd.Flags().GetString("owner"); name != "" {
					o, err := d.findOwner(ctx, name)
					if err != nil {
						return err
					}
					f.OwnerID = o.ID
				}
				list, total, err := d.List(ctx, d.as, 0, true, f)
				if err != nil {
					return err
				}
				if wantsJSON(cmd) {
					views := []*api.Token{}
					for i := range list {
						views = append(views, api.View(&list[i], f.Now))
					}
					return printJSON(cmd.OutOrStdout(), views)
				}
				return printTokens(cmd, list, total, f)
			})
		},
	}
	cmd.Flags().String("owner", "", "only of this owner (username or id)")
	cmd.Flags().String("state", "active", "active, inactive, expired, revoked, paused or any")
	cmd.Flags().String("search", "", "only with this text in name or description")
	cmd.Flags().String("sort", "created_desc", "created, expires, last_used or name, with _asc or _desc")
	cmd.Flags().Int("limit", 0, "at most so many (0 is all)")
	cmd.Flags().Bool("wide", false, "every scope with all its permissions, however long the lines get")
	addStoreFlags(cmd)
	addServerFlag(cmd)
	completeList(cmd)
	return cmd
}

func listFilter(cmd *cobra.Command) (f store.Filter, err error) {
	state, _ := cmd.Flags().GetString("state")
	if f.State, err = store.ParseState(state); err != nil {
		return f, usageError{err}
	}
	order, _ := cmd.Flags().GetString("sort")
	if f.Sort, err = store.ParseSort(order); err != nil {
		return f, usageError{err}
	}
	f.Search, _ = cmd.Flags().GetString("search")
	f.Limit, _ = cmd.Flags().GetInt("limit")
	f.Now = time.Now()
	return f, nil
}

// printTokens marks those that make credentials. Which forge they are for need not be known: the names of permissions are the
// same.
func printTokens(cmd *cobra.Command, list []store.Listed, total int, f store.Filter) error {
	out := cmd.OutOrStdout()
	if len(list) == 0 {
		_, err := fmt.Fprintf(out, "There is no such token (state: %s).\n", f.State)
		return err
	}
	var tables []*routes.Table
	for _, forge := range []func() (*routes.Table, error){load.GitLab, load.Gitea} {
		table, err := forge()
		if err != nil {
			return err
		}
		tables = append(tables, table)
	}
	wide, _ := cmd.Flags().GetBool("wide")
	t := table{head: []string{"ID", "NAME", "OWNER", "STATE", "EXPIRES", "LAST USED", "SCOPES"}}
	for i := range list {
		l := &list[i]
		scopes := summary(l.Scopes)
		if wide {
			scopes = strings.Join(describe(l.Scopes), "; ")
		}
		makes := func(t *routes.Table) bool {
			return slices.ContainsFunc(l.Scopes, func(s policy.ScopeSpec) bool { return len(catalogue.Minting(s.Permissions, t)) > 0 })
		}
		if slices.ContainsFunc(tables, makes) {
			scopes = "MAKES CREDENTIALS: " + scopes
		}
		state, _ := tokens.State(l, f.Now)
		t.add(strconv.FormatInt(l.ID, 10), l.Name, l.Owner.Username, state, until(l.ExpiresAt, f.Now), ago(l.LastUsedAt, f.Now),
			scopes)
	}
	width := terminalWidth(out)
	if wide {
		width = 0
	}
	if err := t.write(out, width); err != nil {
		return err
	}
	if total > len(list) {
		_, err := fmt.Fprintf(out, "%d of %d.\n", len(list), total)
		return err
	}
	return nil
}

// until writes when a token expires: "in 5d", or how long it is over.
func until(t, now time.Time) string {
	if t.After(now) {
		return "in " + span(t.Sub(now))
	}
	return ago(t, now)
}

// summary tells in a few words where a token reaches and how much it may do there.
func summary(scopes []policy.ScopeSpec) string {
	var parts []string
	for i := range scopes {
		s := &scopes[i]
		what := strconv.Itoa(len(s.Permissions)) + " permissions"
		if len(s.Permissions) <= 2 {
			what = strings.Join(s.Permissions, ",")
		}
		parts = append(parts, what+" on "+place(s))
	}
	return strings.Join(parts, "; ")
}

// describe gives one line for each scope, with all its permissions.
func describe(scopes []policy.ScopeSpec) []string {
	var lines []string
	for i := range scopes {
		line := place(&scopes[i]) + ": " + strings.Join(scopes[i].Permissions, ", ")
		if patterns := scopes[i].Constraints.RefPatterns; len(patterns) > 0 {
			line += " (pushes only to " + strings.Join(patterns, ", ") + ")"
		}
		if scopes[i].Constraints.ForbidRefDeletes {
			line += " (pushes delete no refs)"
		}
		if scopes[i].Constraints.ForbidTagChanges {
			line += " (pushes change no tags)"
		}
		lines = append(lines, line)
	}
	return lines
}

// place tells where a scope reaches.
func place(s *policy.ScopeSpec) string {
	var parts []string
	switch s.Access {
	case policy.AccessPersonalProjects.String():
		return "all personal projects"
	case policy.AccessAllMemberships.String():
		return "everything the owner is a member of"
	case policy.AccessUser.String():
		return "the owner's account"
	case policy.AccessInstance.String():
		return "the instance"
	}
	numbered := func(one, many string, ids []int64) {
		if len(ids) == 0 {
			return
		}
		ids = slices.Clone(ids)
		slices.Sort(ids)
		text := make([]string, len(ids))
		for i, id := range ids {
			text[i] = strconv.FormatInt(id, 10)
		}
		if len(ids) > 1 {
			one = many
		}
		parts = append(parts, one+" "+strings.Join(text, ","))
	}
	numbered("project", "projects", s.ProjectIDs)
	numbered("group", "groups", s.GroupIDs)
	return strings.Join(parts, " and ")
}
