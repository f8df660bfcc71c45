package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"go.uber.org/zap"

	"patgate/config"
	"patgate/routes"
)

// settleName finds out what a Gitea calls itself (ROOT_URL), when the configuration leaves that open, and writes it into the
// configuration: Gitea makes some addresses of that, and others of the name by which it is called. What it does not answer
// under is left alone, and so is a forge that does not say.
func (g *gateway) settleName(ctx context.Context) {
	c := g.config
	if tableForge(c) != routes.ForgeGitea || c.Upstream.URL.Empty() {
		return
	}
	if len(c.Upstream.ExternalURLs) > 0 {
		g.checkName(ctx)
		return
	}
	name, ok := forgeName(ctx, c, g.via)
	switch {
	case !ok && !isThere(ctx, c, g.via):
		g.nameUnknown = true
		g.logger.Warn("it is not known what the forge calls itself (ROOT_URL), as it does not answer: it is called by upstream.url, " +
			"and asked again (fix: set upstream.external_urls)")
	case !ok:
		g.logger.Warn("it is not known what the forge calls itself (ROOT_URL): it is called by upstream.url (fix: when that is "+
			"another name, set upstream.external_urls)", zap.Stringer("upstream", c.Upstream.URL))
	case name == c.Upstream.URL:
	case !answersAs(ctx, c, g.via, name):
		g.logger.Warn("the forge calls itself by a name (ROOT_URL) under which it does not answer at upstream.url: it is called by "+
			"the latter (fix: correct ROOT_URL, or set upstream.external_urls, the name that it answers under first)",
			zap.Stringer("name", name), zap.Stringer("upstream", c.Upstream.URL))
	default:
		c.Upstream.ExternalURLs = []config.Base{name}
		g.logger.Info("the forge is called by the name that it calls itself (ROOT_URL)", zap.Stringer("name", name))
	}
}

// isThere tells whether a Gitea answers at all.
func isThere(ctx context.Context, c *config.Config, via string) bool {
	status, _, err := readForge(ctx, c, via, versionPath, c.Upstream.URL)
	return err == nil && status < http.StatusInternalServerError
}

// awaitName asks a Gitea that could not be reached at the start again until it says what it calls itself. When it is called by
// another name, serving ends, so that what starts patgate starts it anew.
func (g *gateway) awaitName(ctx context.Context) {
	tick := time.NewTicker(detectInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		name, ok := forgeName(ctx, g.config, g.via)
		switch {
		case !ok && !isThere(ctx, g.config, g.via):
		case !ok || name == g.config.Upstream.URL || !answersAs(ctx, g.config, g.via, name):
			g.logger.Info("the forge answers by now, and is called by upstream.url")
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
	if _, _, err := readForge(ctx, c, g.via, versionPath, c.Upstream.URL); err == nil && !answersAs(ctx, c, g.via, name) {
		g.logger.Warn("the forge does not answer at upstream.url under the name that upstream.external_urls says it has: what else "+
			"answers there is sent the owners' credentials (fix: put the name first that it answers under)",
			zap.Stringer("name", name), zap.Stringer("upstream", c.Upstream.URL))
	}
}

// versionPath is where a Gitea tells its version.
const versionPath = "/api/v1/version"

// forgeName asks a Gitea what it calls itself. It says so to anybody, in the description of its OpenID service (1.26,
// routers/web/auth), unless that is switched off.
func forgeName(ctx context.Context, c *config.Config, via string) (name config.Base, ok bool) {
	status, body, err := readForge(ctx, c, via, "/.well-known/openid-configuration", c.Upstream.URL)
	if err != nil || status != http.StatusOK {
		return name, false
	}
	var answer struct {
		Keys string `json:"jwks_uri"`
	}
	if json.Unmarshal(body, &answer) != nil {
		return name, false
	}
	u, err := url.Parse(answer.Keys)
	if err != nil {
		return name, false
	}
	root, ok := strings.CutSuffix(u.Path, "/login/oauth/keys")
	if !ok {
		return name, false
	}
	name, err = config.ParseBase(u.Scheme + "://" + u.Host + root)
	return name, err == nil
}

// readForge asks the forge without a credential, calls it by a name, and gives the beginning of the answer.
func readForge(ctx context.Context, c *config.Config, via, path string, name config.Base) (status int, body []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, detectTimeout)
	defer cancel()
	response, err := askAs(ctx, c, via, path, name)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	body, err = io.ReadAll(io.LimitReader(response.Body, 64<<10))
	return response.StatusCode, body, err
}

// answersAs tells whether the same forge answers at its address when it is called by a name: a proxy in front of it may choose
// by that.
func answersAs(ctx context.Context, c *config.Config, via string, name config.Base) bool {
	status, body, err := readForge(ctx, c, via, versionPath, c.Upstream.URL)
	again, same, anew := readForge(ctx, c, via, versionPath, name)
	return err == nil && anew == nil && status == again && bytes.Equal(body, same) && forgeOf(status, body) != config.ForgeGitLab
}
