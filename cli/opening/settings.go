package opening

import (
	"context"

	"github.com/spf13/cobra"

	"patgate/cli/settings"
	"patgate/config"
)

// Settings reads a command's configuration. The forge need not be named in it when the store knows one: that of its owners.
func Settings(cmd *cobra.Command, list []settings.Setting, upstream settings.Need) (*config.Config, error) {
	c, err := settings.Load(cmd, list, settings.WithoutUpstream)
	if err != nil || !c.Upstream.URL.Empty() {
		return c, err
	}
	return settings.LoadKnowing(cmd, list, upstream, knownForge(cmd.Context(), c))
}

// knownForge gives the forge address that all owners of the store have; empty when there is no store, no owner, or several
// forges. A store that cannot be read says so to the command, which opens it next.
func knownForge(ctx context.Context, c *config.Config) string {
	st, err := Existing(ctx, c)
	if err != nil {
		return ""
	}
	defer st.Close()
	owners, err := st.Owners(ctx)
	if err != nil || len(owners) == 0 {
		return ""
	}
	for _, o := range owners[1:] {
		if o.Origin != owners[0].Origin {
			return ""
		}
	}
	return owners[0].Origin
}
