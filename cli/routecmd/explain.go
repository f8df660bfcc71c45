package routecmd

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"patgate/cli/desk"
	"patgate/cli/questioncmd"
	"patgate/cli/settings"
	"patgate/cli/terminal"
	"patgate/proxy/surfaces"
	"patgate/routes"
	"patgate/routes/inspect"
)

// maxExplainLine bounds a line of `routes explain -`, in bytes. A longer target would be refused anyway.
const maxExplainLine = 64 << 10

func newRoutesExplain() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "explain METHOD PATH | - | --graphql FILE",
		Short: "Say what a token needs for a request, and which row says so",
		Long: `Reads a method and a concrete target as the server would, and tells the row that it
matches: its permissions, boundary, file and line, further containers that are checked, and
why it would be refused. The path may be given without /api/v4.

With - it reads lines "METHOD PATH" from standard input and prints one JSON object a line.

With --graphql it reads a GraphQL document, or a request {"query", "variables", "operationName"},
and tells all that it does: each permission, and on what. --graphql - reads requests from
standard input, one on a line, and prints one JSON object a line.`,
		Example: `  patgate routes explain GET /projects/group%2Fproject/jobs
  patgate routes explain --json POST /api/v4/projects/5/issues/3/move
  patgate routes explain GET '/group/project.git/info/refs?service=git-receive-pack'
  patgate routes explain --token 1000000000042 GET /projects/group%2Fapp/jobs
  patgate routes explain - < requests.txt
  patgate routes explain --graphql query.graphql`,
		Args: func(cmd *cobra.Command, args []string) error {
			if cmd.Flags().Changed("graphql") {
				return cobra.NoArgs(cmd, args)
			}
			if len(args) == 2 || len(args) == 1 && args[0] == "-" {
				return nil
			}
			return errors.New("give METHOD and PATH, or - to read them from standard input")
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if text, _ := cmd.Flags().GetString("token"); text != "" {
				return explainForToken(cmd, text, args)
			}
			if name, _ := cmd.Flags().GetString("graphql"); cmd.Flags().Changed("graphql") {
				return explainDocuments(cmd, name)
			}
			table, err := loadTable(cmd)
			if err != nil {
				return err
			}
			if args[0] == "-" {
				return explainLines(table, terminal.Input(cmd), cmd.OutOrStdout())
			}
			e := explain(table, strings.ToUpper(args[0]), args[1])
			if asJSON, _ := cmd.Flags().GetBool("json"); asJSON {
				return terminal.PrintJSON(cmd.OutOrStdout(), e)
			}
			return printExplanation(cmd.OutOrStdout(), e)
		},
	}
	cmd.Flags().String("token", "", "id of a token: say whether it may, as patgate token can does")
	cmd.Flags().Bool("json", false, "print JSON")
	cmd.Flags().String("graphql", "", "file with a GraphQL document or request, or - for requests on standard input")
	overlayFlag(cmd)
	isThere := func(s settings.Setting) bool { return cmd.Flags().Lookup(s.Flag) != nil }
	settings.Add(cmd.Flags(), slices.DeleteFunc(settings.Store(), isThere))
	desk.AddServerFlag(cmd)
	return cmd
}

// explainForToken is patgate token can.
func explainForToken(cmd *cobra.Command, text string, args []string) error {
	id, err := desk.ID(text)
	switch {
	case err != nil:
		return err
	case len(args) != 2:
		return terminal.Usage(errors.New("with --token, give METHOD and PATH"))
	}
	return questioncmd.Can(cmd, id, args[0], args[1])
}

// explain asks the surface that a target is for. A target of no surface is taken for a path of the REST API without its base.
func explain(table *routes.Table, method, target string) inspect.Explanation {
	var op routes.Operation
	found, err := surfaces.Find(table, &op, method, []byte(target))
	if !found {
		return inspect.Explain(table, method, target)
	}
	return inspect.ExplainOperation(table, method, target, &op, err)
}

// explainLines explains every line of the input. Empty lines and those that begin with # are left out.
func explainLines(table *routes.Table, in io.Reader, out io.Writer) error {
	w := bufio.NewWriter(out)
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	scanner := bufio.NewScanner(in)
	scanner.Buffer(nil, maxExplainLine)
	for n := 1; scanner.Scan(); n++ {
		line := strings.TrimSpace(scanner.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		method, target, found := strings.Cut(line, " ")
		if !found {
			return errors.Join(w.Flush(), fmt.Errorf("line %d: write METHOD PATH, got %q", n, line))
		}
		if err := encoder.Encode(explain(table, strings.ToUpper(method), strings.TrimSpace(target))); err != nil {
			return fmt.Errorf("writing JSON: %w", err)
		}
	}
	if err := scanner.Err(); err != nil {
		return errors.Join(w.Flush(), fmt.Errorf("reading requests: %w", err))
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("writing JSON: %w", err)
	}
	return nil
}

// printExplanation writes an explanation for people, one fact a line.
func printExplanation(w io.Writer, e inspect.Explanation) error {
	var b strings.Builder
	fact := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%-12s %s\n", name, value)
		}
	}
	fact("request", e.Method+" "+e.Path)
	fact("kind", e.Kind)
	fact("route", e.Route)
	fact("source", e.Source)
	fact("permission", strings.Join(e.Permissions, " and "))
	fact("boundary", strings.Join(e.Boundaries, " or "))
	fact("container", e.Container)
	if e.Public {
		fact("public", "no permission is needed where the project or group is public")
	}
	for _, c := range e.Captures {
		kind := ""
		if c.Reference != "" {
			kind = " (" + c.Reference + ")"
		}
		fact("capture", c.Name+" = "+c.Value+kind)
	}
	for _, t := range e.Targets {
		text := fmt.Sprintf("%s in the %s %s needs %s", t.Reference, t.Where, t.Name, strings.Join(t.Permissions, " and "))
		if t.Required {
			text += ", must be given"
		}
		fact("target", text)
	}
	for _, rule := range []string{routes.ParamPass.String(), routes.ParamRepeat.String(), routes.ParamClosed.String(),
		routes.ParamRefuse.String()} {
		if names := e.Parameters[rule]; len(names) > 0 {
			fact("parameters", rule+": "+strings.Join(names, ", "))
		}
	}
	fact("credential", e.Credential)
	fact("mints", e.Mints)
	fact("escapes", e.Escapes)
	fact("effects", strings.Join(e.Effects, ", "))
	fact("refused", e.Refused)
	for _, note := range e.Notes {
		fact("note", note)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
