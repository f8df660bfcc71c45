package cli_test

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"patgate/forge/forgetest"
)

// stage is what one script plays on: a forge, a server, the last answer, and the secrets that were minted.
type stage struct {
	world *world
	dir   string

	server  *exec.Cmd
	log     *os.File
	exited  chan error
	answer  answer
	pending chan answer // of a request in the background
	hammer  *hammer
	printed bytes.Buffer // by the command patgate

	mu      sync.Mutex
	secrets []secret
}

// answer is what a request got.
type answer struct {
	status int
	header http.Header
	body   string
	err    error
}

// patience is how long a script waits for something that must happen.
const patience = 15 * time.Second

// ports finds two free ports for the server.
func (s *stage) ports() (listen, admin string, err error) {
	var found [2]string
	for i := range found {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return "", "", err
		}
		defer l.Close()
		found[i] = l.Addr().String()
	}
	return found[0], found[1], nil
}

func (s *stage) secret(name, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.secrets = append(s.secrets, secret{name, text})
}

// logText gives the server's log so far.
func (s *stage) logText() string {
	data, _ := os.ReadFile(filepath.Join(s.dir, "serve.log"))
	return string(data)
}

// start starts patgate serve and waits until it is ready or has given up.
func (s *stage) start(env, args []string, admin string) error {
	return s.startUntil(env, args, admin, func(status int) bool { return status == http.StatusOK })
}

// startUntil is start for a gateway that may say with another status that it runs.
func (s *stage) startUntil(env, args []string, admin string, runs func(status int) bool) error {
	before := 0
	if s.world != nil && s.world.forge != nil {
		before = len(s.world.forge.Requests())
	}
	log, err := os.OpenFile(filepath.Join(s.dir, "serve.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	s.log = log
	s.server = exec.Command("patgate", append([]string{"serve"}, args...)...)
	s.server.Dir, s.server.Env = s.dir, env
	if raced {
		s.server.Env = append(slices.Clone(env), "GORACE=log_path="+raceLog)
	}
	s.server.Stdout, s.server.Stderr = log, log
	if err := s.server.Start(); err != nil {
		return err
	}
	exited := make(chan error, 1)
	server := s.server
	go func() { exited <- server.Wait() }()
	s.exited = exited
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		select {
		case err := <-exited:
			s.server = nil
			return fmt.Errorf("patgate serve ended: %w\n%s", err, s.logText())
		default:
		}
		if response, err := http.Get(admin + "/readyz"); err == nil {
			response.Body.Close()
			if response.StatusCode == http.StatusOK {
				s.awaitGreeting(env, before)
			}
			if runs(response.StatusCode) {
				return nil
			}
		}
	}
	return fmt.Errorf("patgate serve was not ready in time\n%s", s.logText())
}

// awaitGreeting waits until patgate has asked the stand-in forge what it asks of itself after its start, so that no test takes that for
// what it sent. Before is how many requests the forge had when patgate was started.
func (s *stage) awaitGreeting(env []string, before int) {
	if s.world == nil || s.world.forge == nil || !slices.Contains(env, "PATGATE_UPSTREAM_URL="+s.world.url) {
		return
	}
	for end := time.Now().Add(2 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		got := s.world.forge.Requests()
		if slices.ContainsFunc(got[min(before, len(got)):], func(r forgetest.Request) bool {
			return r.Target == "/api/v4/version" &&
				r.Status != 0
		}) {
			return
		}
	}
}

// stop ends the server with a signal and waits; it must end cleanly.
func (s *stage) stop(sig os.Signal) error {
	if s.server == nil {
		return errors.New("no server runs")
	}
	if err := s.server.Process.Signal(sig); err != nil {
		return err
	}
	return s.ended()
}

// ended waits until the server is gone.
func (s *stage) ended() error {
	defer func() { s.server = nil; s.log.Close() }()
	select {
	case err := <-s.exited:
		return err
	case <-time.After(patience):
		_ = s.server.Process.Kill()
		<-s.exited
		return errors.New("the server did not end in time")
	}
}

// close ends what still runs and looks for secrets.
func (s *stage) close(t testscript.T) {
	if s.hammer != nil {
		s.hammer.stop()
	}
	if s.server != nil {
		_ = s.stop(syscall.SIGKILL)
	}
	s.world.close()
	if found := leaks(s.dir, s.secrets); len(found) > 0 {
		t.Fatal("secrets were written: " + strings.Join(found, "; "))
	}
}

// hammer sends requests one after the other until it is stopped, and remembers what was not answered with 200.
type hammer struct {
	done     chan struct{}
	finished chan struct{}
	requests int
	failures []string
}

func newHammer(request func() answer) *hammer {
	h := &hammer{done: make(chan struct{}), finished: make(chan struct{})}
	go func() {
		defer close(h.finished)
		for {
			select {
			case <-h.done:
				return
			default:
			}
			h.requests++
			if a := request(); a.err != nil || a.status != http.StatusOK {
				h.failures = append(h.failures, fmt.Sprint(a.status, " ", a.err, " ", a.body))
			}
		}
	}()
	return h
}

func (h *hammer) stop() {
	select {
	case <-h.done:
	default:
		close(h.done)
	}
	<-h.finished
}

// send makes one request over a connection of its own. Redirects are not followed.
func send(method, url string, header http.Header, body []byte) answer {
	request, err := http.NewRequest(method, url, bytes.NewReader(body))
	if err != nil {
		return answer{err: err}
	}
	request.Header = header
	client := http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Timeout:       patience,
	}
	response, err := client.Do(request)
	if err != nil {
		return answer{err: err}
	}
	defer response.Body.Close()
	var text bytes.Buffer
	_, err = text.ReadFrom(response.Body)
	return answer{status: response.StatusCode, header: response.Header, body: text.String(), err: err}
}
