package tokencmd

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"patgate/admin/api"
	"patgate/admin/bulk"
	"patgate/admin/filters"
	"patgate/admin/tokens"
	"patgate/cli/desk"
	"patgate/cli/terminal"
	"patgate/routes"
	"patgate/store"
)

// The flags of a command that changes all tokens that match, beside those that say which.
const (
	allMatching = "all-matching"
	skipPrompt  = "yes"
	dryRun      = "dry-run"
)

// addMatching gives a command that changes single tokens the flags to change all that match filters.
func addMatching(cmd *cobra.Command) {
	cmd.Flags().Bool(allMatching, false, "all tokens that the filters leave, which are printed first; --yes does it "+
		"without asking")
	cmd.Flags().Bool(skipPrompt, false, "with --all-matching: do not ask")
	cmd.Flags().Bool(dryRun, false, "with --all-matching: print which these are, and what would change, and do nothing")
	addChoice(cmd)
}

// addChoice gives a command the flags that say which tokens are meant.
func addChoice(cmd *cobra.Command) {
	cmd.Flags().String("owner", "", "only of this owner (username, id, or user id at the forge)")
	cmd.Flags().String("state", "active", "active, inactive, expired, revoked, paused or any")
	cmd.Flags().String("search", "", "only with this text in name or description, or that name a project or group of this id, "+
		"or with this text in its path")
	cmd.Flags().String("project", "", "only those that name this project, by its id or path, or one below that path")
	cmd.Flags().String("group", "", "only those that name this group, by its id or path, or a group or project below that path")
	for _, name := range filters.Names() {
		cmd.Flags().String(name, "", filters.About(name))
	}
}

// narrowed are the flags that say which tokens are meant, whatever their state.
func narrowed() []string { return append(filters.Names(), "owner", "search", "project", "group") }

// notEmpty refuses a filter of nothing: it would not narrow, as when a script's variable is empty.
func notEmpty(cmd *cobra.Command) error {
	for _, name := range narrowed() {
		if text, _ := cmd.Flags().GetString(name); cmd.Flags().Changed(name) && strings.TrimSpace(text) == "" {
			return terminal.Usage(fmt.Errorf("--%s is empty: say which tokens are meant, or leave it out", name))
		}
	}
	return nil
}

// narrows tells whether a filter leaves out tokens, whatever their state.
func narrows(f *store.Filter) bool {
	return f.OwnerID != 0 || f.CredentialID != 0 || f.Search != "" || !f.Naming.Empty() || f.Holds != "" || f.Reach != nil ||
		f.Networked != nil || f.From.IsValid() || f.NeverUsed || !f.UnusedSince.IsZero() || f.Mark != store.MarkNone
}

// matching tells whether a command is to change all that match. Ids or secrets beside it, and filters without it, are mistakes.
func matching(cmd *cobra.Command, ids int) (bool, error) {
	is, _ := cmd.Flags().GetBool(allMatching)
	switch given := slices.ContainsFunc(append(narrowed(), "state"), cmd.Flags().Changed); {
	case !is && given:
		return false, terminal.Usage(errors.New("filters go with --all-matching"))
	case !is && cmd.Flags().Changed(dryRun):
		return false, terminal.Usage(errors.New("--dry-run goes with --all-matching"))
	case !is:
		return false, nil
	case ids > 0:
		return false, terminal.Usage(errors.New("give ids or --all-matching, not both"))
	case cmd.Flags().Changed("secret"):
		return false, terminal.Usage(errors.New("give --secret - or --all-matching, not both"))
	}
	r, err := desk.OpenRemote(cmd)
	if err == nil && r != nil {
		err = terminal.Usage(errors.New("--all-matching works on patgate's own machine, not with --server or PATGATE_SERVER"))
	}
	return err == nil, err
}

// step is what is done to one of the tokens that match.
type step struct {
	lines []string // what changes, or why nothing does
	do    func() error
}

