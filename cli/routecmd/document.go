package routecmd

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"patgate/cli/terminal"
	"patgate/routes"
	"patgate/routes/graphql"
	"patgate/routes/inspect"
)

// explainDocuments explains the GraphQL document in a file, or with "-" the requests that standard input has, one on a line.
func explainDocuments(cmd *cobra.Command, name string) error {
	table, err := loadTable(cmd)
	if err != nil {
		return err
	}
	reader, err := documentReader(table)
	if err != nil {
		return err
	}
	if name == "-" {
		return explainRequests(table, reader, terminal.Input(cmd), cmd.OutOrStdout())
	}
	data, err := os.ReadFile(name)
	if err != nil {
		return fmt.Errorf("reading the document: %w", err)
	}
	e := explainRequest(table, reader, data)
	if asJSON, _ := cmd.Flags().GetBool("json"); asJSON {
		return terminal.PrintJSON(cmd.OutOrStdout(), e)
	}
	return printDocument(cmd.OutOrStdout(), e)
}

// documentReader makes the reader of a table.
func documentReader(table *routes.Table) (*graphql.Reader, error) {
	if reader := graphql.Of(table); reader != nil {
		return reader, nil
	}
	return nil, errors.New("the forge " + table.Forge() + " has no GraphQL")
}

// explainRequest explains a request in JSON, or a document by itself.
func explainRequest(table *routes.Table, reader *graphql.Reader, data []byte) inspect.DocumentExplanation {
	text := strings.TrimSpace(string(data))
	if inner, braced := strings.CutPrefix(text, "{"); !braced || !strings.HasPrefix(strings.TrimSpace(inner), `"`) {
		return inspect.ExplainDocument(table, reader, &graphql.Request{Query: text})
	}
	q, err := graphql.ParseRequest([]byte(text))
	if err != nil {
		return inspect.RefusedDocument(err)
	}
	return inspect.ExplainDocument(table, reader, q)
}

// explainRequests explains every line of the input. Empty lines are left out.
func explainRequests(table *routes.Table, reader *graphql.Reader, in io.Reader, out io.Writer) error {
	w := bufio.NewWriter(out)
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 2*graphql.MaxBody)
	for lines.Scan() {
		if strings.TrimSpace(lines.Text()) == "" {
			continue
		}
		var e inspect.DocumentExplanation
		if q, err := graphql.ParseRequest(lines.Bytes()); err != nil {
			e = inspect.RefusedDocument(err)
		} else {
			e = inspect.ExplainDocument(table, reader, q)
		}
		if err := encoder.Encode(e); err != nil {
			return fmt.Errorf("writing JSON: %w", err)
		}
	}
	if err := lines.Err(); err != nil {
		return errors.Join(w.Flush(), fmt.Errorf("reading requests: %w", err))
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("writing JSON: %w", err)
	}
	return nil
}

// printDocument writes an explanation for people, one act a line.
func printDocument(w io.Writer, e inspect.DocumentExplanation) error {
	var b strings.Builder
	if e.Refused {
		fmt.Fprintf(&b, "refused      %s (%s)\n", e.Refusal, e.RefusalCode)
		if len(e.Path) > 0 {
			fmt.Fprintf(&b, "at           %s\n", strings.Join(e.Path, "."))
		}
	} else {
		fmt.Fprintf(&b, "kind         %s\n", e.Kind)
	}
	for _, a := range e.Acts {
		on := "on " + a.Reference
		switch {
		case a.Reach == "all_memberships":
			on = "under all_memberships"
		case a.Reach == "above":
			on = "on the groups above " + a.Reference
		case a.Reference == "":
			on = "on the " + a.Boundary
		}
		fmt.Fprintf(&b, "act          %s needs %s %s\n", a.Field, strings.Join(a.Permissions, " and "), on)
	}
	if e.Introspects {
		b.WriteString("introspects  needs no permission\n")
	}
	for _, text := range e.Texts {
		fmt.Fprintf(&b, "text         %s is read for quick actions\n", text)
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("writing the explanation: %w", err)
	}
	return nil
}
