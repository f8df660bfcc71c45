//go:build linux

package report

// Names of the peers, as they stand in results.
const (
	Patgate       = "patgate"
	NginxPlain    = "nginx proxy_pass"
	NginxAuth     = "nginx auth_request"
	NginxAuthKept = "nginx auth_request, connections kept"
	Haproxy       = "haproxy"
	Caddy         = "caddy"
)