// plan is what a command does to all tokens that match.
type plan struct {
	action bulk.Action
	past   string // Paused
	open   func(*cobra.Command, func(context.Context, *desk.Desk) error) error
	// of finds what is done to a token. One without do is left alone.
	of func(context.Context, *desk.Desk, *store.Listed) (step, error)
}

// simple is a plan that needs no words for each token: they are paused, or revoked.
func simple(action bulk.Action, past string) *plan {
	return &plan{action: action, past: past, open: func(cmd *cobra.Command, f func(context.Context, *desk.Desk) error) error {
		return desk.OnStore(cmd, judging(cmd), f)
	}}
}

// onMatching lists the tokens that the filters leave, with what changes in each, asks, and does it.
func onMatching(cmd *cobra.Command, p *plan) error {
	done := false
	err := p.open(cmd, func(ctx context.Context, d *desk.Desk) error {
		list, err := meant(ctx, cmd, d)
		if err != nil {
			return err
		}
		shown := cmd.OutOrStdout()
		if terminal.WantsJSON(cmd) {
			shown = cmd.ErrOrStderr()
		}
		var all []store.Listed
		var steps []step
		for i := range list {
			l := &list[i]
			s := step{do: func() error { return nil }}
			if p.of != nil {
				if s, err = p.of(ctx, d, l); err != nil {
					return desk.ToldOf(cmd, l.ID, err)
				}
			}
			fmt.Fprintf(shown, "%d  %-20s %q\n", l.ID, l.Owner.Username, l.Name)
			for _, line := range s.lines {
				fmt.Fprintln(shown, "  "+line)
			}
			if s.do != nil {
				all, steps = append(all, *l), append(steps, s)
			}
		}
		if len(all) == 0 {
			return errors.New("there is nothing to do in any of them")
		}
		if dry, _ := cmd.Flags().GetBool(dryRun); dry {
			_, err := fmt.Fprintf(cmd.ErrOrStderr(), "patgate: note: nothing was changed: --yes would %s %s\n", p.action,
				tokensOf(len(all)))
			return err
		}
		yes, _ := cmd.Flags().GetBool(skipPrompt)
		if !yes {
			if _, person := terminal.Person(cmd); !person {
				return terminal.Usage(fmt.Errorf("these are %s: --yes to %s them", tokensOf(len(all)), p.action))
			}
			if yes, err = terminal.Confirm(cmd, p.asks(len(all))); err != nil || !yes {
				return errors.Join(err, onlyIf(err == nil, "nothing was changed"))
			}
		}
		done = true
		return told(cmd, d, p.carryOut(ctx, cmd, d, all, steps), p.past)
	})
	if done {
		desk.AwaitForce(cmd.Context())
	}
	return err
}

// asks is the question before so many tokens are changed.
func (p *plan) asks(n int) string {
	return strings.ToUpper(string(p.action[:1])) + string(p.action[1:]) + " " + tokensOf(n) + "?"
}

// tokensOf counts tokens in words.
func tokensOf(n int) string { return terminal.Count(n, "token", "tokens") }

// carryOut does it to each. When the command is interrupted what is left is not begun.
func (p *plan) carryOut(ctx context.Context, cmd *cobra.Command, d *desk.Desk, list []store.Listed,
	steps []step) (all []bulk.Done) {
	if p.of == nil {
		reason, _ := cmd.Flags().GetString("reason")
		ids := make([]int64, len(list))
		for i := range list {
			ids[i] = list[i].ID
		}
		return bulk.Do(ctx, d.Service, d.As, bulk.Order{Action: p.action, Reason: reason}, ids)
	}
	for i := range list {
		one := bulk.Done{ID: list[i].ID, Name: list[i].Name, Owner: list[i].Owner.Username, Err: ctx.Err()}
		if one.Err == nil {
			one.Err = steps[i].do()
		}
		all = append(all, one)
	}
	return all
}

