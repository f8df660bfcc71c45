package upstream

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"

	"patgate/config"
)

// IsThere tells whether a Gitea answers at all.
func IsThere(ctx context.Context, c *config.Config, via string) bool {
	status, _, err := ReadForge(ctx, c, via, VersionPath, c.Upstream.URL)
	return err == nil && status < http.StatusInternalServerError
}

// VersionPath is where a Gitea tells its version.
const VersionPath = "/api/v1/version"

// Name asks a Gitea what it calls itself. It says so to anybody, in the description of its OpenID service (1.26,
// routers/web/auth), unless that is switched off.
func Name(ctx context.Context, c *config.Config, via string) (name config.Base, ok bool) {
	status, body, err := ReadForge(ctx, c, via, "/.well-known/openid-configuration", c.Upstream.URL)
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

// ReadForge asks the forge without a credential, calls it by a name, and gives the beginning of the answer.
func ReadForge(ctx context.Context, c *config.Config, via, path string, name config.Base) (status int, body []byte, err error) {
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

// AnswersAs tells whether the same forge answers at its address when it is called by name: a proxy in front of it may choose the
// server by the name.
func AnswersAs(ctx context.Context, c *config.Config, via string, name config.Base) bool {
	status, body, err := ReadForge(ctx, c, via, VersionPath, c.Upstream.URL)
	again, same, anew := ReadForge(ctx, c, via, VersionPath, name)
	return err == nil && anew == nil && status == again && bytes.Equal(body, same) && forgeOf(status, body) != config.ForgeGitLab
}
