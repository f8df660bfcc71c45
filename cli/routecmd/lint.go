package routecmd

import (
	"fmt"

	"github.com/spf13/cobra"

	"patgate/cli/terminal"
	"patgate/routes/inspect"
)

func newRoutesLint() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "lint [FILE|DIR]...",
		Short: "Check route files: prints every problem with its place and the fix",
		Long: `Loads the built-in route table with the given files laid over it, as the server would,
and prints everything that is wrong, one line each: file, line, what is wrong, and the fix.
Warnings are about rows that load, but are rarely what was meant. Exits 1 when there is a problem.`,
		Example: "  patgate routes lint ./my-routes",
		RunE: func(cmd *cobra.Command, args []string) error {
			opts, unread, err := loadOptions(cmd, args)
			if err != nil {
				return err
			}
			report := inspect.Lint(opts)
			report.Problems = append(unread, report.Problems...)
			out := cmd.OutOrStdout()
			for _, p := range report.Problems {
				fmt.Fprintln(out, p)
			}
			for _, p := range report.Warnings {
				p.Message = "warning: " + p.Message
				fmt.Fprintln(out, p)
			}
			if len(report.Problems) > 0 {
				return terminal.Found(len(report.Problems), "problem")
			}
			_, err = fmt.Fprintf(out, "%s, %s, %s: no problem, %s\n",
				terminal.Count(len(report.Table.Routes()), "row", "rows"),
				terminal.Count(report.Table.Catalogue().Len(), "permission", "permissions"),
				terminal.Count(len(opts.Overlay), "overlay file", "overlay files"),
				terminal.Count(len(report.Warnings), "warning", "warnings"))
			return err
		},
	}
	overlayFlag(cmd)
	return cmd
}
