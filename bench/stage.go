//go:build linux

package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// stage is where everything runs: a folder, the binaries that were built, the upstream and the tokens.
type stage struct {
	dir            string // temporary
	patgate        string // the binary
	upstream       string // host:port
	secureUpstream string // the same over https
	seeded         *seeded
	log            io.Writer
	stops          []func()
}

// newStage builds the binaries, seeds the store and starts the upstream.
func newStage(ctx context.Context, o *options, log io.Writer) (s *stage, err error) {
	s = &stage{log: log}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	if s.dir, err = os.MkdirTemp("", "patgate-bench-"); err != nil {
		return s, err
	}
	if !o.keep {
		s.stops = append(s.stops, func() { _ = os.RemoveAll(s.dir) })
	}
	if s.patgate = o.binary; s.patgate == "" {
		s.patgate = s.path("patgate")
		s.say("building patgate")
		if err := build(ctx, "patgate", s.patgate); err != nil {
			return s, err
		}
	}
	if err := s.startUpstream(); err != nil {
		return s, err
	}
	s.say("seeding %d tokens", o.tokens)
	s.seeded, err = seed(ctx, s.path("data"), s.path("keys"), "http://"+s.upstream, o.tokens)
	return s, err
}

// build makes a static binary of a package of this module.
func build(ctx context.Context, pkg, to string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", to, pkg)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("building %s: %w\n%s", pkg, err, out)
	}
	return nil
}

func (s *stage) path(name string) string { return filepath.Join(s.dir, name) }

func (s *stage) say(format string, args ...any) {
	fmt.Fprintf(s.log, "%s "+format+"\n", append([]any{time.Now().Format("15:04:05")}, args...)...)
}

// close ends everything that was started, the last first.
func (s *stage) close() {
	for i := len(s.stops) - 1; i >= 0; i-- {
		s.stops[i]()
	}
	s.stops = nil
}

// service is a running peer or upstream: one program with its children, and further ones that belong to it.
type service struct {
	name    string
	address string // host:port
	secure  bool   // it is reached over https
	pids    []int
	stop    func()
}

func (v *service) origin() string {
	if v.secure {
		return "https://" + v.address
	}
	return "http://" + v.address
}

// start runs a program in the stage's folder until stop. Its output goes to a file.
func (s *stage) start(name string, env []string, program string, args ...string) (*service, error) {
	out, err := os.OpenFile(s.path(name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	cmd := exec.Command(program, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = s.dir, out, out
	cmd.Env = append(os.Environ(), env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", name, err)
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	stop := func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-ended:
		case <-time.After(5 * time.Second):
			_ = cmd.Process.Kill()
			<-ended
		}
	}
	return &service{name: name, pids: []int{cmd.Process.Pid}, stop: stop}, nil
}

// tail gives the end of what a service wrote, for errors.
func (s *stage) tail(name string) string {
	b, _ := os.ReadFile(s.path(name + ".log"))
	return strings.TrimSpace(string(b[max(0, len(b)-2000):]))
}

// freePort gives an address on loopback that nobody listens on.
func freePort() (string, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer ln.Close()
	return ln.Addr().String(), nil
}

// listening waits until an address takes connections.
func listening(address string) error {
	deadline := time.Now().Add(20 * time.Second)
	for {
		c, err := net.DialTimeout("tcp", address, time.Second)
		if err == nil {
			return c.Close()
		}
		if time.Now().After(deadline) {
			return err
		}
		time.Sleep(5 * time.Millisecond)
	}
}
