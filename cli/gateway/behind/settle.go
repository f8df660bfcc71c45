package behind

import (
	"context"

	"go.uber.org/zap"

	"patgate/cli/upstream"
	"patgate/config"
	"patgate/routes"
)

// Settled is what could be found out of the forge at the start. What could not, because it does not answer, is asked again.
type Settled struct {
	// Forge: it is known what the forge is; otherwise it is taken for a GitLab. Name: it is known what the forge calls itself;
	// otherwise it is called by upstream.url.
	Forge, Name bool
}

// Settle finds out what the forge is and what it calls itself, where the configuration leaves that open, and writes it there.
func (s *Servers) Settle(ctx context.Context) Settled {
	known := upstream.SettleBy(ctx, s.config, s.Via)
	return Settled{Forge: known, Name: s.settleName(ctx)}
}

// settleName finds out what a Gitea calls itself (ROOT_URL), when the configuration leaves that open, and writes it into the
// configuration: Gitea makes some addresses of that, and others of the name by which it is called. A name under which it does
// not answer is left alone, and so is a forge that does not say its name. known is false when the forge does not answer.
func (s *Servers) settleName(ctx context.Context) (known bool) {
	c := s.config
	if c.Forge.Table() != routes.ForgeGitea || c.Upstream.URL.Empty() {
		return true
	}
	if len(c.Upstream.ExternalURLs) > 0 {
		s.checkName(ctx)
		return true
	}
	name, ok := upstream.Name(ctx, c, s.Via)
	switch {
	case !ok && !upstream.IsThere(ctx, c, s.Via):
		s.logger.Warn("it is not known what the forge calls itself (ROOT_URL), as it does not answer: " +
			"it is called by upstream.url, and asked again (fix: set upstream.external_urls)")
		return false
	case !ok:
		s.logger.Warn("it is not known what the forge calls itself (ROOT_URL): it is called by upstream.url (fix: when that is "+
			"another name, set upstream.external_urls)", zap.Stringer("upstream", c.Upstream.URL))
	case name == c.Upstream.URL:
	case !upstream.AnswersAs(ctx, c, s.Via, name):
		s.logger.Warn("the forge calls itself by a name (ROOT_URL) under which it does not answer at upstream.url: "+
			"it is called by the latter "+
			"(fix: correct ROOT_URL, or set upstream.external_urls, first the name under which it answers)",
			zap.Stringer("name", name), zap.Stringer("upstream", c.Upstream.URL))
	default:
		c.Upstream.ExternalURLs = []config.Base{name}
		s.logger.Info("the forge is called by the name that it calls itself (ROOT_URL)", zap.Stringer("name", name))
	}
	return true
}

// checkName warns when a Gitea does not answer under its configured name. The name is used all the same: the operator may know
// better. It says nothing about a forge that does not answer at all, which is reported elsewhere.
func (s *Servers) checkName(ctx context.Context) {
	c := s.config
	name := c.Upstream.ExternalURLs[0]
	for _, other := range c.Upstream.ExternalURLs {
		if other.String() == c.PublicURL.String() {
			name = other
		}
	}
	_, _, err := upstream.ReadForge(ctx, c, s.Via, upstream.VersionPath, c.Upstream.URL)
	if err == nil && !upstream.AnswersAs(ctx, c, s.Via, name) {
		s.logger.Warn("the forge does not answer at upstream.url under the name that upstream.external_urls says it has: "+
			"whatever answers there instead is sent the owners' credentials (fix: put first the name under which it answers)",
			zap.Stringer("name", name), zap.Stringer("upstream", c.Upstream.URL))
	}
}
