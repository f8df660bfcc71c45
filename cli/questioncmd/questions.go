package questioncmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"patgate/admin/questions"
	"patgate/cli/desk"
	"patgate/cli/opening"
	"patgate/cli/terminal"
	"patgate/routes"
)

// question runs a question about grants, at a running patgate where one is named, else on the local store with the forge
// behind it, and prints the answer.
func question[T any](cmd *cobra.Command, path string, query url.Values,
	local func(context.Context, *questions.Service, *desk.Desk) (*T, error), print func(io.Writer, *T),
	failed func(*T) error) error {
	a := new(T)
	r, err := desk.RemoteOf(cmd)
	switch {
	case err != nil:
		return err
	case r != nil:
		_, err = r.Ask(cmd.Context(), http.MethodGet, path+"?"+query.Encode(), nil, a)
	default:
		err = desk.WithForge(cmd, func(ctx context.Context, d *desk.Desk) error {
			a, err = local(ctx, opening.Questions(d.Config, d.Service), d)
			return desk.Told(cmd, err)
		})
	}
	if err != nil {
		return err
	}
	if terminal.WantsJSON(cmd) {
		if err := terminal.PrintJSON(cmd.OutOrStdout(), a); err != nil {
			return err
		}
		return failed(a)
	}
	var b strings.Builder
	print(&b, a)
	if _, err := io.WriteString(cmd.OutOrStdout(), b.String()); err != nil {
		return err
	}
	return failed(a)
}

// addQuestionFlags gives a command what it needs to ask.
func addQuestionFlags(cmd *cobra.Command) {
	desk.AddCredentialFlags(cmd)
	desk.AddServerFlag(cmd)
}

// CanCommand gives patgate token can.
func CanCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "can ID METHOD PATH",
		Short: "Say whether a token may make a request, without making it",
		Long: `Reads the request as the gateway would, finds the project or group that it names, and asks the policy. There
is no body to look at: what a body could change is noted. The exit code is 0 for yes and 1 for anything else.`,
		Example: `  patgate token can 1000000000042 GET /projects/group%2Fapp/jobs
  patgate token can 1000000000042 POST /group/app.git/git-receive-pack`,
		Args: cobra.ExactArgs(3),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := desk.ID(args[0])
			if err != nil {
				return err
			}
			from, _ := cmd.Flags().GetString("from")
			at, _ := cmd.Flags().GetString("at")
			m, err := moment(from, at)
			if err != nil {
				return terminal.Usage(err)
			}
			return CanAt(cmd, id, args[1], args[2], m)
		},
	}
	cmd.Flags().String("from", "", "from which address the request would come, the client's and no proxy's, for a token that is "+
		"limited to networks")
	cmd.Flags().String("at", "", "at which time (2026-12-31T08:00:00Z), for one that is limited to some; now, when not given")
	addQuestionFlags(cmd)
	return cmd
}

// moment reads --from and --at.
func moment(from, at string) (m questions.Moment, err error) {
	if from != "" {
		if m.From, err = netip.ParseAddr(from); err != nil {
			return m, fmt.Errorf("--from %q is not an address", from)
		}
	}
	if at != "" {
		if m.At, err = time.Parse(time.RFC3339, at); err != nil {
			return m, fmt.Errorf("--at %q is not a time: write 2026-12-31T08:00:00Z", at)
		}
	}
	return m, nil
}

// Can answers whether a token may make a request, now.
func Can(cmd *cobra.Command, id int64, method, path string) error {
	return CanAt(cmd, id, method, path, questions.Moment{})
}

