package proxy

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// deafen has the kernel drop every segment that comes for a connection before TCP sees it: nothing is acknowledged any more, and
// nothing is said.
func deafen(t *testing.T, c net.Conn) {
	raw, err := c.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	_ = raw.Control(func(fd uintptr) {
		nothing := unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K}
		err = unix.SetsockoptSockFprog(int(fd), unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{Len: 1, Filter: &nothing})
	})
	if err != nil {
		t.Fatal(err)
	}
}

// forgetful is an upstream whose first connections can lose their other end.
type forgetful struct {
	together sync.WaitGroup // of the first requests, so that each has a connection of its own
	mu       sync.Mutex
	conns    []net.Conn
}

func (f *forgetful) serve(first int) func(int, net.Conn) {
	f.together.Add(first)
	return func(_ int, c net.Conn) {
		f.mu.Lock()
		n := len(f.conns)
		f.conns = append(f.conns, c)
		f.mu.Unlock()
		r := bufio.NewReader(c)
		for asked := 0; ; asked++ {
			q, err := http.ReadRequest(r)
			if err != nil {
				return
			}
			_, _ = io.Copy(io.Discard, q.Body)
			if n < first && asked == 0 {
				f.together.Done()
				f.together.Wait()
			}
			_, _ = io.WriteString(c, ordinary(fmt.Sprintf(`{"connection":%d}`, n)))
		}
	}
}

// Connections whose other end is gone without a word, such as behind a firewall that has forgotten them, cost one attempt
// together: the request that meets the first of them is sent again on a new one, and the others are closed. The forge's time to
// answer is an hour here, so that only the kernel can have ended the wait.
func TestAPoolThatLostItsOtherEndCostsOneAttempt(t *testing.T) {
	const kept = 4
	for _, withoutLoops := range []bool{false, true} {
		t.Run(fmt.Sprintf("loops %v", !withoutLoops), func(t *testing.T) {
			t.Parallel()
			var f forgetful
			g := newGateway(t, bareUpstream(t, f.serve(kept)), func(o *Options) {
				o.withoutLoops = withoutLoops
				o.Timeouts.UpstreamResponse, o.Timeouts.UpstreamStall, o.Timeouts.UpstreamIdle = time.Hour, time.Hour, time.Hour
			})
			get := func() { // without a limit of its own
				q, _ := http.NewRequest(http.MethodGet, "http://"+g.address+"/api/v4/projects/7/jobs", nil)
				q.Header.Set("Private-Token", g.token)
				response, err := http.DefaultClient.Do(q)
				if err != nil {
					t.Error(err)
					return
				}
				defer response.Body.Close()
				if _, err := io.Copy(io.Discard, response.Body); err != nil || response.StatusCode != http.StatusOK {
					t.Errorf("status %d, %v", response.StatusCode, err)
				}
			}
			var first sync.WaitGroup
			for range kept {
				first.Go(get)
			}
			first.Wait()
			g.settle(t)
			f.mu.Lock()
			for _, c := range f.conns {
				deafen(t, c)
			}
			f.mu.Unlock()
			for range 3 * kept {
				get()
				g.settle(t)
			}
			f.mu.Lock()
			defer f.mu.Unlock()
			if len(f.conns) != kept+1 {
				t.Errorf("%d connections were opened, want those %d and one more", len(f.conns), kept)
			}
		})
	}
}
