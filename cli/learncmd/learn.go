package learncmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"patgate/admin/learning"
	"patgate/admin/names"
	"patgate/admin/terms"
	"patgate/admin/tokens"
	"patgate/cli/desk"
	"patgate/cli/terminal"
	"patgate/learn/propose"
	"patgate/routes"
	"patgate/store"
)

// New gives patgate learn.
func New() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "learn",
		Short: "Make the smallest grant that is enough for what a token really did",
		Long: `patgate keeps which permissions a token used on which projects and groups, by day; with learn.mode: on the forge's
own tokens too. From that it proposes the smallest grant that would have been enough, with a proof: everything
that was seen is allowed, and without any part of it something is denied. SUBJECT is the id of a patgate token, or
the number that patgate learn list shows for a forge token.`,
	}
	cmd.AddCommand(newLearnList(), newLearnShow(), newLearnPropose(), newLearnApply(), newLearnUnused())
	return cmd
}

// addLearnFlags gives a command what it takes to make a proposal.
func addLearnFlags(cmd *cobra.Command) {
	cmd.Flags().String("since", "30d", "how many days to look back")
	cmd.Flags().StringSlice("accept", nil, "permissions that may be proposed although they export, give rights, keep "+
		"secrets, make credentials or run code as the owner")
	cmd.Flags().Int64Slice("group", nil, "`IDS` of groups that the token is to reach as a whole, where the proposal asks")
	cmd.Flags().Bool("accept-suspect", false, "take in what was first seen from a new network or shortly before a leak was "+
		"reported")
	desk.AddCredentialFlags(cmd)
	desk.AddServerFlag(cmd)
}

// Days reads --since.
func Days(cmd *cobra.Command) (int, error) {
	text, _ := cmd.Flags().GetString("since")
	n, err := strconv.Atoi(strings.TrimSuffix(text, "d"))
	if err != nil || n < 1 {
		return 0, terminal.Usage(fmt.Errorf("--since %s is not a number of days: write 30d", text))
	}
	return n, nil
}

// proposalOf gets a proposal, from a running patgate or the local store, and then has it used.
func proposalOf(cmd *cobra.Command, arg string,
	use func(ctx context.Context, r *desk.Remote, d *desk.Desk, p *learning.Proposed) error) error {
	id, err := subjectID(arg)
	if err != nil {
		return err
	}
	days, err := Days(cmd)
	if err != nil {
		return err
	}
	var said learning.Choices
	said.Accept, _ = cmd.Flags().GetStringSlice("accept")
	said.Groups, _ = cmd.Flags().GetInt64Slice("group")
	said.Suspect, _ = cmd.Flags().GetBool("accept-suspect")
	query := url.Values{"since": {strconv.Itoa(days)}, "accept": {strings.Join(said.Accept, ",")}, "groups": {said.GroupList()}}
	if said.Suspect {
		query.Set("accept_suspect", "true")
	}
	propose := func(ctx context.Context, d *desk.Desk) (*learning.Proposed, error) {
		return learning.New(d.Service).Propose(ctx, d.As, id, days, said)
	}
	return learned(cmd, id, pathOf(id, "/proposal?")+query.Encode(), propose, use)
}

func newLearnPropose() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "propose SUBJECT",
		Short:   "Show the smallest grant that would have been enough for a token, with its proof",
		Example: `  patgate learn propose 1000000000042 --since 30d --accept push_code`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return proposalOf(cmd, args[0], func(ctx context.Context, r *desk.Remote, d *desk.Desk, p *learning.Proposed) error {
				if terminal.WantsJSON(cmd) {
					return terminal.PrintJSON(cmd.OutOrStdout(), p)
				}
				return printProposal(cmd.OutOrStdout(), p, desk.Book(ctx, r, d, p.TokenID))
			})
		},
	}
	addLearnFlags(cmd)
	return cmd
}

