package behind

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"go.uber.org/zap"

	"patgate/cli/upstream"
	"patgate/config"
)

// TestAwaitForge: a forge that comes up late and is no GitLab ends the server, which was made for one.
func TestAwaitForge(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_,
			_ = w.Write([]byte(`{"version":"1.26.0"}`))
	}))
	t.Cleanup(server.Close)
	cfg := config.Default()
	if err := cfg.Upstream.URL.UnmarshalText([]byte(server.URL)); err != nil {
		t.Fatal(err)
	}
	s := &Servers{config: &cfg, logger: zap.NewNop()}
	ctx, cancel := context.WithTimeout(t.Context(), 4*upstream.DetectInterval)
	defer cancel()
	if ok, err := s.AwaitForge(ctx); ok || err == nil || !strings.Contains(err.Error(), "set forge: gitea") {
		t.Errorf("it was taken for a GitLab: %v, %v", ok, err)
	}
}
