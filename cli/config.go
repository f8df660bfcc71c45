package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"patgate/cli/gateway"
	"patgate/cli/opening"
	"patgate/cli/settings"
	"patgate/cli/terminal"
	"patgate/config"
)

func newConfig() *cobra.Command {
	cmd := &cobra.Command{Use: "config", Short: "Check and show the configuration"}
	cmd.AddCommand(newConfigCheck(), newConfigShow(), newConfigExample())
	return cmd
}

func newConfigCheck() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "check [FILE]",
		Short: "Print everything that is wrong with a configuration file and the environment",
		Long: `Reads the file (or the one that --config or PATGATE_CONFIG names) with the PATGATE_*
variables on top, and prints all problems, each with its place, the offending value and
the fix. Exits 1 when there is any. What serve would refuse is found, also in the files that
the configuration names: certificates, route tables, the sealing key. The forge is not
contacted. The database is read for one thing: the forge's address, when nothing else
gives it. Nothing is changed.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				if cmd.Flags().Changed("config") {
					return terminal.Usage(errors.New("give a file or --config, not both"))
				}
				if err := cmd.Flags().Set("config", args[0]); err != nil {
					return err
				}
			}
			c, err := opening.Settings(cmd, nil, settings.WithUpstream)
			if err != nil {
				return err
			}
			if err := gateway.Check(cmd.Context(), c); err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "The configuration is good: %s in front of %s.\n", c.Public(), c.Upstream.URL)
			return err
		},
	}
	settings.Add(cmd.Flags(), nil)
	return cmd
}

func newConfigShow() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "show",
		Short: "Print the configuration in effect, with secrets masked",
		Long: `Prints a YAML file with every key. Behind a value stands where it comes from: a line of the file, a variable,
a flag, the default, or, for the forge's address, the store.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := opening.Settings(cmd, settings.Serve(), settings.WithoutUpstream)
			if err != nil {
				return err
			}
			_, err = fmt.Fprint(cmd.OutOrStdout(), c.Show())
			return err
		},
	}
	settings.Add(cmd.Flags(), settings.Serve())
	return cmd
}

func newConfigExample() *cobra.Command {
	return &cobra.Command{
		Use:   "example",
		Short: "Print an example configuration file to start from",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprint(cmd.OutOrStdout(), config.Example())
			return err
		},
	}
}
