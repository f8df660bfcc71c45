//go:build linux

package main

import (
	"errors"
	"os"
	"strings"
)

// answerBytes is the length of the answer to every request.
const answerBytes = 1024

// upstreamConfig is the forge's stand-in: every path has the same answer, but for those that patgate resolves projects
// and groups by, which nginx answers from their own numbers.
const upstreamConfig = `
daemon off;
worker_processes auto;
pid @DIR@/upstream.pid;
error_log stderr warn;
@USER@
events { worker_connections 8192; }
http {
  @TEMP@
  access_log off;
  keepalive_requests 1000000000;
  keepalive_timeout 1h;
  client_max_body_size 0;
  default_type application/json;
  server {
    listen @UPSTREAM@ backlog=4096 reuseport;
    listen @SECURE@ backlog=4096 reuseport ssl;
    ssl_certificate @DIR@/cert.pem;
    ssl_certificate_key @DIR@/key.pem;
    location / { return 200 '@BODY@'; }
    location ~ "^/api/v4/projects/group/project-([0-9]+)$" {
      return 200 '@PROJECT@';
    }
    location ~ "^/api/v4/projects/([0-9]+)$" {
      return 200 '@PROJECT@';
    }
    location = /api/v4/user { return 200 '@OWNER@'; }
    location = /api/v4/personal_access_tokens/self { return 200 '@CREDENTIAL@'; }
    location = /api/v4/groups/7 { return 200 '{"id":7,"full_path":"group","parent_id":null,"visibility":"private"}'; }
  }
}
`

// What patgate is told of a project, and of the owner and the credential, which it looks at now and then.
const (
	projectAnswer = `{"id":$1,"path_with_namespace":"group/project-$1","visibility":"private",` +
		`"namespace":{"id":7,"kind":"group","full_path":"group","parent_id":null},` +
		`"permissions":{"project_access":{"access_level":40},"group_access":null}}`
	ownerAnswer      = `{"id":42,"username":"bench","bot":false,"is_admin":false}`
	credentialAnswer = `{"id":1,"name":"bench","user_id":42,"scopes":["api"],"active":true,"revoked":false,` +
		`"granular":false,"expires_at":null}`
)

// fill writes the values of a configuration. Values stand as pairs of name and value.
func (s *stage) fill(config string, values ...string) string {
	user := ""
	if os.Getuid() == 0 {
		user = "user root;"
	}
	temp := ""
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		temp += kind + "_temp_path " + s.path("temp-"+kind) + "; "
	}
	pairs := append(values, "@DIR@", s.dir, "@USER@", user, "@TEMP@", temp)
	return strings.NewReplacer(pairs...).Replace(config)
}

// startUpstream starts nginx with the fixed answers.
func (s *stage) startUpstream() error {
	nginx, err := find("nginx")
	if err != nil {
		return errors.New("the upstream is nginx, which is not here (apt-get install nginx-light)")
	}
	if s.upstream, err = freePort(); err != nil {
		return err
	}
	if s.secureUpstream, err = freePort(); err != nil {
		return err
	}
	if err := s.writeCertificate(); err != nil {
		return err
	}
	config := s.fill(upstreamConfig, "@UPSTREAM@", s.upstream, "@SECURE@", s.secureUpstream, "@BODY@", fixedAnswer(),
		"@PROJECT@", projectAnswer, "@OWNER@", ownerAnswer, "@CREDENTIAL@", credentialAnswer)
	if err := os.WriteFile(s.path("upstream.conf"), []byte(config), 0o600); err != nil {
		return err
	}
	v, err := s.start("upstream", nil, nginx, "-p", s.dir, "-c", s.path("upstream.conf"))
	if err != nil {
		return err
	}
	s.stops = append(s.stops, v.stop)
	if err := listening(s.upstream); err != nil {
		return errors.New("the upstream does not answer: " + s.tail("upstream"))
	}
	return nil
}

// fixedAnswer is JSON of answerBytes bytes.
func fixedAnswer() string {
	const head, end = `[{"id":1,"name":"job","status":"success","log":"`, `"}]`
	return head + strings.Repeat("x", answerBytes-len(head)-len(end)) + end
}
