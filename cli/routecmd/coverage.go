package routecmd

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"patgate/cli/terminal"
	"patgate/routes"
	"patgate/routes/graphql"
	"patgate/routes/inspect"
)

func newRoutesCoverage() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "coverage --openapi SPEC | --graphql SCHEMA",
		Short: "Compare the route table with a description of the forge's API",
		Long: `Reads an OpenAPI document (version 2 or 3, JSON or YAML; - is standard input) and tells
which of its operations have a row (mapped), which have none and are refused by patgate
(unmapped), and which rows the document does not know (stale: gone from the forge, or undocumented).
With --graphql it reads a GraphQL schema instead, as GraphQL writes it or as the answer to a
question for it, and tells the same of its fields.
With --strict the exit code is 1 when anything is unmapped or stale.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			table, err := loadTable(cmd)
			if err != nil {
				return err
			}
			openAPI, _ := cmd.Flags().GetString("openapi")
			schema, _ := cmd.Flags().GetString("graphql")
			if (openAPI == "") == (schema == "") {
				return terminal.Usage(errors.New("name the forge's OpenAPI document with --openapi, or its GraphQL schema " +
					"with --graphql; - is standard input"))
			}
			name := openAPI + schema
			data, err := readInput(cmd, name)
			if err != nil {
				return err
			}
			cover := coverOpenAPI
			if schema != "" {
				cover = coverSchema
			}
			c, err := cover(table, routes.File{Name: name, Data: data})
			if err != nil {
				return err
			}
			if asJSON, _ := cmd.Flags().GetBool("json"); asJSON {
				err = terminal.PrintJSON(cmd.OutOrStdout(), c.all)
			} else {
				err = c.print(cmd.OutOrStdout())
			}
			if err != nil {
				return err
			}
			if strict, _ := cmd.Flags().GetBool("strict"); strict && len(c.unmapped)+len(c.stale) > 0 {
				return fmt.Errorf("%d %s are unmapped and %d %s are stale", len(c.unmapped), c.what, len(c.stale), c.ours)
			}
			return nil
		},
	}
	cmd.Flags().String("openapi", "", "the OpenAPI document: a file, or - for standard input")
	cmd.Flags().String("graphql", "", "the GraphQL schema: a file, or - for standard input")
	cmd.Flags().Bool("strict", false, "exit 1 when anything is unmapped or stale")
	cmd.Flags().Bool("json", false, "print JSON")
	overlayFlag(cmd)
	return cmd
}

// covered is what a comparison found, as lines and as JSON.
type covered struct {
	all             any
	mapped          int
	unmapped, stale []string
	what, ours      string // what is unmapped, and what is stale
}

func coverOpenAPI(table *routes.Table, spec routes.File) (*covered, error) {
	coverage, problems := inspect.Cover(table, spec)
	if len(problems) > 0 {
		return nil, routes.Problems(problems)
	}
	c := &covered{all: coverage, mapped: len(coverage.Mapped), what: "operations", ours: "rows"}
	for _, o := range coverage.Unmapped {
		place := spec.Name
		if o.Line > 0 {
			place = fmt.Sprintf("%s:%d", spec.Name, o.Line)
		}
		c.unmapped = append(c.unmapped, fmt.Sprintf("%-6s %s  (%s)", o.Method, o.Path, place))
	}
	for _, o := range coverage.Stale {
		c.stale = append(c.stale, fmt.Sprintf("%-6s %s  (%s)", o.Method, o.Path, o.Source))
	}
	return c, nil
}

func coverSchema(table *routes.Table, spec routes.File) (*covered, error) {
	reader := graphql.Of(table)
	if reader == nil {
		return nil, errors.New("that forge has no GraphQL")
	}
	coverage, err := inspect.CoverSchema(reader, spec)
	if err != nil {
		return nil, err
	}
	return &covered{all: coverage, mapped: len(coverage.Mapped), unmapped: coverage.Unmapped, stale: coverage.Stale,
		what: "types and fields", ours: "types and fields of the table"}, nil
}

// print writes what is missing on either side, then the sums.
func (c *covered) print(w io.Writer) error {
	for _, line := range c.unmapped {
		fmt.Fprintf(w, "unmapped  %s\n", line)
	}
	for _, line := range c.stale {
		fmt.Fprintf(w, "stale     %s\n", line)
	}
	_, err := fmt.Fprintf(w, "%d mapped, %d unmapped, %d stale\n", c.mapped, len(c.unmapped), len(c.stale))
	return err
}

// readInput reads a file, or standard input for "-".
func readInput(cmd *cobra.Command, name string) ([]byte, error) {
	if name == "-" {
		data, err := io.ReadAll(terminal.Input(cmd))
		if err != nil {
			return nil, fmt.Errorf("reading standard input: %w", err)
		}
		return data, nil
	}
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("reading the document: %w", err)
	}
	return data, nil
}
