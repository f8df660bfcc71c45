package behind

import (
	"context"
	"fmt"
	"time"

	"go.uber.org/zap"

	"patgate/cli/upstream"
	"patgate/config"
)

// AwaitForge asks a forge that could not be reached at the start again until it answers, and tells whether it is the GitLab that
// it was taken for. When it is another forge, the error ends serving, and the supervisor starts patgate anew.
func (s *Servers) AwaitForge(ctx context.Context) (ok bool, err error) {
	s.logger.Warn("it is not known what the forge is, as it does not answer: it is taken for a GitLab (fix: set forge)")
	tick := time.NewTicker(upstream.DetectInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return false, nil
		case <-tick.C:
		}
		is, known := upstream.Detect(ctx, s.config, s.Via)
		switch {
		case !known:
		case is == config.ForgeGitLab:
			s.logger.Info("the forge is known by now", zap.Stringer("forge", is))
			return true, nil
		default:
			return false, fmt.Errorf("the forge is %s, and was taken for a GitLab because it did not answer at the start "+
				"(fix: start patgate again, or set forge: %s)", is, is)
		}
	}
}

// AwaitName asks a Gitea that could not be reached at the start again until it says what it calls itself. When that is another
// name than the one in use, the error ends serving, and the supervisor starts patgate anew.
func (s *Servers) AwaitName(ctx context.Context) error {
	tick := time.NewTicker(upstream.DetectInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		name, ok := upstream.Name(ctx, s.config, s.Via)
		switch {
		case !ok && !upstream.IsThere(ctx, s.config, s.Via):
		case !ok || name == s.config.Upstream.URL || !upstream.AnswersAs(ctx, s.config, s.Via, name):
			s.logger.Info("the forge answers by now, and is called by upstream.url")
			return nil
		default:
			return fmt.Errorf("the forge calls itself %s, and did not say so at the start, where it did not answer (fix: start "+
				"patgate again, or set upstream.external_urls: [%s])", name, name)
		}
	}
}
