package routecmd

import (
	"fmt"

	"github.com/spf13/cobra"

	"patgate/cli/terminal"
	"patgate/config"
	"patgate/routes"
	"patgate/routes/load"
	"patgate/routes/reload"
)

// New gives patgate routes.
func New() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "routes",
		Short: "Look at the route table, check it, and compare it with the forge",
		Long: `The route table says for every method and path of the forge's API which permission a
token needs for it. It is built in; files given by --routes are laid over it: their rows
are added to it, take the place of rows with the same method and path, or remove rows.`,
	}
	cmd.AddCommand(newRoutesList(), newRoutesExplain(), newRoutesLint(), newRoutesCoverage(), newRoutesExport(),
		newRoutesSimulate())
	return cmd
}

// overlayFlag gives a command the flag --routes.
func overlayFlag(cmd *cobra.Command) {
	cmd.Flags().StringSlice("routes", nil, "file or directory laid over the built-in route table (repeatable)")
	forgeFlag(cmd)
}

// forgeFlag gives a command the flag --forge.
func forgeFlag(cmd *cobra.Command) {
	cmd.Flags().String("forge", routes.ForgeGitLab,
		"the forge whose table it is: gitlab, gitea or forgejo (files that were exported say it themselves)")
}

// flaggedForge reads the flag --forge into the name of a table.
func flaggedForge(cmd *cobra.Command) (string, error) {
	name, err := cmd.Flags().GetString("forge")
	if err != nil {
		return "", err
	}
	var forge config.Forge
	if err := forge.UnmarshalText([]byte(name)); err != nil || forge == config.ForgeAuto {
		return "", terminal.Usage(fmt.Errorf("there is no table for the forge %q: use gitlab, gitea or forgejo", name))
	}
	return forge.Table(), nil
}

// loadOptions reads the overlay that --routes and further paths name, and says which files of it cannot be read.
func loadOptions(cmd *cobra.Command, more []string) (opts load.Options, unread []routes.Problem, err error) {
	paths, err := cmd.Flags().GetStringSlice("routes")
	if err != nil {
		return opts, nil, err
	}
	if opts.Forge, err = flaggedForge(cmd); err != nil {
		return opts, nil, err
	}
	opts.Overlay, unread = reload.ReadFiles(append(paths, more...))
	if said := load.ForgeOf(opts.Overlay); said != "" && !cmd.Flags().Changed("forge") {
		opts.Forge = said
	}
	return opts, unread, nil
}

// loadTable loads the built-in table with the overlay of --routes. The error holds a line for each problem.
func loadTable(cmd *cobra.Command) (*routes.Table, error) {
	opts, unread, err := loadOptions(cmd, nil)
	if err != nil {
		return nil, err
	}
	table, problems := load.Table(opts)
	if problems = append(unread, problems...); len(problems) > 0 {
		return nil, routes.Problems(problems)
	}
	return table, nil
}
