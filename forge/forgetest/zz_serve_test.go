package forgetest

import (
	"encoding/json"
	"net/http"
	"os"
	"testing"
	"time"
)

func TestZZServe(t *testing.T) {
	if os.Getenv("ZZ") == "" {
		t.Skip()
	}
	f, d := NewDemo(Options{ExternalURL: "http://127.0.0.1:28173"})
	b, _ := json.Marshal(d)
	_ = os.WriteFile("/tmp/f/demo.json", b, 0o600)
	go http.ListenAndServe("127.0.0.1:28173", f)
	time.Sleep(60 * time.Second)
}