// meant gives the tokens that the filters leave.
func meant(ctx context.Context, cmd *cobra.Command, d *desk.Desk) ([]store.Listed, error) {
	f, asked, err := choice(ctx, cmd, d)
	if err != nil {
		return nil, err
	}
	if !narrows(&f) {
		return nil, terminal.Usage(errors.New("--all-matching without a filter would be every token: say which " +
			"(--owner, --can, --unused ...)"))
	}
	if r := f.Reach; r != nil {
		if known, err := named(ctx, d, r, asked.On.Path); err != nil || !known {
			return nil, errors.Join(err, onlyIf(err == nil, "no token names that place: --on takes one that a token names"))
		}
		r.May, r.Reports = nil, false // what only may reach a place, or do something, is not meant
	}
	f.Limit = 0
	list, total, err := d.List(ctx, d.As, 0, true, f)
	if err != nil {
		return nil, err
	}
	if lacks, err := d.Incomplete(ctx, &f); err != nil || lacks {
		return nil, errors.Join(err, onlyIf(lacks, "not all tokens have been looked through yet: start the gateway, and "+
			"try again"))
	}
	return list, onlyIf(total == 0, "no token matches")
}

// named tells whether some token names a place of exactly that path: those that reach hold the groups above it too.
func named(ctx context.Context, d *desk.Desk, r *store.Reach, at string) (bool, error) {
	group := path.Dir(at)
	if at == "" || group == "." {
		return at == "" || len(r.Places) > 0, nil
	}
	above, err := d.Store.Above(ctx, r.Origin, store.Naming{Kind: routes.RefGroup, Path: group}, 0)
	return len(r.Places) > len(above), err
}

// onlyIf is an error if something holds.
func onlyIf(is bool, text string) error {
	if is {
		return errors.New(text)
	}
	return nil
}

// told prints the outcome for each token. Each token that was not changed is an error.
func told(cmd *cobra.Command, d *desk.Desk, all []bulk.Done, past string) error {
	var failed []error
	good, already := 0, ""
	views := []*api.Token{}
	for _, one := range all {
		if one.Err != nil {
			failed = append(failed, desk.ToldOf(cmd, one.ID, one.Err))
			continue
		}
		if one.Already {
			already = ", and the others were so before or failed"
		} else {
			good++
		}
		if terminal.WantsJSON(cmd) {
			l, err := d.Show(cmd.Context(), d.As, one.ID)
			if err != nil {
				failed = append(failed, err)
				continue
			}
			views = append(views, api.View(&l, d.Now()))
		}
	}
	if terminal.WantsJSON(cmd) {
		failed = append(failed, terminal.PrintJSON(cmd.OutOrStdout(), views))
	} else {
		fmt.Fprintf(cmd.OutOrStdout(), "%s %d of %s%s.\n", past, good, tokensOf(len(all)), already)
	}
	return errors.Join(failed...)
}

// choice reads which tokens are meant, on the store of this machine.
func choice(ctx context.Context, cmd *cobra.Command, d *desk.Desk) (f store.Filter, asked *filters.Asked, err error) {
	if f, asked, err = listFilter(cmd); err != nil {
		return f, asked, err
	}
	if name, _ := cmd.Flags().GetString("owner"); name != "" {
		var o *tokens.Owned
		if o, err = d.FindOwner(ctx, name); err != nil {
			return f, asked, err
		}
		f.OwnerID = o.ID
	}
	if known, err := desk.Known(d.Config, f.Holds); err != nil || !known {
		return f, asked, errors.Join(err, onlyIf(err == nil, fmt.Sprintf("--%s: %q is not a permission (patgate "+
			"permissions search finds them)", filters.Can, f.Holds)))
	}
	f.Reach, err = d.Reach(ctx, d.As, true, asked.On, asked.Named, f.Holds)
	return f, asked, err
}
