package routecmd

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"patgate/cli/terminal"
	"patgate/routes"
	"patgate/routes/nearest"
)

func newRoutesList() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "list",
		Short: "Print the rows of the route table",
		Example: `  patgate routes list --resource job
  patgate routes list --json --routes ./my-routes`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			table, err := loadTable(cmd)
			if err != nil {
				return err
			}
			resource, _ := cmd.Flags().GetString("resource")
			rows, err := listRows(table, resource)
			if err != nil {
				return err
			}
			if asJSON, _ := cmd.Flags().GetBool("json"); asJSON {
				return terminal.PrintJSON(cmd.OutOrStdout(), rows)
			}
			t := terminal.Table{Head: []string{"METHOD", "PATH", "PERMISSION", "BOUNDARY", "NOTES", "SOURCE"}, Wide: true}
			for _, r := range rows {
				needs := strings.Join(r.Permissions, "+")
				if needs == "" {
					needs = "(" + r.Kind + ")"
				}
				t.Add(r.Method, r.Path, needs, strings.Join(r.Boundaries, ","), strings.Join(r.notes(), ", "), r.Source)
			}
			return t.Write(cmd.OutOrStdout())
		},
	}
	cmd.Flags().String("resource", "", "only rows of this resource, in snake case: merge_request")
	cmd.Flags().Bool("json", false, "print a JSON array")
	overlayFlag(cmd)
	return cmd
}

// listedRow is a row as `routes list --json` prints it.
type listedRow struct {
	Method      string   `json:"method"`
	Path        string   `json:"path"`
	Kind        string   `json:"kind"`
	Category    string   `json:"category"`
	Resource    string   `json:"resource"`
	Action      string   `json:"action"`
	Permissions []string `json:"permissions"`
	Boundaries  []string `json:"boundaries"`
	Public      bool     `json:"public"`
	Spans       bool     `json:"spans"`
	Container   string   `json:"container"`
	Mints       string   `json:"mints"`
	Escapes     string   `json:"escapes"`
	Effects     []string `json:"effects"`
	Refused     string   `json:"refused"`
	Credential  string   `json:"credential"`
	Since       int      `json:"since"`
	Source      string   `json:"source"`
}

// listRows gives the rows of a resource, or all of them when it is empty. An unknown resource is an error that names
// near ones.
func listRows(table *routes.Table, resource string) ([]listedRow, error) {
	rows := []listedRow{}
	resources := map[string]bool{}
	for _, r := range table.Routes() {
		resources[r.Resource] = true
		if resource != "" && r.Resource != resource {
			continue
		}
		row := listedRow{
			Method:      r.Method,
			Path:        r.Path,
			Kind:        r.Kind.String(),
			Category:    r.Category,
			Resource:    r.Resource,
			Action:      r.Action,
			Permissions: table.Catalogue().Names(r.Needs),
			Boundaries:  []string{},
			Public:      r.Public,
			Spans:       r.Spans,
			Container:   r.Find.String(),
			Mints:       r.Mints,
			Escapes:     r.Escapes,
			Effects:     append([]string{}, r.Effects...),
			Refused:     r.Refused,
			Credential:  r.Credential,
			Since:       r.Since,
			Source:      r.Source.String(),
		}
		for _, b := range r.Boundaries {
			row.Boundaries = append(row.Boundaries, b.String())
		}
		rows = append(rows, row)
	}
	if resource != "" && len(rows) == 0 {
		var known []string
		for name := range resources {
			known = append(known, name)
		}
		return nil, terminal.Usage(fmt.Errorf("no row has resource %q (%s)", resource,
			nearest.DidYouMean(resource, known, "see patgate routes list")))
	}
	return rows, nil
}

// notes are the flags of a row in a listing for people.
func (r listedRow) notes() []string {
	var out []string
	if r.Public {
		out = append(out, "public")
	}
	if r.Spans {
		out = append(out, "spans")
	}
	switch {
	case r.Mints != "" && r.Escapes != "":
		out = append(out, "mints "+r.Mints+" (by name alone)")
	case r.Mints != "":
		out = append(out, "mints "+r.Mints)
	}
	if r.Credential != "" {
		out = append(out, "takes "+r.Credential)
	}
	if r.Refused != "" {
		out = append(out, "refused")
	}
	return append(out, r.Effects...)
}