// CanAt answers whether a token may make a request that comes from somewhere at some time.
func CanAt(cmd *cobra.Command, id int64, method, path string, m questions.Moment) error {
	asked := url.Values{"method": {method}, "path": {path}}
	if m.From.IsValid() {
		asked.Set("from", m.From.String())
	}
	if !m.At.IsZero() {
		asked.Set("at", m.At.Format(time.RFC3339))
	}
	dangers, err := desk.NewDangers(cmd.OutOrStdout())
	if err != nil {
		return err
	}
	return question(cmd, desk.Path(id, "/can"), asked,
		func(ctx context.Context, s *questions.Service, d *desk.Desk) (*questions.Verdict, error) {
			return s.CanAt(ctx, d.As, id, method, path, m)
		},
		func(w io.Writer, v *questions.Verdict) {
			fmt.Fprintf(w, "%s: %s\n", v.Answer, v.Reason)
			fact := func(name, value string) {
				if value != "" {
					fmt.Fprintf(w, "%-12s %s\n", name, value)
				}
			}
			fact("route", v.Route)
			fact("permission", strings.Join(dangers.Told(v.Permissions), " and "))
			fact("missing", strings.Join(v.Missing, ", "))
			fact("limit", v.Ceiling)
			fact("forbidden", strings.Join(v.Forbidden, ", "))
			fact("boundary", v.Boundary)
			if v.State != "active" {
				fact("state", v.State)
			}
			for _, on := range v.Where {
				fact("on", on.Words)
			}
			for _, note := range v.Notes {
				fact("note", note)
			}
		},
		func(v *questions.Verdict) error {
			switch {
			case v.Answer != "yes":
				return fmt.Errorf("token %d: %s", id, v.Answer)
			case v.State != "active":
				return fmt.Errorf("token %d is %s", id, v.State)
			}
			return nil
		})
}

// placeQuery puts a place into a query.
func placeQuery(q url.Values, p *questions.Place) url.Values {
	if p != nil {
		q.Set(p.Boundary.String(), p.Name)
	}
	return q
}

// PlaceOf reads --project and --group. At most one may be given.
func PlaceOf(cmd *cobra.Command) (*questions.Place, error) {
	project, _ := cmd.Flags().GetString("project")
	group, _ := cmd.Flags().GetString("group")
	switch {
	case project != "" && group != "":
		return nil, terminal.Usage(errors.New("give --project or --group, not both"))
	case project != "":
		return &questions.Place{Boundary: routes.BoundaryProject, Name: project}, nil
	case group != "":
		return &questions.Place{Boundary: routes.BoundaryGroup, Name: group}, nil
	}
	return nil, nil
}

// ProveCommand gives patgate token prove.
func ProveCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "prove ID --never PERMISSION",
		Short: "Prove that a token never uses a permission in a place, or show where it does",
		Long: `Goes through everything that the token's scopes can tell apart: each project and group that they name, and for each
group whatever else is in it, made later too. Without --in or --project, all places count. The exit code is 0 when the
permission is never used there; else it is 1, and a request that uses it is shown.`,
		Example: `  patgate token prove 1000000000042 --never merge_merge_request --in group/prod`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := desk.ID(args[0])
			if err != nil {
				return err
			}
			if in, _ := cmd.Flags().GetString("in"); in != "" {
				if cmd.Flags().Changed("group") {
					return terminal.Usage(errors.New("--in and --group are the same: give one"))
				}
				_ = cmd.Flags().Set("group", in)
			}
			in, err := PlaceOf(cmd)
			if err != nil {
				return err
			}
			never, _ := cmd.Flags().GetString("never")
			if never == "" {
				return terminal.Usage(errors.New("say which permission: --never merge_merge_request"))
			}
			return question(cmd, desk.Path(id, "/prove"), placeQuery(url.Values{"never": {never}}, in),
				func(ctx context.Context, s *questions.Service, d *desk.Desk) (*questions.Proof, error) {
					return s.Prove(ctx, d.As, id, never, in)
				}, printProof,
				func(p *questions.Proof) error {
					if p.Never {
						return nil
					}
					return fmt.Errorf("token %d holds %s there", id, never)
				})
		},
	}
	cmd.Flags().String("never", "", "permission that it should never use")
	cmd.Flags().String("in", "", "group, by its path or id, with everything below it")
	cmd.Flags().String("group", "", "the same as --in")
	cmd.Flags().String("project", "", "project, by its path or id")
	addQuestionFlags(cmd)
	return cmd
}

func printProof(w io.Writer, p *questions.Proof) {
	in := "anywhere"
	if p.In != "" {
		in = "in " + p.In
	}
	if p.Never {
		fmt.Fprintf(w, "yes: token %d never uses %s %s, nor in what is made there later.\n", p.TokenID, p.Permission, in)
		return
	}
	if p.Witness == nil {
		fmt.Fprintf(w, "no: %s\n", p.Note)
		return
	}
	fmt.Fprintf(w, "no: token %d holds %s on %s\n", p.TokenID, p.Permission, p.Witness.Where.Words)
	if p.Witness.Route == "" {
		fmt.Fprintln(w, "No route of the table uses it by itself there; texts, push options and later tables may.")
		return
	}
	fmt.Fprintf(w, "%-12s %s\n", "route", p.Witness.Route)
}

