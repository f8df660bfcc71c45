package learncmd

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"patgate/admin/learning"
	"patgate/admin/names"
	"patgate/cli/desk"
	"patgate/cli/opening"
	"patgate/cli/settings"
	"patgate/cli/terminal"
	"patgate/learn/propose"
	"patgate/routes"
	"patgate/store"
)

func newLearnUnused() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "unused [ID]",
		Short: "Say which rights of a token, or of all, were not used",
		Long: `A permission of a scope, or a place of it, is unused when everything that the token did would be allowed without
it. With an ID it lists what would go and what would stay; patgate token narrow takes away what is unused. A token
that was made or given more within the time that is looked at is not judged.`,
		Example: `  patgate learn unused
  patgate learn unused 1000000000042 --since 30d`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			days, err := Days(cmd)
			if err != nil {
				return err
			}
			if len(args) == 0 {
				return unusedOfAll(cmd, days)
			}
			id, err := desk.ID(args[0])
			if err != nil {
				return err
			}
			f, book, err := findingOf(cmd, id, days)
			switch {
			case err != nil:
				return err
			case terminal.WantsJSON(cmd):
				return terminal.PrintJSON(cmd.OutOrStdout(), f)
			}
			return printFinding(cmd.OutOrStdout(), f, book)
		},
	}
	settings.AddStore(cmd)
	AddFindingFlags(cmd)
	cmd.Flags().Bool("all", false, "with --server, as an administrator: of everyone's tokens")
	return cmd
}

// AddFindingFlags gives a command what it takes to make a finding.
func AddFindingFlags(cmd *cobra.Command) {
	cmd.Flags().String("since", "60d", "how long a right must have been unused, in days")
	desk.AddServerFlag(cmd)
}

// findingOf gets the finding of a token, with what its places are called, from a running patgate or the local store.
func findingOf(cmd *cobra.Command, id int64, days int) (f *learning.Finding, book names.Book, err error) {
	r, err := desk.RemoteOf(cmd)
	if err != nil {
		return nil, book, err
	}
	if r != nil {
		f = &learning.Finding{}
		_, err = r.Ask(cmd.Context(), http.MethodGet, desk.Path(id, "/unused?since=")+strconv.Itoa(days), nil, f)
		return f, desk.Book(cmd.Context(), r, nil, id), err
	}
	err = desk.OnStore(cmd, opening.Table, func(ctx context.Context, d *desk.Desk) (err error) {
		if f, err = learning.New(d.Service).Find(ctx, d.As, id, days); err != nil {
			return desk.ToldOf(cmd, id, err)
		}
		book = desk.Book(ctx, nil, d, id)
		return nil
	})
	return f, book, err
}

// unusedOfAll prints a line for each token.
func unusedOfAll(cmd *cobra.Command, days int) error {
	var list []learning.Finding
	r, err := desk.RemoteOf(cmd)
	if err != nil {
		return err
	}
	if r != nil {
		all, _ := cmd.Flags().GetBool("all")
		q := url.Values{"since": {strconv.Itoa(days)}, "per_page": {"100"}, "all": {strconv.FormatBool(all)}}
		for page := "1"; page != ""; {
			q.Set("page", page)
			var part []learning.Finding
			header, err := r.Ask(cmd.Context(), http.MethodGet, "unused?"+q.Encode(), nil, &part)
			if err != nil {
				return err
			}
			list, page = append(list, part...), header.Get("X-Next-Page")
		}
	} else {
		err = desk.OnStore(cmd, opening.Table, func(ctx context.Context, d *desk.Desk) (err error) {
			list, _, err = learning.New(d.Service).Findings(ctx, d.As, days, true, 0, 0)
			return desk.Told(cmd, err)
		})
		if err != nil {
			return err
		}
	}
	if terminal.WantsJSON(cmd) {
		return terminal.PrintJSON(cmd.OutOrStdout(), list)
	}
	t := terminal.Table{Head: []string{"ID", "NAME", "OWNER", "FOUND"}}
	for i := range list {
		f := &list[i]
		t.Add(strconv.FormatInt(f.TokenID, 10), f.Name, f.Owner, f.Text)
	}
	return t.Write(cmd.OutOrStdout())
}

// printFinding writes a finding for people.
func printFinding(w io.Writer, f *learning.Finding, book names.Book) error {
	var b strings.Builder
	fmt.Fprintf(&b, "Token %d %q: %s.\n", f.TokenID, f.Name, f.Text)
	if f.Rights != nil {
		part := func(title string, rights []propose.Right) {
			if len(rights) > 0 {
				fmt.Fprintln(&b, title)
			}
			for _, one := range rights {
				what := one.Permission
				switch {
				case one.ProjectID != 0:
					what = book.Short(store.Place{Kind: routes.RefProject, ID: one.ProjectID})
				case one.GroupID != 0:
					what = book.Short(store.Place{Kind: routes.RefGroup, ID: one.GroupID})
				}
				fmt.Fprintf(&b, "  scope %d  %s", one.Scope, what)
				if one.Requests > 0 {
					need := terminal.Count(one.Requests, "request needs", "requests need")
					fmt.Fprintf(&b, "  (%s it, last on %s)", need, one.Last)
				}
				fmt.Fprintln(&b)
			}
		}
		part("Goes:", f.Rights.Goes)
		part("Stays:", f.Rights.Stays)
		for _, note := range f.Rights.Notes {
			fmt.Fprintf(&b, "Note: %s.\n", note)
		}
		if f.Rights.Unclear > 0 {
			fmt.Fprintf(&b, "Note: for %s the projects are no longer known. What they need stays.\n", kinds(f.Rights.Unclear))
		}
	}
	if f.Damaged > 0 {
		records := terminal.Count(f.Damaged, "record", "records")
		fmt.Fprintf(&b, "Note: %s of what it did could not be read.\n", records)
	}
	switch f.Standing {
	case learning.SomeUnused:
		fmt.Fprintf(&b, "patgate token narrow %d takes away what goes; it can be undone for 14 days.\n", f.TokenID)
	case learning.NothingUsed:
		fmt.Fprintf(&b, "patgate token revoke %d ends it.\n", f.TokenID)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
