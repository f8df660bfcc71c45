package upstream

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"time"

	"patgate/config"
	"patgate/forge"
)

// detectTimeout bounds the question of what the forge is, and DetectInterval is how often a forge that could not be reached is
// asked again.
const (
	detectTimeout  = 3 * time.Second
	DetectInterval = 5 * time.Second
)

// Settle finds out what the forge is, when the configuration leaves that open, and writes it into the configuration.
// known is false when the forge did not say: it is then taken for a GitLab. In front of another forge that makes nothing
// reachable, because the other forge's paths have no rows in GitLab's table.
func Settle(ctx context.Context, c *config.Config) (known bool) {
	return SettleBy(ctx, c, "")
}

// SettleBy is Settle for a process that serves, and knows what it sends by via.
func SettleBy(ctx context.Context, c *config.Config, via string) (known bool) {
	if c.Forge != config.ForgeAuto {
		return true
	}
	if c.Upstream.URL.Empty() {
		return false // stays open for when there is one
	}
	is, known := Detect(ctx, c, via)
	c.Forge = is
	return known
}

// Detect asks a forge for its version without a credential, as Gitea and Forgejo tell it to anybody. A forge that answers in any
// other way is a GitLab. One that does not answer, or fails, is not known.
func Detect(ctx context.Context, c *config.Config, via string) (is config.Forge, known bool) {
	ctx, cancel := context.WithTimeout(ctx, detectTimeout)
	defer cancel()
	const path = "/api/v1/version"
	response, err := Ask(ctx, c, via, path)
	if err != nil {
		return config.ForgeGitLab, false
	}
	defer response.Body.Close()
	if _, moved := forge.MovedTo(response.Header.Get("Location"), path, ""); moved {
		return config.ForgeGitLab, false
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, 64<<10))
	if err != nil || response.StatusCode >= 500 || response.StatusCode == http.StatusTooManyRequests {
		return config.ForgeGitLab, false
	}
	return forgeOf(response.StatusCode, body), true
}

// forgeOf reads the answer to /api/v1/version (Gitea 1.26, routers/api/v1/misc). Forgejo puts the version of Gitea that it began
// from behind its own. An instance that only lets users in says so in Gitea's form.
func forgeOf(status int, body []byte) config.Forge {
	var answer struct {
		Version string `json:"version"`
		Message string `json:"message"`
		URL     string `json:"url"`
	}
	switch err := json.Unmarshal(body, &answer); {
	case err != nil:
	case status == http.StatusOK && (strings.Contains(answer.Version, "forgejo") || strings.Contains(answer.Version, "+gitea-")):
		return config.ForgeForgejo
	case status == http.StatusOK && answer.Version != "":
		return config.ForgeGitea
	case (status == http.StatusUnauthorized || status == http.StatusForbidden) && strings.HasSuffix(answer.URL, "/api/swagger"):
		return config.ForgeGitea
	case status == http.StatusForbidden && answer.Message == "Only signed in user is allowed to call APIs.":
		return config.ForgeGitea
	}
	return config.ForgeGitLab
}
