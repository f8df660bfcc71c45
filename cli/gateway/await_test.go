package gateway

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"patgate/cli/gateway/logs"
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
	g := &gateway{config: &cfg, logs: &logs.Logs{Logger: zap.NewNop()}, failed: make(chan error, 1)}
	go func() {
		if g.awaitForge(t.Context()) {
			t.Error("it was taken for a GitLab")
		}
	}()
	select {
	case err := <-g.failed:
		if !strings.Contains(err.Error(), "set forge: gitea") {
			t.Error(err)
		}
	case <-time.After(4 * upstream.DetectInterval):
		t.Error("nothing ended")
	}
}