func newLearnApply() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "apply SUBJECT",
		Short: "Make a token with the smallest grant that would have been enough for another, and print its secret",
		Long: `Makes a new token; the other stays as it is until you revoke it. What the proposal leaves out because nobody has
accepted it is left out here too: see --accept.`,
		Example: `  patgate learn apply 1000000000042 --name "nightly, as it is" --expires 30d`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			name, _ := cmd.Flags().GetString("name")
			expires, _ := cmd.Flags().GetString("expires")
			return proposalOf(cmd, args[0], func(ctx context.Context, r *desk.Remote, d *desk.Desk, p *learning.Proposed) error {
				if len(p.Scopes) == 0 {
					return errors.New("there is nothing to grant: all that was seen needs your word (--accept)")
				}
				if !p.Yours {
					return fmt.Errorf("it is %s's: only they may replace it, with a forge token of their own", p.Username)
				}
				if name == "" {
					name = p.Suggested.Name
				}
				fmt.Fprint(cmd.ErrOrStderr(), notAsked(p.NotAsked))
				for _, u := range p.Unticked {
					fmt.Fprintf(cmd.ErrOrStderr(), "patgate: note: left out: %s %s (%s), it needs "+
						"--accept %s\n", u.Method, u.Route,
						strings.Join(u.Why, ", "), strings.Join(u.Permissions, ","))
				}
				seal, _ := cmd.Flags().GetBool("seal")
				if r != nil {
					return r.Mint(cmd, "tokens", map[string]any{"name": name, "expires_at": expires, "granular_scopes": p.Scopes,
						"seal": seal})
				}
				made, err := applyAt(ctx, d, p, tokens.Creation{Name: name, ExpiresAt: expires, Seal: seal})
				if err != nil {
					return desk.Told(cmd, err)
				}
				return d.Announce(cmd, made)
			})
		},
	}
	cmd.Flags().String("name", "", "what the token is for")
	cmd.Flags().String("expires", "", "how long it lives (12h, 30d) or when it ends (2026-12-31)")
	cmd.Flags().BoolP("quiet", "q", false, "print the secret alone")
	cmd.Flags().Bool("seal", false, "keep the forge token that this command shows sealed, for the new token to use")
	addLearnFlags(cmd)
	return cmd
}

// applyAt makes the token on the local store, bound to what the other one is bound to.
func applyAt(ctx context.Context, d *desk.Desk, p *learning.Proposed, q tokens.Creation) (*tokens.Created, error) {
	if p.TokenID != 0 {
		l, err := d.Show(ctx, d.As, p.TokenID)
		if err != nil {
			return nil, err
		}
		q.OwnerID, q.CredentialID, q.Seal = l.Owner.ID, l.CredentialID, false
	} else if d.As.UserID() == 0 {
		return nil, errors.New("only its owner may replace a forge token: give one of theirs with --credential-file")
	}
	for _, s := range p.Scopes {
		q.Scopes = append(q.Scopes, terms.Scope{Access: s.Access, Permissions: s.Permissions, ProjectIDs: s.ProjectIDs,
			GroupIDs: s.GroupIDs, Constraints: s.Constraints})
	}
	return d.Create(ctx, d.As, q)
}

