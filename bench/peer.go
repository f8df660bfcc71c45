//go:build linux

package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"patgate/bench/report"
)

// peer is one way to put something in front of the upstream.
type peer struct {
	name    string
	checks  string // what it does for a request, besides forwarding it
	program string // that must be installed; empty when it is built here
	install string
	start   func(ctx context.Context, s *stage, to target) (*service, error)
}

// target is what a peer forwards to, and how.
type target struct {
	upstream string   // host:port
	seeded   *seeded  // the tokens that patgate knows
	env      []string // further environment
	secure   bool     // https on both sides
	suffix   string   // of the service's name and files, when a peer runs more than once

	connections int // to the upstream, at most; 0 is more than are needed
}

// peers lists who is compared, in the order in which they are driven. All have as many workers as there are processors,
// keep their connections to the upstream, and write a line for each request.
func peers() []peer {
	return []peer{
		{name: report.NginxPlain, program: "nginx", install: "apt-get install nginx-light", start: startNginxPlain,
			checks: "Nothing. Forwards target and headers as they came; buffered access log."},
		{
			name:  report.Patgate,
			start: startPatgate,
			checks: "Classifies the target by the whole table for GitLab, finds the token by its SHA-256 among 100,000 in " +
				"SQLite (cached), resolves the project's path to its id (cached for 30 s), decides, rebuilds the request, puts " +
				"the owner's credential in; audit line, metrics, use counts.",
		},
		{name: report.Haproxy, program: "haproxy", install: "apt-get install haproxy", start: startHAProxy,
			checks: "Nothing. Forwards; formats its log line into a ring in memory, the cheapest log that it has."},
		{
			name:    report.NginxAuth,
			program: "nginx",
			install: "apt-get install nginx-light",
			start:   startNginxAuth,
			checks: "Asks a small authorizer (Go, fasthttp) for each request, as nginx's manual shows it: HTTP/1.0, a " +
				"connection for " +
				"each. SHA-256 of the token among 100,000 in memory, and that the project in the path is the token's. No " +
				"table of routes, " +
				"no permissions, no ids, the client's own credential goes on to the upstream; buffered access log.",
		},
		{name: report.NginxAuthKept, program: "nginx", install: "apt-get install nginx-light", start: startNginxAuthKept,
			checks: "The same, tuned: the connections to the authorizer are kept (HTTP/1.1, an upstream block with keepalive)."},
		{name: report.Caddy, program: "caddy", install: "apt-get install caddy", start: startCaddy,
			checks: "Nothing. Forwards; access log in a file."},
	}
}

// find looks a program up, also where distributions keep those of administrators.
func find(program string) (string, error) {
	if p, err := exec.LookPath(program); err == nil {
		return p, nil
	}
	return exec.LookPath(filepath.Join("/usr/sbin", program))
}

// run starts a peer and waits until it listens.
func (p *peer) run(ctx context.Context, s *stage, to target) (*service, error) {
	v, err := p.start(ctx, s, to)
	if err != nil {
		return nil, err
	}
	v.secure = to.secure
	if err := listening(v.address); err != nil {
		v.stop()
		return nil, &notListening{v.name, s.tail(v.name)}
	}
	return v, nil
}

type notListening struct{ name, said string }

func (e *notListening) Error() string { return e.name + " does not listen; it said: " + e.said }

// configured writes a configuration and starts a program with it. %s in args is the configuration's file.
func (s *stage) configured(name, config, address string, env []string, program string, args ...string) (*service, error) {
	file := s.path(name + ".conf")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		return nil, err
	}
	path := program
	if !filepath.IsAbs(program) {
		var err error
		if path, err = find(program); err != nil {
			return nil, err
		}
	}
	for i := range args {
		args[i] = strings.ReplaceAll(args[i], "%s", file)
	}
	v, err := s.start(name, env, path, args...)
	if err == nil {
		v.address = address
	}
	return v, err
}

// versionOf gives the first line that says a version in what a program prints.
func versionOf(program string) string {
	path, err := find(program)
	if err != nil {
		return ""
	}
	for _, args := range [][]string{{"-v"}, {"version"}} {
		out, _ := exec.Command(path, args...).CombinedOutput()
		for line := range strings.Lines(string(out)) {
			if strings.ContainsAny(line, "0123456789") && !strings.Contains(line, "unknown") && !strings.Contains(line, "Usage") {
				return strings.TrimSpace(strings.TrimPrefix(strings.TrimPrefix(line, "nginx version: "), "HAProxy version "))
			}
		}
	}
	return ""
}
