package proxy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"
)

// grape is a running testdata/grape: all of GitLab's REST routes in Ruby's Grape behind Rails' request layer, on Puma.
type grape struct {
	origin string
	client *http.Client
}

// sighting is what the stand-in says of one request that reached it.
type sighting struct {
	Route          string         `json:"route"`           // "GET /projects/:id/jobs"
	Method         string         `json:"method"`          // after overrides
	OriginalMethod string         `json:"original_method"` // before
	Target         string         `json:"target"`          // raw
	Grape          map[string]any `json:"grape"`           // parameters
	Rails          map[string]any `json:"rails"`
	Credentials    [][2]any       `json:"credentials"` // place and value; the first is the one that GitLab would use
	Sudo           any            `json:"sudo"`
	BodyTaken      bool           `json:"body_taken"` // by Workhorse: the parameters are those of the query
	Remote         string         `json:"remote"`
	Headers        map[string]any `json:"headers"` // by CGI name
	Error          string         `json:"error"`
}

const grapeStart = 3 * time.Minute

// startGrape starts the stand-in, or skips the test with a line that says what is missing.
func startGrape(t *testing.T) *grape {
	t.Helper()
	if _, err := exec.LookPath("puma"); err != nil || exec.Command("ruby", "-e", "require 'grape'; require 'action_controller'").Run() != nil {
		const missing = "the Ruby stand-in is not here: apt-get install puma ruby-grape ruby-actionpack"
		if os.Getenv("PATGATE_E2E_REQUIRED") == "1" {
			t.Fatal(missing)
		}
		t.Skip(missing)
	}
	tables, err := filepath.Abs("../routes/testdata")
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := ln.Addr().String()
	ln.Close()
	var log lockedBuffer
	cmd := exec.Command("puma", "-C", "testdata/grape/puma.rb", "-b", "tcp://"+address, "testdata/grape/config.ru")
	cmd.Env = append(os.Environ(), "ROUTES_DIR="+tables, "RACK_ENV=production")
	cmd.Stdout, cmd.Stderr = &log, &log
	alive, err := cmd.StdinPipe() // its end ends the stand-in
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("starting puma: %v", err)
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	t.Cleanup(func() { alive.Close(); <-ended })
	g := &grape{origin: "http://" + address, client: &http.Client{Timeout: 30 * time.Second}}
	for deadline := time.Now().Add(grapeStart); ; {
		if _, err := g.count(); err == nil {
			g.warm(t)
			return g
		}
		select {
		case <-ended:
			t.Fatalf("puma ended: %s", log.String())
		case <-time.After(100 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			t.Fatalf("puma did not start in %v: %s", grapeStart, log.String())
		}
	}
}

// warm has Grape compile its routes, which it does at the first request.
func (g *grape) warm(t *testing.T) {
	t.Helper()
	patient := &http.Client{Timeout: grapeStart}
	response, err := patient.Get(g.origin + "/api/v4/version")
	if err != nil {
		t.Fatalf("the stand-in's first answer: %v", err)
	}
	response.Body.Close()
}

// count gives the number of requests that arrived.
func (g *grape) count() (int, error) {
	body, err := g.get("/-/count")
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(string(body))
}

// kept gives what the request of that id saw.
func (g *grape) kept(id string) (*sighting, error) {
	body, err := g.get("/-/seen/" + id)
	if err != nil {
		return nil, err
	}
	return readSighting(body)
}

func (g *grape) get(path string) ([]byte, error) {
	response, err := g.client.Get(g.origin + path)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("asking the stand-in for %s: status %d", path, response.StatusCode)
	}
	return body, err
}

func readSighting(body []byte) (*sighting, error) {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var s sighting
	if err := d.Decode(&s); err != nil {
		return nil, fmt.Errorf("reading the stand-in's answer %.200q: %w", body, err)
	}
	if s.Error != "" {
		return nil, fmt.Errorf("the stand-in failed: %s", s.Error)
	}
	return &s, nil
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
