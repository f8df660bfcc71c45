package gateway

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"patgate/cli/gateway/behind"
	"patgate/cli/gateway/logs"
	"patgate/cli/gateway/storage"
	"patgate/cli/opening"
	"patgate/config"
	"patgate/store/seal"
)

// A panic's value may hold anything, a credential too: the log gets its type and the stack alone.
func TestThreatPanicsAreLoggedWithoutTheirValue(t *testing.T) {
	for name, value := range map[string]any{
		"text":     "the credential is glpat-SECRET",
		"an error": errors.New("the credential is glpat-SECRET"),
		"a struct": struct{ Credential string }{"glpat-SECRET"},
	} {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			c := config.Default()
			told, err := logs.Open(c.Log, &log)
			if err != nil {
				t.Fatal(err)
			}
			p := parts{config: &c, logs: told, behind: &behind.Servers{}, services: &services{}, facts: &facts{}, records: &records{},
				storage: &storage.Storage{Opened: &opening.Opened{Keyring: &seal.Keyring{}}}}
			proxyOptions(&p, answers{}, nil, nil).Panicked(value, []byte("goroutine 1 [running]:\nhandler"))
			if text := log.String(); strings.Contains(text, "SECRET") || !strings.Contains(text, "goroutine 1") || !strings.Contains(text,
				`"msg":"panic"`) {
				t.Errorf("logged %s", text)
			}
		})
	}
}