// DiffCommand gives patgate token diff.
func DiffCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "diff A B",
		Short: "Say what token B opens that token A does not",
		Long: `Compares two tokens of one owner, by permissions and routes on every project and group that their scopes tell
apart. The exit code is 0 when B opens nothing that A does not, else 1.`,
		Example: `  patgate token diff 1000000000042 1000000000043`,
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			a, err := desk.ID(args[0])
			if err != nil {
				return err
			}
			b, err := desk.ID(args[1])
			if err != nil {
				return err
			}
			return question(cmd, desk.Path(a, "/diff"), url.Values{"with": {strconv.FormatInt(b, 10)}},
				func(ctx context.Context, s *questions.Service, d *desk.Desk) (*questions.Differences, error) {
					return s.Diff(ctx, d.As, a, b)
				}, printDifferences,
				func(d *questions.Differences) error {
					if len(d.Opens)+len(d.Notes) == 0 {
						return nil
					}
					return fmt.Errorf("token %d opens what token %d does not", b, a)
				})
		},
	}
	addQuestionFlags(cmd)
	return cmd
}

func printDifferences(w io.Writer, d *questions.Differences) {
	for _, note := range d.Notes {
		fmt.Fprintf(w, "%s.\n", note)
	}
	if len(d.Opens) == 0 {
		fmt.Fprintf(w, "Token %d opens nothing that token %d does not.\n", d.With, d.TokenID)
	}
	for _, o := range d.Opens {
		fmt.Fprintf(w, "%s\n", o.Where.Words)
		for _, name := range o.Permissions {
			fmt.Fprintf(w, "  + %s\n", name)
		}
		for _, name := range o.Loosened {
			fmt.Fprintf(w, "  ~ %s, with fewer limits on refs\n", name)
		}
		for _, row := range o.Routes {
			fmt.Fprintf(w, "    %s\n", row)
		}
	}
}

// WhoCanCommand gives patgate token who-can.
func WhoCanCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "who-can PERMISSION --project PROJECT | --group GROUP",
		Short: "List the active tokens that hold a permission on a project or group",
		Long: `Looks through the tokens that you may list. With --server these are your own; with --all, for administrators, they
are everyone's.`,
		Example: `  patgate token who-can push_code --project group/app`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			on, err := PlaceOf(cmd)
			if err != nil {
				return err
			}
			if on == nil {
				return terminal.Usage(errors.New("say where: --project group/app or --group group"))
			}
			all, _ := cmd.Flags().GetBool("all")
			query := placeQuery(url.Values{"permission": {args[0]}}, on)
			if all {
				query.Set("all", "true")
			}
			return question(cmd, "who-can", query,
				func(ctx context.Context, s *questions.Service, d *desk.Desk) (*questions.Ables, error) {
					return s.WhoCan(ctx, d.As, args[0], *on, true)
				}, printAbles, func(*questions.Ables) error { return nil })
		},
	}
	cmd.Flags().String("project", "", "project, by its path or id")
	cmd.Flags().String("group", "", "group, by its path or id")
	cmd.Flags().Bool("all", false, "everyone's tokens")
	addQuestionFlags(cmd)
	return cmd
}

func printAbles(w io.Writer, a *questions.Ables) {
	if len(a.Tokens)+len(a.Unknown) == 0 {
		fmt.Fprintf(w, "No active token holds %s on %s.\n", a.Permission, a.On)
	}
	line := func(t *questions.Able, more string) {
		fmt.Fprintf(w, "%d  %-20s %s%s\n", t.ID, t.Username, t.Name, more)
	}
	for i := range a.Tokens {
		more := ""
		switch {
		case a.Tokens[i].ReportMode:
			more = " (in report mode)"
		case a.Tokens[i].Constrained:
			more = " (with limits on refs)"
		}
		line(&a.Tokens[i], more)
	}
	for i := range a.Unknown {
		line(&a.Unknown[i], " (unknown: its owner's forge token no longer works)")
	}
}
