package gateway

import (
	"context"
	"fmt"
	"time"

	"go.uber.org/zap"

	"patgate/cli/upstream"
	"patgate/config"
)

// awaitForge asks a forge that could not be reached at the start again until it answers. When it is not the GitLab that it
// was taken for, serving ends, so that what starts patgate starts it anew; ok tells that it is one.
func (g *gateway) awaitForge(ctx context.Context) (ok bool) {
	g.logs.Warn("it is not known what the forge is, as it does not answer: it is taken for a GitLab (fix: set forge)")
	tick := time.NewTicker(upstream.DetectInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return false
		case <-tick.C:
		}
		is, known := upstream.Detect(ctx, g.config, g.via)
		switch {
		case !known:
		case is == config.ForgeGitLab:
			g.logs.Info("the forge is known by now", zap.Stringer("forge", is))
			return true
		default:
			g.failed <- fmt.Errorf("the forge is %s, and was taken for a GitLab because it did not answer at the start (fix: start "+
				"patgate again, or set forge: %s)", is, is)
			return false
		}
	}
}
