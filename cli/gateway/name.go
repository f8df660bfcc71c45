package gateway

import (
	"context"
	"fmt"
	"time"

	"go.uber.org/zap"

	"patgate/cli/upstream"
	"patgate/config"
	"patgate/routes"
)

// settleName finds out what a Gitea calls itself (ROOT_URL), when the configuration leaves that open, and writes it into the
// configuration: Gitea makes some addresses of that, and others of the name by which it is called. What it does not answer
// under is left alone, and so is a forge that does not say.
func (g *gateway) settleName(ctx context.Context) {
	c := g.config
	if c.Forge.Table() != routes.ForgeGitea || c.Upstream.URL.Empty() {
		return
	}
	if len(c.Upstream.ExternalURLs) > 0 {
		g.checkName(ctx)
		return
	}
	name, ok := upstream.Name(ctx, c, g.via)
	switch {
	case !ok && !upstream.IsThere(ctx, c, g.via):
		g.nameUnknown = true
		g.logs.Warn("it is not known what the forge calls itself (ROOT_URL), as it does not answer: it is called by upstream.url, " +
			"and asked again (fix: set upstream.external_urls)")
	case !ok:
		g.logs.Warn("it is not known what the forge calls itself (ROOT_URL): it is called by upstream.url (fix: when that is "+
			"another name, set upstream.external_urls)", zap.Stringer("upstream", c.Upstream.URL))
	case name == c.Upstream.URL:
	case !upstream.AnswersAs(ctx, c, g.via, name):
		g.logs.Warn("the forge calls itself by a name (ROOT_URL) under which it does not answer at upstream.url: it is called by "+
			"the latter (fix: correct ROOT_URL, or set upstream.external_urls, the name that it answers under first)",
			zap.Stringer("name", name), zap.Stringer("upstream", c.Upstream.URL))
	default:
		c.Upstream.ExternalURLs = []config.Base{name}
		g.logs.Info("the forge is called by the name that it calls itself (ROOT_URL)", zap.Stringer("name", name))
	}
}

// awaitName asks a Gitea that could not be reached at the start again until it says what it calls itself. When it is called by
// another name, serving ends, so that what starts patgate starts it anew.
func (g *gateway) awaitName(ctx context.Context) {
	tick := time.NewTicker(upstream.DetectInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		name, ok := upstream.Name(ctx, g.config, g.via)
		switch {
		case !ok && !upstream.IsThere(ctx, g.config, g.via):
		case !ok || name == g.config.Upstream.URL || !upstream.AnswersAs(ctx, g.config, g.via, name):
			g.logs.Info("the forge answers by now, and is called by upstream.url")
			return
		default:
			g.failed <- fmt.Errorf("the forge calls itself %s, and did not say so at the start, where it did not answer (fix: start "+
				"patgate again, or set upstream.external_urls: [%s])", name, name)
			return
		}
	}
}

// checkName warns of a configured name under which a Gitea does not answer. It is used all the same: who configured it may know
// better. A forge that is not there at all is no reason: others speak of that.
func (g *gateway) checkName(ctx context.Context) {
	c := g.config
	name := c.Upstream.ExternalURLs[0]
	for _, other := range c.Upstream.ExternalURLs {
		if other.String() == c.PublicURL.String() {
			name = other
		}
	}
	_, _, err := upstream.ReadForge(ctx, c, g.via, upstream.VersionPath, c.Upstream.URL)
	if err == nil && !upstream.AnswersAs(ctx, c, g.via, name) {
		g.logs.Warn("the forge does not answer at upstream.url under the name that upstream.external_urls says it has: what else "+
			"answers there is sent the owners' credentials (fix: put the name first that it answers under)",
			zap.Stringer("name", name), zap.Stringer("upstream", c.Upstream.URL))
	}
}
