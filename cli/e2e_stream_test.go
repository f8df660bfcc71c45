package cli_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"patgate/forge/forgetest"
)

const (
	streamed  = 2 << 30  // bytes of the body
	rssGrowth = 64 << 20 // bytes that the process may grow by
)

// TestTwoGiBStreamInBoundedMemory uploads and downloads 2 GiB through the built binary and reads its peak memory.
func TestTwoGiBStreamInBoundedMemory(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("memory is read from /proc")
	}
	if testing.Short() {
		t.Skip("it moves 4 GiB")
	}
	r := startRunning(t)
	token := r.mint(t, "--name", "packages", "--project", "shop/backend/api", "--allow", "create_package,read_package,read_project")
	packages := fmt.Sprintf("%s/api/v4/projects/%d/packages/generic/", r.gate, r.world.api)
	upload := packages + "big/1.0.0/big.bin"
	r.transfer(t, token, http.MethodPut, upload, 1<<20) // warm up

	for _, c := range []struct{ name, method, url string }{
		{"upload", http.MethodPut, upload},
		{"download", http.MethodGet, packages + fmt.Sprintf("%s/%d/x.bin", forgetest.GeneratedPackage, int64(streamed))},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := r.memory(t, "VmRSS")
			r.forgetPeak(t)
			r.transfer(t, token, c.method, c.url, streamed)
			grown := r.memory(t, "VmHWM") - before
			t.Logf("%d MiB through, peak memory grew by %d KiB from %d KiB", streamed>>20, grown>>10, before>>10)
			if grown >= rssGrowth {
				t.Errorf("memory grew by %d MiB", grown>>20)
			}
		})
	}
	for _, received := range r.world.forge.Requests() {
		if received.Method == http.MethodPut && received.BodySize == streamed {
			return
		}
	}
	t.Error("the forge did not receive the whole upload")
}

// transfer sends or receives a body of zeros.
func (r *running) transfer(t *testing.T, token, method, url string, size int64) {
	t.Helper()
	var body io.Reader
	if method == http.MethodPut {
		body = io.LimitReader(zeros{}, size)
	}
	request, err := http.NewRequestWithContext(context.Background(), method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("PRIVATE-TOKEN", token)
	if body != nil {
		request.ContentLength = size
		request.Header.Set("Content-Type", "application/octet-stream")
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	n, err := io.Copy(io.Discard, response.Body)
	if err != nil || response.StatusCode >= 300 {
		t.Fatalf("%s: %s after %d bytes: %v\n%s", method, response.Status, n, err, r.lastLines(5))
	}
	if method == http.MethodGet && n != size {
		t.Fatalf("received %d bytes of %d", n, size)
	}
}

// zeros is an endless body.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// memory reads one of the server's numbers from /proc, in bytes.
func (r *running) memory(t *testing.T, name string) int64 {
	t.Helper()
	file, err := os.Open(fmt.Sprintf("/proc/%d/status", r.server.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if value, ok := strings.CutPrefix(lines.Text(), name+":"); ok {
			kib, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(value, "kB")), 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return kib << 10
		}
	}
	t.Fatalf("no %s in /proc", name)
	return 0
}

// forgetPeak sets the peak to what is in use now (proc(5), clear_refs).
func (r *running) forgetPeak(t *testing.T) {
	t.Helper()
	if err := os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", r.server.Process.Pid), []byte("5"), 0); err != nil {
		t.Logf("the peak since the start is used: %v", err)
	}
}
