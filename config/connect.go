package config

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
)

// Connect is where a server listens: `host:port` or `unix:/path`.
type Connect string

// maxSocketPath is how long the path of a Unix socket may be on every system.
const maxSocketPath = 103

// UnmarshalText reads where a server listens.
func (c *Connect) UnmarshalText(text []byte) error {
	s := string(text)
	if path, is := strings.CutPrefix(s, "unix:"); is {
		switch {
		case !filepath.IsAbs(path):
			return errors.New("not a path from the root: write unix:/run/gitlab/workhorse.socket")
		case len(path) > maxSocketPath:
			return fmt.Errorf("longer than the path of a Unix socket can be: write one of at most %d characters", maxSocketPath)
		}
		*c = Connect(s)
		return nil
	}
	if !isHostPort(s) {
		return errors.New("not where a server listens: write host:port, such as 10.0.0.5:443, or unix:/path")
	}
	*c = Connect(strings.ToLower(s))
	return nil
}

// String gives it as it was written.
func (c Connect) String() string { return string(c) }

// SocketPath gives the path of the Unix socket that an address to listen on names, `unix:/path`.
func SocketPath(address string) (path string, is bool) { return strings.CutPrefix(address, "unix:") }

// unix tells whether it is a Unix socket.
func (c Connect) unix() bool { return strings.HasPrefix(string(c), "unix:") }

// isHostPort tells whether a text is a host with a port, and nothing else.
func isHostPort(s string) bool {
	host, port, err := net.SplitHostPort(s)
	n, portErr := strconv.ParseUint(port, 10, 16)
	u, urlErr := url.Parse("http://" + s)
	return err == nil && portErr == nil && n > 0 && host != "" && urlErr == nil && u.Host == s && !strings.ContainsAny(s, "/?#@ ")
}

// Proxy is an HTTP proxy: `http://proxy.example.com:3128`, or `http://user:password@proxy.example.com:3128`. It never prints
// its credential.
type Proxy struct {
	host       string
	credential Secret // "user:password"
}

// UnmarshalText reads the address of a proxy.
func (p *Proxy) UnmarshalText(text []byte) error {
	u, err := url.Parse(string(text))
	switch {
	case err != nil, u.Scheme != "http", !isHostPort(u.Host):
		return errors.New("not an HTTP proxy: write http:// with a host and a port, such as http://proxy.example.com:3128")
	case u.Path != "" && u.Path != "/", u.RawQuery != "", u.Fragment != "", u.ForceQuery:
		return errors.New("more than the address of a proxy: write scheme, host and port alone")
	}
	*p = Proxy{host: u.Host}
	if u.User != nil {
		password, _ := u.User.Password()
		if u.User.Username() == "" || strings.ContainsAny(u.User.Username()+password, "\r\n") {
			return errors.New("has a user name that no proxy takes: write http://user:password@proxy.example.com:3128")
		}
		p.credential = Secret{u.User.Username() + ":" + password}
	}
	return nil
}

// Empty tells whether nothing was given.
func (p Proxy) Empty() bool { return p.host == "" }

// Host gives host and port.
func (p Proxy) Host() string { return p.host }

// Credential gives the user name and the password, with a colon between them; empty: the proxy is asked without.
func (p Proxy) Credential() Secret { return p.credential }

// String gives the address with a mask in the credential's place.
func (p Proxy) String() string {
	switch {
	case p.Empty():
		return ""
	case p.credential.Empty():
		return "http://" + p.host
	}
	return "http://" + p.credential.String() + "@" + p.host
}

// GoString gives the mask too, for %#v.
func (p Proxy) GoString() string { return p.String() }

// MarshalText gives the mask too, for JSON and YAML.
func (p Proxy) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// Way is how a server is reached: the part that the forge and its registry share.
type Way struct {
	URL                          URL
	Connect                      Connect
	CAFile                       string
	ClientCertificate, ClientKey string
	Proxy                        Proxy
}

// Way gives how the forge is reached.
func (u *Upstream) Way() Way {
	return Way{u.URL.URL, u.Connect, u.CAFile, u.ClientCertificate, u.ClientKey, u.Proxy}
}

