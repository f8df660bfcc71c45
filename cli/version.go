package cli

import (
	"fmt"
	"runtime"

	"github.com/spf13/cobra"

	"patgate/cli/gateway"
)

func newVersion() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print version and commit",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "patgate %s (commit %s, %s, %s/%s)\n", gateway.Version(), gateway.Commit(),
				runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return err
		},
	}
}
