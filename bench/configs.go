//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// patgateConfig is patgate as it is by default, but for addresses, files and @FURTHER@.
const patgateConfig = `
upstream: {url: "@ORIGIN@", connections: @CONNECTIONS@@CA@}
@TLS@
listen: @LISTEN@
admin: {listen: @ADMIN@}
data_dir: @DATA@
store: {key_file: @KEY@}
@FURTHER@
`

// wideBudget lets one owner's tokens ask for all projects at once.
const wideBudget = "resolver: {budget_per_owner: 1000000, budget_per_token: 100000}"

// manyConnections is how many connections to the upstream all peers may have, or keep, where they are not what is measured.
const manyConnections = "1024"

func startPatgate(_ context.Context, s *stage, to target) (*service, error) {
	listen, err := freePort()
	if err != nil {
		return nil, err
	}
	admin, err := freePort()
	if err != nil {
		return nil, err
	}
	origin, ca, certificate := "http://"+to.upstream, "", ""
	if to.secure {
		origin, ca = "https://"+to.upstream, `, ca_file: "`+s.path("cert.pem")+`"`
		certificate = `tls: {cert_file: "` + s.path("cert.pem") + `", key_file: "` + s.path("key.pem") + `"}`
	}
	most, further := manyConnections, wideBudget
	if to.connections > 0 {
		most, further = fmt.Sprint(to.connections), ""
	}
	config := s.fill(patgateConfig, "@CONNECTIONS@", most, "@FURTHER@", further, "@ORIGIN@", origin, "@CA@", ca,
		"@TLS@", certificate, "@LISTEN@", listen,
		"@ADMIN@", admin, "@DATA@", to.seeded.data, "@KEY@", to.seeded.keys)
	return s.configured("patgate"+to.suffix, config, listen, to.env, s.patgate, "serve", "--config", "%s")
}

// nginxConfig has @AUTH@ in the place of what asks for authorization, and @ASKED@ in that of how.
const nginxConfig = `
daemon off;
worker_processes auto;
pid @DIR@/@NAME@.pid;
error_log stderr error;
@USER@
events { worker_connections 8192; }
http {
  @TEMP@
  access_log @DIR@/@NAME@.access.log combined buffer=64k flush=1s;
  keepalive_requests 1000000000;
  keepalive_timeout 1h;
  client_max_body_size 0;
  proxy_http_version 1.1;
  proxy_set_header Connection "";
  proxy_set_header Host $host;
  proxy_set_header X-Forwarded-For $remote_addr;
  proxy_request_buffering off;
  proxy_max_temp_file_size 0;
  upstream forge { @MOST@ keepalive 1024; keepalive_requests 1000000000; keepalive_timeout 1h; }
  @AUTHORIZER@
  server {
    listen @LISTEN@ backlog=4096 reuseport@SSL@;
    location / { @AUTH@ proxy_pass @SCHEME@://forge; }
    location = /authorize {
      internal;
      @ASKED@
      proxy_pass_request_body off;
      proxy_set_header Content-Length "";
      proxy_set_header X-Original-URI $request_uri;
    }
  }
}
`

// asking is how nginx asks an authorizer; the zero value is not at all.
type asking struct{ auth, upstream, pass string }

// keptAsking keeps connections to the authorizer; documentedAsking is as nginx's manual (ngx_http_auth_request_module) and those
// of authorizers such as oauth2-proxy show it: with nginx's defaults, HTTP/1.0 and a connection for each request.
func keptAsking(address string) asking {
	return asking{"auth_request /authorize;",
		"upstream authorizer { server " + address + "; keepalive 1024; keepalive_requests 1000000000; keepalive_timeout 1h; }",
		`proxy_pass http://authorizer/; proxy_set_header Connection "";`}
}

func documentedAsking(address string) asking {
	return asking{"auth_request /authorize;", "",
		"proxy_pass http://" + address + "/; proxy_http_version 1.0; proxy_set_header Connection close;"}
}

func (s *stage) nginx(name string, ask asking, to target) (*service, error) {
	listen, err := freePort()
	if err != nil {
		return nil, err
	}
	name += to.suffix
	ssl, scheme := "", "http"
	if to.secure {
		ssl, scheme = " ssl; ssl_certificate "+s.path("cert.pem")+"; ssl_certificate_key "+s.path("key.pem"), "https"
	}
	most := "server " + to.upstream + ";"
	if to.connections > 0 {
		most = fmt.Sprintf("zone forge 64k; server %s max_conns=%d;", to.upstream, to.connections)
	}
	config := s.fill(nginxConfig, "@MOST@", most, "@SSL@", ssl, "@SCHEME@", scheme, "@AUTH@", ask.auth,
		"@AUTHORIZER@", ask.upstream, "@ASKED@", ask.pass, "@NAME@", name, "@LISTEN@", listen)
	if ask == (asking{}) {
		at := strings.Index(config, "    location = /authorize")
		config = config[:at] + "  }\n}\n"
	}
	return s.configured(name, config, listen, to.env, "nginx", "-p", s.dir, "-c", "%s")
}

