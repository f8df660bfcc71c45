package opening

import (
	"context"

	"patgate/cli/terminal"
	"patgate/cli/upstream"
	"patgate/config"
	"patgate/routes"
	"patgate/routes/load"
	"patgate/routes/reload"
)

// KnownTable is Table where it is known what the forge is, and nil where it is not.
func KnownTable(ctx context.Context, c *config.Config) (*routes.Table, error) {
	if !upstream.Settle(ctx, c) {
		return nil, nil
	}
	return Table(c)
}

// Table loads the route table that the configuration describes.
func Table(c *config.Config) (*routes.Table, error) {
	upstream.Settle(context.Background(), c)
	files, problems := reload.ReadFiles(c.Routes.Overlays)
	if len(problems) > 0 {
		return nil, terminal.Problems(problems)
	}
	table, problems := load.Table(load.Options{Forge: c.Forge.Table(), Overlay: files})
	if len(problems) > 0 {
		return nil, terminal.Problems(problems)
	}
	return table, nil
}
