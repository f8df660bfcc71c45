package gateway

import (
	"context"
	"net/http"
	"time"

	"go.uber.org/zap"

	"patgate/cli/upstream"
	"patgate/forge"
)

// greetTimeout bounds the question at the start.
const greetTimeout = 10 * time.Second

// greet asks the forge something harmless, without a credential, and warns when it cannot be reached. It is no reason not
// to start: the forge may come up later.
func (g *gateway) greet(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, greetTimeout)
	defer cancel()
	path := g.routes.Table().Base() + "/version"
	address := zap.Stringer("upstream", g.config.Upstream.URL)
	response, err := upstream.Ask(ctx, g.config, g.via, path)
	if err != nil {
		if ctx.Err() != context.Canceled {
			g.logs.Warn("the upstream cannot be reached; requests will get 502 until it can", address, zap.Error(err))
		}
		return
	}
	_ = response.Body.Close()
	switch location := response.Header.Get("Location"); {
	case response.StatusCode == http.StatusLoopDetected:
		g.logs.Error("the upstream's address leads back to patgate itself: requests get 508 (fix: set upstream.url to the forge)",
			address)
	case response.StatusCode >= 500:
		g.logs.Warn("the upstream answers with an error", address, zap.Int("status", response.StatusCode))
	case response.StatusCode >= 300 && response.StatusCode < 400:
		base, _ := forge.MovedTo(location, path, "")
		g.logs.Error("the upstream does not answer itself; requests get 502", address, zap.Error(forge.Redirected(location, base)))
	default:
		g.logs.Debug("the upstream can be reached", address)
	}
}
