package proxy

import (
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// TestProxiesThatAnnounce has HAProxy and nginx pass connections on, which begin with the header as they write it.
func TestProxiesThatAnnounce(t *testing.T) {
	const module = "/usr/lib/nginx/modules/ngx_stream_module.so"
	g := newGateway(t, echoBytes(t), func(o *Options) { o.ProxyProtocol = prefixes("127.0.0.1/32") })
	haproxy := func(how string) func(front string) (string, string) {
		return func(front string) (config, start string) {
			return "defaults\n  mode tcp\n  timeout connect 2s\n  timeout client 30s\n  timeout server 30s\nlisten clients\n  bind " + front +
				"\n  unique-id-format %pid\n  server patgate " + g.address + " source 127.0.0.1 " + how + "\n", "haproxy"
		}
	}
	for name, c := range map[string]struct {
		write    func(front string) (config, program string)
		how      string
		required string // a file
	}{
		"HAProxy, version 1": {haproxy("send-proxy"), "apt-get install haproxy", ""},
		"HAProxy, version 2": {haproxy("send-proxy-v2"), "apt-get install haproxy", ""},
		"HAProxy, version 2 with extras": {haproxy("send-proxy-v2 proxy-v2-options crc32c,unique-id,ssl"),
			"apt-get install haproxy", ""},
		"nginx": {func(front string) (config, program string) {
			return "load_module " + module +
				";\npid nginx.pid;\nerror_log stderr;\ndaemon off;\nevents {}\nstream { server { listen " + front +
				"; proxy_pass " + g.address + "; proxy_protocol on; proxy_bind 127.0.0.1; } }\n", "nginx"
		}, "apt-get install nginx-light libnginx-mod-stream", module},
	} {
		t.Run(name, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			front := l.Addr().String()
			_ = l.Close()
			config, program := c.write(front)
			path, err := exec.LookPath(program)
			if err != nil {
				path, err = exec.LookPath("/usr/sbin/" + program)
			}
			if _, lacks := os.Stat(c.required); err != nil || c.required != "" && lacks != nil {
				t.Skipf("%s is not here: %s", program, c.how)
			}
			dir := t.TempDir()
			file := filepath.Join(dir, "x.conf")
			writeFile(t, file, []byte(config))
			cmd := exec.Command(path, "-db", "-f", file)
			if program == "nginx" {
				cmd = exec.Command(path, "-p", dir, "-c", file)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				_ = cmd.Process.Kill()
				_ = cmd.Wait()
			})
			dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP("127.0.0.2")}}
			var conn net.Conn
			for end := time.Now().Add(20 * time.Second); conn == nil; time.Sleep(20 * time.Millisecond) {
				if conn, err = dialer.Dial("tcp", front); err != nil {
					if conn = nil; time.Now().After(end) {
						t.Fatal(err)
					}
				}
			}
			defer conn.Close()
			_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
			for range 3 {
				if status := g.asks(t, conn, "X-Forwarded-For: 198.51.100.7"); status != http.StatusOK {
					t.Fatalf("status %d", status)
				}
				if e := g.sink.last(t); e.Client.String() != "127.0.0.2" {
					t.Errorf("the client is %v", e.Client)
				}
			}
		})
	}
	t.Run("the same client without them", func(t *testing.T) {
		dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP("127.0.0.2")}}
		conn, err := dialer.Dial("tcp", g.address)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
		_, _ = io.WriteString(conn, announcement)
		if status := g.asks(t, conn); status == http.StatusOK {
			t.Error("it was believed")
		}
	})
}