func startNginxPlain(_ context.Context, s *stage, to target) (*service, error) {
	return s.nginx("nginx", asking{}, to)
}

func startNginxAuth(ctx context.Context, s *stage, to target) (*service, error) {
	return s.nginxAuth(ctx, "nginx-auth", documentedAsking, to)
}

func startNginxAuthKept(ctx context.Context, s *stage, to target) (*service, error) {
	return s.nginxAuth(ctx, "nginx-auth-kept", keptAsking, to)
}

func (s *stage) nginxAuth(ctx context.Context, name string, ask func(address string) asking, to target) (*service, error) {
	binary := s.path("authorizer")
	if _, err := os.Stat(binary); err != nil {
		if err := build(ctx, "patgate/bench/authorizer", binary); err != nil {
			return nil, err
		}
	}
	var known strings.Builder
	for i, secret := range to.seeded.tokens {
		fmt.Fprintf(&known, "%s group%%2Fproject-%d\n", secret, project(i))
	}
	if err := os.WriteFile(s.path("authorizer.tokens"), []byte(known.String()), 0o600); err != nil {
		return nil, err
	}
	address, err := freePort()
	if err != nil {
		return nil, err
	}
	authorizer := name + "-authorizer" + to.suffix
	helper, err := s.start(authorizer, nil, binary, "-listen", address, "-tokens", s.path("authorizer.tokens"))
	if err != nil {
		return nil, err
	}
	if err := listening(address); err != nil {
		helper.stop()
		return nil, &notListening{authorizer, s.tail(authorizer)}
	}
	v, err := s.nginx(name, ask(address), to)
	if err != nil {
		helper.stop()
		return nil, err
	}
	stop := v.stop
	v.pids = append(v.pids, helper.pids...)
	v.stop = func() { stop(); helper.stop() }
	return v, nil
}

const haproxyConfig = `
global
  nbthread @THREADS@
  maxconn 4096
  log ring@lines format raw local0
ring lines
  format raw
  maxlen 1200
  size 65536
defaults
  mode http
  log global
  option httplog
  option http-keep-alive
  http-reuse always
  timeout connect 5s
  timeout client 1h
  timeout server 1h
  timeout http-keep-alive 1h
  @FURTHER@
frontend clients
  bind @LISTEN@ backlog 4096
  option forwardfor
  default_backend forge
backend forge
  server forge @UPSTREAM@ pool-max-conn 1024 pool-purge-delay 1h@MOST@
`

func startHAProxy(_ context.Context, s *stage, to target) (*service, error) {
	listen, err := freePort()
	if err != nil {
		return nil, err
	}
	most, further := "", ""
	if to.connections > 0 {
		most = fmt.Sprint(" maxconn ", to.connections)
		further = "option abortonclose\n  timeout queue 5s" // it has nobody wait for longer than patgate does
	}
	config := s.fill(haproxyConfig, "@MOST@", most, "@FURTHER@", further, "@THREADS@", fmt.Sprint(runtime.GOMAXPROCS(0)),
		"@LISTEN@", listen, "@UPSTREAM@", to.upstream)
	return s.configured("haproxy"+to.suffix, config, listen, to.env, "haproxy", "-db", "-f", "%s")
}

const caddyConfig = `
{
	admin off
	auto_https off
	log {
		level ERROR
	}
}
http://@LISTEN@ {
	log {
		output file @DIR@/caddy.access.log
	}
	reverse_proxy @UPSTREAM@ {
		transport http {
			keepalive_idle_conns 1024
			keepalive_idle_conns_per_host 1024
			compression off
		}
	}
}
`

func startCaddy(_ context.Context, s *stage, to target) (*service, error) {
	listen, err := freePort()
	if err != nil {
		return nil, err
	}
	config := s.fill(caddyConfig, "@LISTEN@", listen, "@UPSTREAM@", to.upstream)
	env := append([]string{"XDG_DATA_HOME=" + s.dir, "XDG_CONFIG_HOME=" + s.dir, "HOME=" + s.dir}, to.env...)
	return s.configured("caddy"+to.suffix, config, listen, env, "caddy", "run", "--adapter", "caddyfile", "--config",
		filepath.Clean("%s"))
}
