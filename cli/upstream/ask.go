package upstream

import (
	"context"
	"net/http"
	"strings"

	"patgate/config"
)

// Ask asks the forge for a path without a credential, and follows no redirect. via, when not empty, marks the question, so that
// patgate knows it again.
func Ask(ctx context.Context, c *config.Config, via, path string) (*http.Response, error) {
	return askAs(ctx, c, via, path, c.Upstream.URL)
}

// askAs is Ask, and calls the forge by a name.
func askAs(ctx context.Context, c *config.Config, via, path string, name config.Base) (*http.Response, error) {
	w, err := To(c.Upstream.Way())
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.Upstream.URL.String()+path, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", "patgate")
	if via != "" {
		request.Header.Set("Via", via)
	}
	if name != c.Upstream.URL {
		scheme, _, _ := strings.Cut(name.String(), "://")
		request.Host = name.Host()
		request.Header.Set("X-Forwarded-Proto", scheme)
	}
	transport := w.Dialer.Transport()
	transport.DisableKeepAlives = true
	client := &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return client.Do(request)
}
