package cli

import (
	"github.com/spf13/cobra"

	"patgate/cli/gateway"
	"patgate/cli/opening"
	"patgate/cli/settings"
)

func newServe() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the gateway in front of a forge",
		Long: `Serves clients on --listen (:8080) and forwards to --upstream what their tokens allow.
Everything else has a default; docs/configuration.md lists all keys.

SIGTERM ends it when running requests are over, SIGHUP reads routes and certificates
again. Metrics and health are served on --admin-listen (127.0.0.1:9090), the web console
on --console-listen, when that is given.`,
		Example: `  patgate serve --upstream https://gitlab.example.com
  patgate serve --upstream https://gitlab.example.com --console-listen 127.0.0.1:9091
  patgate serve --config /etc/patgate/patgate.yaml`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := opening.Settings(cmd, settings.Serve(), settings.WithUpstream)
			if err != nil {
				return err
			}
			return gateway.Serve(cmd.Context(), c, cmd.ErrOrStderr())
		},
	}
	settings.Add(cmd.Flags(), settings.Serve())
	return cmd
}
