//go:build linux

package main

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"patgate/bench/report"
)

//go:embed requests.lua
var requestsScript []byte

// traffic says what is sent: by how many connections, and for how long.
type traffic struct {
	connections int
	seconds     float64
	tokens      []string
	method      string // of the requests; empty is GET
}

// saturate drives a service as fast as it goes, with wrk, whose own cost is small and the same for everybody, and which
// counts whole seconds. Every answer must be a success.
func (s *stage) saturate(ctx context.Context, v *service, l traffic) (report.Sample, error) {
	wrk, err := find("wrk")
	if err != nil {
		return report.Sample{}, errors.New("the load comes from wrk, which is not here (apt-get install wrk)")
	}
	script, requests, err := s.writeRequests(l)
	if err != nil {
		return report.Sample{}, err
	}
	in, cancel := context.WithTimeout(ctx, time.Duration((l.seconds+30)*float64(time.Second)))
	defer cancel()
	cmd := exec.CommandContext(in, wrk, "-t1", fmt.Sprint("-c", l.connections), fmt.Sprintf("-d%ds", max(1, int(l.seconds+.5))),
		"--timeout", "10s", "-s", script, v.origin(), "--", requests, l.method, mergeRequest)
	var out, problems bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &problems
	before := v.cpu()
	if err := cmd.Run(); err != nil {
		return report.Sample{}, fmt.Errorf("wrk: %w: %s", err, problems.String())
	}
	used := v.cpu() - before
	var told struct {
		Requests int64 `json:"requests"`
		Micros   int64 `json:"microseconds"`
		Failed   int64 `json:"failed"`
	}
	line := out.Bytes()[max(0, bytes.LastIndexByte(bytes.TrimSpace(out.Bytes()), '\n')):]
	if err := json.Unmarshal(bytes.TrimSpace(line), &told); err != nil {
		return report.Sample{}, fmt.Errorf("wrk said %q: %w", out.String(), err)
	}
	if l.seconds *= 2; told.Requests == 0 && told.Failed == 0 && l.seconds < 16 { // so busy is the machine
		return s.saturate(ctx, v, l)
	}
	if told.Failed > 0 || told.Requests == 0 {
		return report.Sample{}, fmt.Errorf("%s: %d of %d requests failed; it said: %s", v.name, told.Failed, told.Requests,
			s.tail(v.name))
	}
	return report.Sample{
		Requests: told.Requests, PerSecond: float64(told.Requests) / (float64(told.Micros) / 1e6),
		CPU: float64(used.Microseconds()) / float64(told.Requests), RSS: v.rss(),
	}, nil
}

// writeRequests writes wrk's script, and the file that it reads: a request for each token.
func (s *stage) writeRequests(l traffic) (script, requests string, err error) {
	script, requests = s.path("requests.lua"), s.path("requests.txt")
	var text strings.Builder
	for i, secret := range l.tokens {
		fmt.Fprintf(&text, "%s %s\n", pathOf(l.method, project(i)), secret)
	}
	if err := os.WriteFile(requests, []byte(text.String()), 0o600); err != nil {
		return "", "", err
	}
	return script, requests, os.WriteFile(script, requestsScript, 0o600)
}

// pathOf gives what is asked of a project.
func pathOf(method string, project int) string {
	if method == "POST" {
		return fmt.Sprintf("/api/v4/projects/group%%2Fproject-%d/merge_requests", project)
	}
	return fmt.Sprintf("/api/v4/projects/group%%2Fproject-%d/jobs?per_page=20", project)
}