// Way gives how the registry is reached.
func (r *Registry) Way() Way {
	return Way{r.URL, r.Connect, r.CAFile, r.ClientCertificate, r.ClientKey, r.Proxy}
}

// Local tells whether the way to the server stays on this machine.
func (w *Way) Local() bool {
	switch {
	case !w.Proxy.Empty():
		return false
	case w.Connect.unix():
		return true
	case w.Connect != "":
		return URL{"http://" + string(w.Connect)}.Loopback()
	}
	return w.URL.Loopback()
}

// way refuses ways to a server that lead nowhere, or past what protects them. section is "upstream" or "registry".
func (p *reader) way(section string, w *Way) {
	key := func(name string) string { return section + "." + name }
	plain := !w.URL.HTTPS()
	given, missing, file := "client_certificate", "client_key", w.ClientCertificate
	if w.ClientCertificate == "" {
		given, missing, file = missing, given, w.ClientKey
	}
	switch {
	case plain && !w.Local() && !p.config.Upstream.AllowPlainHTTP:
		where := "to another machine"
		if w.URL.Loopback() {
			where = "and leaves this machine by " + section + ".connect or .proxy"
		}
		p.refuse(key("url"), w.URL.String(), "is plain http "+where+", which would carry credentials unencrypted",
			"write https://"+w.URL.Host()+", or set upstream.allow_plain_http: true")
	case plain && w.CAFile != "":
		p.refuse(key("ca_file"), w.CAFile, "has no use with plain http", "leave it out, or write https in "+key("url"))
	case (w.ClientCertificate == "") != (w.ClientKey == ""):
		p.refuse(key(given), file, "is given without "+key(missing), "give both, or none")
	case plain && w.ClientCertificate != "":
		p.refuse(key("client_certificate"), w.ClientCertificate, "has no use with plain http",
			"leave it out, or write https in "+key("url"))
	}
	if w.Connect.unix() && !w.Proxy.Empty() {
		p.refuse(key("proxy"), w.Proxy.String(), "has no use with a Unix socket, which is on this machine",
			"leave it out, or give "+key("connect")+" as host:port")
	}
	p.roundabout(section, w)
}

// roundabout refuses an address of the forge's that is plainly one of patgate's own: requests would go round in circles. Others
// that lead back are found out by their requests, which are answered with 508.
func (p *reader) roundabout(section string, w *Way) {
	key, at := section+".url", w.URL.Host()
	if w.Connect != "" {
		key, at = section+".connect", string(w.Connect)
	}
	if own := string(w.Connect); w.Connect.unix() && (own == p.config.Listen || own == p.config.Admin.Listen) {
		p.refuse(key, own, "is where patgate itself listens: requests would come back to it", "give where the forge itself "+
			"listens")
	}
	if w.Connect.unix() || !w.Proxy.Empty() {
		return
	}
	host, port, err := net.SplitHostPort(at)
	if err != nil {
		host, port = strings.Trim(at, "[]"), "80"
		if w.URL.HTTPS() {
			port = "443"
		}
	}
	for _, own := range []string{p.config.Listen, p.config.Admin.Listen, p.config.Console.Listen} {
		listens, on, err := net.SplitHostPort(own)
		if err != nil || on != port {
			continue
		}
		ip := net.ParseIP(listens)
		everywhere := listens == "" || ip != nil && ip.IsUnspecified()
		loopback := listens == "localhost" || ip != nil && ip.IsLoopback()
		if strings.EqualFold(listens, host) || w.Local() && (everywhere || loopback && sameLoopback(listens, host)) {
			shown := at
			if w.Connect == "" {
				shown = w.URL.String()
			}
			p.refuse(key, shown, "is patgate's own address ("+own+"): requests would come back to it",
				"give the address of the forge itself")
			return
		}
	}
}

// sameLoopback tells whether two names of this machine's own may be one address: localhost is any of them.
func sameLoopback(a, b string) bool { return a == b || a == "localhost" || b == "localhost" }
