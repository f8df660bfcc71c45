package proxy

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
	"time"
)

// transfer is how much passes in each direction; the whole program with 2 GiB is an end-to-end test elsewhere.
const transfer = 512 << 20

// TestMemoryOfTransfers sends and receives far more than may be held in memory. The upstream and the client are in the
// same process, so the bound is on all three.
func TestMemoryOfTransfers(t *testing.T) {
	if testing.Short() {
		t.Skip("moves 1 GiB: run without -short")
	}
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == "PUT" {
			n, err := io.Copy(io.Discard, r.Body)
			fmt.Fprintf(w, "%d %v", n, err)
			return
		}
		if r.URL.RawQuery != "chunked=1" {
			w.Header().Set("Content-Length", fmt.Sprint(transfer))
		}
		_, _ = io.CopyN(w, zeros{}, transfer)
	}))
	defer upstream.Close()
	g := newGateway(t, upstream.URL, nil)
	file := "/api/v4/projects/7/packages/generic/p/1/f"
	run := func(name, head string, chunked bool) {
		t.Run(name, func(t *testing.T) {
			debug.FreeOSMemory()
			before := heap()
			peak := make(chan uint64)
			stop := make(chan struct{})
			go watchHeap(heap, stop, peak)
			c, err := net.Dial("tcp", g.address)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			go func() {
				_, _ = io.WriteString(c, head)
				switch {
				case head[0] == 'P' && chunked:
					piece := make([]byte, 1<<20)
					for range transfer >> 20 {
						fmt.Fprintf(c, "%x\r\n", len(piece))
						_, _ = c.Write(piece)
						_, _ = io.WriteString(c, "\r\n")
					}
					_, _ = io.WriteString(c, "0\r\n\r\n")
				case head[0] == 'P':
					_, _ = io.CopyN(c, zeros{}, transfer)
				}
			}()
			response, err := http.ReadResponse(bufio.NewReaderSize(c, 64<<10), nil)
			if err != nil {
				t.Fatal(err)
			}
			if head[0] == 'P' {
				if body, _ := io.ReadAll(response.Body); string(body) != fmt.Sprintf("%d <nil>", transfer) {
					t.Errorf("the upstream got %s", body)
				}
			} else if n, err := io.Copy(io.Discard, response.Body); n != transfer || err != nil {
				t.Errorf("received %d bytes, %v", n, err)
			}
			close(stop)
			if grown := int64(<-peak) - int64(before); grown > 32<<20 {
				t.Errorf("memory grew by %d MiB", grown>>20)
			}
		})
	}
	private := "HTTP/1.1\r\nHost: h\r\nPRIVATE-TOKEN: " + g.token + "\r\n"
	run("upload", fmt.Sprintf("PUT %s %sContent-Length: %d\r\n\r\n", file, private, transfer), false)
	run("chunked upload", "PUT "+file+" "+private+"Transfer-Encoding: chunked\r\n\r\n", true)
	run("download", "GET "+file+" "+private+"\r\n", false)
	run("chunked download", "GET "+file+"?chunked=1 "+private+"\r\n", true)
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

func heap() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse + m.StackInuse
}

// held is what is in use of heap and stacks, without what nobody holds and what lies between. What is made while it is collected
// counts as held too, so that the least of three times is nearest.
func held() uint64 {
	least := uint64(math.MaxUint64)
	for range 3 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		least = min(least, m.HeapAlloc+m.StackInuse)
	}
	return least
}

// watchHeap gives the largest of the sizes until it is stopped.
func watchHeap(size func() uint64, stop chan struct{}, peak chan uint64) {
	highest := uint64(0)
	for {
		select {
		case <-stop:
			peak <- highest
			return
		case <-time.After(20 * time.Millisecond):
			highest = max(highest, size())
		}
	}
}

// TestASentBodyHoldsNothing: a body that was sent has given back its share of what all may take, and holds nothing long while the
// forge answers.
func TestASentBodyHoldsNothing(t *testing.T) {
	const requests = 16
	arrived, over := make(chan struct{}, requests), make(chan struct{})
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(http.StatusOK)
		_ = http.NewResponseController(w).Flush()
		arrived <- struct{}{}
		<-over
	}))
	defer up.Close()
	defer close(over)
	g := newGateway(t, up.URL, func(o *Options) { o.Upstream.Connections = 20 * requests })
	text := request("PUT", "/api/v4/projects/7/issues/1", `{"description":"`+strings.Repeat("x", 1000<<10)+`"}`,
		"PRIVATE-TOKEN: "+g.token, "Content-Type: application/json")
	before := held()
	for range requests {
		c, err := net.Dial("tcp", g.address)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := io.WriteString(c, text); err != nil {
			t.Fatal(err)
		}
		<-arrived
	}
	const most = requests << 19
	grown := held() - before
	for end := time.Now().Add(10 * time.Second); int64(grown) > most && time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		grown = held() - before
	}
	if int64(grown) > most {
		t.Errorf("%d KiB are held for each request", int64(grown)>>10/requests)
	}
}