// printProposal writes a proposal for people.
func printProposal(w io.Writer, p *learning.Proposed, book names.Book) error {
	var b strings.Builder
	c := &p.Confidence
	fmt.Fprintf(&b, "%s, %s: %s over %s, nothing new for %s.\n", title(p.TokenID, p.SubjectID, p.Name, p.Username),
		lastDays(p.Days), requests(c.Requests), days(c.Days), days(c.Quiet))
	for i, scope := range desk.Describe(p.Scopes, book) {
		fmt.Fprintf(&b, "Scope %d: %s\n", i+1, scope)
	}
	fmt.Fprintf(&b, "Proof: all of %s of %s are allowed, and each part is needed:\n", requests(p.Certificate.Requests),
		terminal.Count(p.Certificate.Allowed, "kind", "kinds"))
	for _, n := range p.Certificate.Needed {
		what, at := partOf(&n), n.Access
		switch {
		case n.ProjectID != 0:
			at = book.Short(store.Place{Kind: routes.RefProject, ID: n.ProjectID})
		case n.GroupID != 0:
			at = book.Short(store.Place{Kind: routes.RefGroup, ID: n.GroupID})
		}
		fmt.Fprintf(&b, "  %-32s %-24s %s  %s%s\n", what, at, n.Day, n.Witness, notHeld(n.NotHeld))
	}
	outside := func(title string, list []propose.Unticked) {
		if len(list) > 0 {
			fmt.Fprintln(&b, title)
		}
		for _, u := range list {
			fmt.Fprintf(&b, "  %s %s: %s (%s), %s%s\n", u.Method, u.Route, strings.Join(u.Permissions, ", "),
				strings.Join(u.Why, ", "), requests(u.Requests), notHeld(u.NotHeld))
		}
	}
	outside("Left out until you say so (--accept PERMISSION):", p.Unticked)
	outside("Set apart until you say so (--accept-suspect):", p.Quarantined)
	for _, g := range slices.DeleteFunc(slices.Clone(p.Groups), func(g propose.Group) bool { return g.Chosen }) {
		rest := "how many others it has is not known"
		if g.Of > 0 {
			rest = "that is " + terminal.Count(g.Of-len(g.Projects), "further project", "further projects") + " now"
		}
		group := book.Full(store.Place{Kind: routes.RefGroup, ID: g.ID})
		used := terminal.Count(len(g.Projects), "project of group "+group+" was", "projects of group "+group+" were")
		fmt.Fprintf(&b, "Question: %s used. Should the token reach the whole group (--group %d; %s)?\n", used, g.ID, rest)
	}
	for i, scopes := range p.Split {
		fmt.Fprintf(&b, "It could be %d tokens; number "+
			"%d: %s\n", len(p.Split), i+1, strings.Join(desk.Describe(scopes, book), "; "))
	}
	for _, row := range p.Certificate.Refused {
		fmt.Fprintf(&b, "Note: no grant allows %s under the current route table.\n", row)
	}
	for _, row := range p.Unknown {
		fmt.Fprintf(&b, "Note: %s is not a route of the current table.\n", row)
	}
	if p.Collapsed > 0 {
		fmt.Fprintf(&b, "Note: for %s the projects are not known: there were too many, or they could not be read.\n",
			kinds(p.Collapsed))
	}
	for _, g := range slices.DeleteFunc(slices.Clone(p.Below), func(g propose.Below) bool { return g.Chosen }) {
		were := "were all"
		if g.Kinds == 1 {
			were = "was"
		}
		fmt.Fprintf(&b, "Question: %d of these kinds (%s; %s) %s in group %d. "+
			"Should the token reach the whole group (--group %[5]d)?\n", g.Kinds, strings.Join(g.Permissions, ", "),
			requests(g.Requests), were, g.GroupID)
	}
	b.WriteString(notAsked(p.NotAsked))
	b.WriteString(Damaged(p.Damaged))
	for _, n := range p.Notes {
		fmt.Fprintf(&b, "Note: %s.\n", n)
	}
	if len(c.Once) > 0 {
		fmt.Fprintf(&b, "Seen on one day only: %s\n", strings.Join(c.Once, ", "))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// notHeld marks what the token does not hold today.
func notHeld(marked bool) string {
	if marked {
		return ", not held today"
	}
	return ""
}

// notAsked names groups that are not in a proposal although the user said yes to them.
func notAsked(groups []int64) string {
	var b strings.Builder
	for _, id := range groups {
		fmt.Fprintf(&b, "Note: group %d is not included. A proposal asks about a group when at least %d of its projects, "+
			"and half of them, were used, or when only the group of some requests is known.\n", id, propose.GroupAfter)
	}
	return b.String()
}

// partOf says what a part of a proposal is.
func partOf(n *propose.Needed) string {
	refs := strings.Join(n.Refs, ", ")
	switch {
	case n.Rule == "ref_deletes":
		return "deletes of " + refs
	case n.Rule == "tag_changes":
		return "changes of " + refs
	case refs != "":
		return n.Permission + " for " + refs
	}
	return n.Permission + n.Ref
}

// Lines writes requests that would have been denied, one kind a line.
func Lines(lost []propose.Lost) string {
	var b strings.Builder
	for _, l := range lost {
		at, missing := "", ""
		if l.Container != 0 {
			at = fmt.Sprintf(" on %s %d", l.Boundary, l.Container)
		}
		if len(l.Missing) > 0 {
			missing = " " + strings.Join(l.Missing, ", ")
		}
		fmt.Fprintf(&b, "  %s  %dx %s %s%s: %s%s\n", l.Date, l.Requests, l.Method, l.Route, at, l.Reason, missing)
	}
	return b.String()
}

// printSimulation writes what scopes would have denied.
func printSimulation(w io.Writer, s *learning.Simulated) error {
	var b strings.Builder
	fmt.Fprintf(&b, "would have denied %s of %s, of %s in %s\n", requests(s.Requests),
		terminal.Count(s.Kinds, "kind", "kinds"), requests(s.Observed), days(s.Days))
	b.WriteString(Lines(s.Denied))
	if s.Unclear > 0 {
		unclear := terminal.Count(s.Unclear, "further request", "further requests")
		fmt.Fprintf(&b, "for %s the projects are not known\n", unclear)
	}
	b.WriteString(Damaged(s.Damaged))
	_, err := io.WriteString(w, b.String())
	return err
}

// DryRun is patgate token edit --dry-run.
func DryRun(cmd *cobra.Command, id int64, q *tokens.Changes) error {
	days, err := Days(cmd)
	if err != nil {
		return err
	}
	s := &learning.Simulated{}
	r, err := desk.RemoteOf(cmd)
	if err != nil {
		return err
	}
	if r != nil {
		body := map[string]any{"since": strconv.Itoa(days)}
		if q.Scopes != nil {
			body["granular_scopes"] = *q.Scopes
		}
		_, err = r.Ask(cmd.Context(), http.MethodPost, desk.Path(id, "/simulate"), body, s)
	} else {
		err = desk.WithForge(cmd, func(ctx context.Context, d *desk.Desk) error {
			s, err = learning.New(d.Service).Simulate(ctx, d.As, id, days, q.Scopes)
			if err != nil {
				return desk.ToldOf(cmd, id, err)
			}
			return nil
		})
	}
	if err != nil {
		return err
	}
	if terminal.WantsJSON(cmd) {
		return terminal.PrintJSON(cmd.OutOrStdout(), s)
	}
	return printSimulation(cmd.OutOrStdout(), s)
}
