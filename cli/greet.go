package cli

import (
	"context"
	"net/http"
	"time"

	"go.uber.org/zap"

	"patgate/proxy/wire"
)

// greetTimeout bounds the question at the start.
const greetTimeout = 10 * time.Second

// greet asks the forge something harmless, without a credential, and warns when it cannot be reached. It is no reason not
// to start: the forge may come up later.
func (g *gateway) greet(ctx context.Context) {
	authorities, err := wire.TLSWithAuthorities(g.config.Upstream.CAFile)
	if err != nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, greetTimeout)
	defer cancel()
	url := g.config.Upstream.URL.String() + g.routes.Table().Base() + "/version"
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return
	}
	request.Header.Set("Via", g.via)
	client := &http.Client{
		Transport:     &http.Transport{Proxy: nil, TLSClientConfig: authorities, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	response, err := client.Do(request)
	switch {
	case err != nil && ctx.Err() == context.Canceled:
	case err != nil:
		g.logger.Warn("the upstream cannot be reached; requests will get 502 until it can",
			zap.Stringer("upstream", g.config.Upstream.URL), zap.Error(err))
	case response.StatusCode == http.StatusLoopDetected:
		_ = response.Body.Close()
		g.logger.Error("the upstream's address leads back to patgate itself: requests get 508 (fix: set upstream.url to the forge)",
			zap.Stringer("upstream", g.config.Upstream.URL))
	case response.StatusCode >= 500:
		_ = response.Body.Close()
		g.logger.Warn("the upstream answers with an error", zap.Stringer("upstream", g.config.Upstream.URL),
			zap.Int("status", response.StatusCode))
	default:
		_ = response.Body.Close()
		g.logger.Debug("the upstream can be reached", zap.Stringer("upstream", g.config.Upstream.URL))
	}
}
