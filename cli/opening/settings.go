package opening

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"patgate/cli/settings"
	"patgate/config"
	"patgate/store"
	"patgate/store/postgres"
	"patgate/store/sqlite"
)

// Settings reads a command's configuration. The forge need not be named in it when the store knows one: that of its owners.
func Settings(cmd *cobra.Command, list []settings.Setting, upstream settings.Need) (*config.Config, error) {
	c, err := settings.Load(cmd, list, settings.WithoutUpstream)
	if err != nil || !c.Upstream.URL.Empty() {
		return c, err
	}
	known, err := knownForge(cmd.Context(), c)
	if err != nil && upstream != settings.WithoutUpstream {
		return nil, err
	}
	return settings.LoadKnowing(cmd, list, upstream, known)
}

// knownForge gives the forge address that all owners of the store have; empty when there is no store, no owner, or several
// forges. A lost store is an error (store.ErrLost). The store is only read. When it cannot be read, the command, which opens it
// next, gets that error.
func knownForge(ctx context.Context, c *config.Config) (string, error) {
	if err := Lost(c); errors.Is(err, store.ErrLost) {
		return "", err
	}
	read, where := sqlite.OriginsOf, c.DatabaseFile()
	if url := c.Store.URL.Reveal(); url != "" {
		read, where = postgres.OriginsOf, url
	}
	if origins, err := read(ctx, where); err == nil && len(origins) == 1 {
		return origins[0], nil
	}
	return "", nil
}
