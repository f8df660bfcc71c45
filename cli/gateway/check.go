package gateway

import (
	"context"
	"io"
	"os"

	"patgate/cli/gateway/logs"
	"patgate/cli/opening"
	"patgate/config"
)

// Check makes all that Serve would make from the configuration and its files, and closes it again, so it finds what Serve would
// refuse. It does not listen and does not ask the forge, which it takes for a GitLab when the configuration leaves that open. It
// changes neither the database nor the sealing key: it makes a store of its own in a temporary directory.
func Check(ctx context.Context, c *config.Config) error {
	source := opening.KeySource(c)
	if err := opening.Names(c, source); err != nil {
		return err
	}
	if err := opening.ReadKey(source); err != nil {
		return err
	}
	if err := opening.Lost(c); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "patgate-check-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	apart := *c
	apart.DataDir = dir
	apart.Store = config.Store{Key: c.Store.Key}
	if apart.Forge == config.ForgeAuto {
		apart.Forge = config.ForgeGitLab
	}
	silent, err := logs.Open(config.Log{}, io.Discard)
	if err != nil {
		return err
	}
	g, err := newGateway(ctx, &apart, silent, false)
	if err != nil {
		return err
	}
	return g.open.close()
}
