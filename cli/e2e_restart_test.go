package cli_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// steady is clients with one connection each that ask again and again, half of them with a request that nobody sends twice. Every
// answer but the wanted one is a loss.
type steady struct {
	done     chan struct{}
	clients  sync.WaitGroup
	answered atomic.Int64
	lost     chan string
}

func startSteady(gate, path, secret string) *steady {
	s := &steady{done: make(chan struct{}), lost: make(chan string, 1000)}
	for i := range 16 {
		s.clients.Go(func() {
			client := &http.Client{Timeout: patience, Transport: &http.Transport{}}
			defer client.CloseIdleConnections()
			for {
				select {
				case <-s.done:
					return
				default:
				}
				if err := s.ask(client, gate+path, secret, i%2 == 0); err != nil {
					select {
					case s.lost <- err.Error():
					default:
					}
				}
			}
		})
	}
	return s
}

func (s *steady) ask(client *http.Client, address, secret string, writes bool) error {
	request, err := http.NewRequest("GET", address, nil)
	want := http.StatusOK
	if writes {
		request, err = http.NewRequest("POST", address, io.MultiReader(strings.NewReader(`{"title":"steady","description":"x"}`)))
		want = http.StatusCreated
	}
	if err != nil {
		return err
	}
	request.Header.Set("PRIVATE-TOKEN", secret)
	request.Header.Set("Content-Type", "application/json")
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != want {
		err = fmt.Errorf("%d %s", response.StatusCode, text)
	}
	if err == nil {
		s.answered.Add(1)
	}
	return err
}

// end stops the clients. Nothing may be lost, and much must have been asked.
func (s *steady) end(t *testing.T) {
	t.Helper()
	close(s.done)
	s.clients.Wait()
	if n := len(s.lost); n > 0 {
		t.Errorf("%d requests were lost, %d answered; such as: %s", n, s.answered.Load(), <-s.lost)
	}
	if s.answered.Load() < 200 {
		t.Errorf("only %d requests were answered", s.answered.Load())
	}
	t.Logf("%d requests were answered", s.answered.Load())
}

// TestARollingRestart restarts both of two nodes behind HAProxy under load, one after the other. HAProxy tries nothing twice.
func TestARollingRestart(t *testing.T) {
	program, err := exec.LookPath("haproxy")
	if err != nil {
		if program, err = exec.LookPath("/usr/sbin/haproxy"); err != nil {
			missing(t, "haproxy is not here: apt-get install haproxy")
		}
	}
	f := startFleet(t, 2, "PATGATE_SHUTDOWN_DELAY=2s")
	front, stats, err := f.nodes[0].ports()
	if err != nil {
		t.Fatal(err)
	}
	config := `
listen stats
    mode http
    timeout connect 2s
    timeout client 30s
    timeout server 30s
    bind ` + stats + `
    stats enable
    stats uri /
defaults
    mode http
    option httpchk GET /readyz
    timeout check 5s
    retries 0
    timeout connect 2s
    timeout client 30s
    timeout server 30s
frontend clients
    bind ` + front + `
    default_backend nodes
backend nodes
`
	for i, n := range f.nodes {
		config += fmt.Sprintf("    server node%d %s check port %s inter 200ms fall 1 rise 1\n", i, strings.TrimPrefix(n.gate, "http://"),
			n.operators[strings.LastIndexByte(n.operators, ':')+1:])
	}
	file := filepath.Join(t.TempDir(), "haproxy.cfg")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	balancer := exec.Command(program, "-db", "-f", file)
	if err := balancer.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = balancer.Process.Kill()
		_ = balancer.Wait()
	})
	secret := f.mintFor(f.nodes[0], "steady", "read_work_item", "create_work_item")
	issues := fmt.Sprintf("/api/v4/projects/%d/issues", f.world.api)
	await(t, "the balancer answers", func() bool {
		return send("GET", "http://"+front+issues+"?per_page=1", http.Header{"Private-Token": {secret}}, nil).status == http.StatusOK
	})
	s := startSteady("http://"+front, issues+"?per_page=1", secret)
	for i, n := range f.nodes {
		time.Sleep(500 * time.Millisecond)
		if err := n.stop(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		if err := n.start(n.env, nil, n.operators); err != nil {
			t.Fatal(err)
		}
		up := regexp.MustCompile(fmt.Sprintf(`(?m)^nodes,node%d,.*,UP,`, i))
		await(t, "the balancer has found the node", func() bool {
			return up.MatchString(send("GET", "http://"+stats+"/;csv", nil, nil).body)
		})
	}
	s.end(t)
}

// TestASocketThatIsPassed restarts a node whose sockets the service manager keeps: who connects meanwhile waits, and nothing is lost.
func TestASocketThatIsPassed(t *testing.T) {
	r := startRunning(t)
	secret := r.mint(t, "--name", "steady", "--project", "shop/backend/api", "--allow", "read_work_item,create_work_item")
	issues := fmt.Sprintf("/api/v4/projects/%d/issues", r.world.api)
	var files []*os.File
	var addresses []string
	for range 2 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		file, err := l.(*net.TCPListener).File()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = file.Close() })
		_ = l.Close()
		files, addresses = append(files, file), append(addresses, l.Addr().String())
	}
	s := (*steady)(nil)
	for restart := range 3 {
		server := exec.Command("sh", "-c", `export LISTEN_PID=$$; exec patgate serve`)
		server.Dir = r.dir
		server.Env = append(r.env, "LISTEN_FDS=2", "LISTEN_FDNAMES=admin.listen:listen", "PATGATE_SHUTDOWN_DELAY=500ms")
		server.ExtraFiles = files
		log := filepath.Join(r.dir, fmt.Sprintf("passed%d.log", restart))
		out, err := os.Create(log)
		if err != nil {
			t.Fatal(err)
		}
		server.Stdout, server.Stderr = out, out
		if err := server.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = server.Process.Kill() })
		ready := func() bool {
			return send("GET", "http://"+addresses[0]+"/readyz", http.Header{}, nil).status == http.StatusOK
		}
		await(t, "it is ready", ready)
		if s == nil {
			s = startSteady("http://"+addresses[1], issues+"?per_page=1", secret)
		}
		time.Sleep(300 * time.Millisecond)
		if restart == 2 {
			s.end(t)
		}
		if err := server.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		if err := server.Wait(); err != nil {
			text, _ := os.ReadFile(log)
			t.Fatalf("%v\n%s", err, tail(string(text), 5))
		}
		_ = out.Close()
	}
}
