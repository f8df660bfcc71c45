package routecmd

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"patgate/cli/terminal"
	"patgate/routes"
	"patgate/routes/inspect"
)

func newRoutesCoverage() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "coverage --openapi SPEC",
		Short: "Compare the route table with an OpenAPI document of the forge",
		Long: `Reads an OpenAPI document (version 2 or 3, JSON or YAML; - is standard input) and tells
which of its operations have a row (mapped), which have none and are refused by patgate
(unmapped), and which rows the document does not know (stale: gone from the forge, or undocumented).
With --strict the exit code is 1 when any operation is unmapped or any row is stale.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			table, err := loadTable(cmd)
			if err != nil {
				return err
			}
			name, _ := cmd.Flags().GetString("openapi")
			if name == "" {
				return terminal.Usage(errors.New("--openapi is missing: name the forge's OpenAPI document, or - for standard input"))
			}
			data, err := readInput(cmd, name)
			if err != nil {
				return err
			}
			coverage, problems := inspect.Cover(table, routes.File{Name: name, Data: data})
			if len(problems) > 0 {
				return routes.Problems(problems)
			}
			if asJSON, _ := cmd.Flags().GetBool("json"); asJSON {
				err = terminal.PrintJSON(cmd.OutOrStdout(), coverage)
			} else {
				err = printCoverage(cmd.OutOrStdout(), name, coverage)
			}
			if err != nil {
				return err
			}
			if strict, _ := cmd.Flags().GetBool("strict"); strict && len(coverage.Unmapped)+len(coverage.Stale) > 0 {
				return fmt.Errorf("%d operations are unmapped and %d rows are stale", len(coverage.Unmapped), len(coverage.Stale))
			}
			return nil
		},
	}
	cmd.Flags().String("openapi", "", "the OpenAPI document: a file, or - for standard input")
	cmd.Flags().Bool("strict", false, "exit 1 when an operation is unmapped or a row is stale")
	cmd.Flags().Bool("json", false, "print JSON")
	overlayFlag(cmd)
	return cmd
}

// printCoverage writes what is missing on either side, then the sums.
func printCoverage(w io.Writer, name string, c inspect.Coverage) error {
	for _, o := range c.Unmapped {
		place := name
		if o.Line > 0 {
			place = fmt.Sprintf("%s:%d", name, o.Line)
		}
		fmt.Fprintf(w, "unmapped  %-6s %s  (%s)\n", o.Method, o.Path, place)
	}
	for _, o := range c.Stale {
		fmt.Fprintf(w, "stale     %-6s %s  (%s)\n", o.Method, o.Path, o.Source)
	}
	_, err := fmt.Fprintf(w, "%d mapped, %d unmapped, %d stale\n", len(c.Mapped), len(c.Unmapped), len(c.Stale))
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
