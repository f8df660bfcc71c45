package config

import (
	"net"
	"net/netip"
	"slices"
)

// The values of console.listen that are no address.
const (
	ConsoleOff     = "off"
	ConsoleGateway = "gateway"
)

// ConsolePath is the path below which the console is served on the clients' address.
const ConsolePath = "/-/patgate/console"

// ConsoleOrigins are the origins under which browsers may reach the console, the first of them for links; none when there
// is no console. A console on this machine that was given no public_url is reached by any of this machine's names.
func (c *Config) ConsoleOrigins() []string {
	switch {
	case c.Console.Listen == ConsoleOff:
		return nil
	case !c.Console.PublicURL.Empty():
		return []string{c.Console.PublicURL.String()}
	case c.Console.Listen == ConsoleGateway && !c.PublicURL.Empty():
		return []string{c.PublicURL.String()}
	case c.Console.Listen == ConsoleGateway:
		return c.loopbackOrigins(c.Listen)
	}
	return c.loopbackOrigins(c.Console.Listen)
}

// loopbackOrigins gives the origins of a listen address that is this machine's own; none for others.
func (c *Config) loopbackOrigins(listen string) []string {
	host, port, err := net.SplitHostPort(listen)
	addr, addrErr := netip.ParseAddr(host)
	if err != nil || host != "localhost" && (addrErr != nil || !addr.IsLoopback()) {
		return nil
	}
	scheme := "http"
	if c.TLS.CertFile != "" {
		scheme = "https"
	}
	return []string{scheme + "://localhost:" + port, scheme + "://127.0.0.1:" + port, scheme + "://[::1]:" + port}
}

// ConsoleURL is the console's address for links, without a trailing slash; empty when there is none.
func (c *Config) ConsoleURL() string {
	origins := c.ConsoleOrigins()
	switch {
	case len(origins) == 0:
		return ""
	case c.Console.Listen == ConsoleGateway:
		return origins[0] + ConsolePath
	}
	return origins[0]
}

// ForgePages is the forge's address for browsers, as far as it is known: one that leads to patgate or crosses the network
// readable is none.
func (c *Config) ForgePages() (address Base, known bool) {
	address = c.Upstream.URL
	switch {
	case !c.Console.OAuth.URL.Empty():
		address = c.Console.OAuth.URL
	case len(c.Upstream.ExternalURLs) > 0:
		address = c.Upstream.ExternalURLs[0]
	}
	own := slices.Contains(c.ConsoleOrigins(), address.URL.String()) || address.URL == c.PublicURL.URL && c.Web == WebRefuse
	return address, !address.Empty() && !own && (address.HTTPS() || address.Loopback())
}

// oauth holds that people can be sent to the forge, and nobody else comes between.
func (p *reader) oauth(c *Config) {
	o := c.Console.OAuth
	address, known := c.ForgePages()
	switch {
	case o.ClientID == "" && !o.ClientSecret.Empty():
		p.refuse("console.oauth.client_id", "", "is missing, and client_secret is given", "give both, or none")
	case o.ClientID != "" && c.Console.Listen == ConsoleOff:
		p.refuse("console.oauth.client_id", o.ClientID, "is given without a console",
			"give console.listen too, such as 127.0.0.1:9091")
	case (o.ClientID != "" || !o.URL.Empty()) && !known && !address.Empty() && !address.HTTPS() && !address.Loopback():
		p.refuse("console.oauth.url", address.String(), "is plain http to another machine: others could sign people in as "+
			"themselves",
			"give console.oauth.url: https://"+address.Host())
	case (o.ClientID != "" || !o.URL.Empty()) && !known && !address.Empty():
		p.refuse("console.oauth.url", address.String(), "is patgate's own address, which passes no page of the forge on",
			"give the address under which browsers reach the forge itself")
	}
}

// console holds that the console has an origin that no page of the forge shares, and that nobody reads on its way.
func (p *reader) console(c *Config) {
	u := c.Console.PublicURL
	p.oauth(c)
	switch c.Console.Listen {
	case ConsoleOff:
		if !u.Empty() {
			p.refuse("console.public_url", u.String(), "is given without a console", "give console.listen too, such as "+
				"127.0.0.1:9091")
		}
		return
	case ConsoleGateway:
		p.consoleOnGateway(c)
	default:
		p.address("console.listen", c.Console.Listen)
		_, unix := SocketPath(c.Console.Listen)
		if _, _, err := net.SplitHostPort(c.Console.Listen); err != nil && !unix {
			return
		}
		switch {
		case c.Console.Listen == c.Listen:
			p.refuse("console.listen", c.Console.Listen, "is the address that clients are served on",
				"give it a port of its own, or write gateway")
		case c.Console.Listen == c.Admin.Listen:
			p.refuse("console.listen", c.Console.Listen, "is the address of metrics and health",
				"give it a port of its own, such as 127.0.0.1:9091")
		case u.Empty() && len(c.ConsoleOrigins()) == 0:
			p.refuse("console.listen", c.Console.Listen, "is reached by other machines, and console.public_url is missing",
				"give console.public_url: https://tokens.example.com, or listen on 127.0.0.1")
		case !u.Empty() && u == c.PublicURL.URL:
			p.refuse("console.public_url", u.String(), "is the clients' address",
				"give the console a name or port of its own, or write console.listen: gateway")
		}
	}
	if !u.Empty() && !u.HTTPS() && !u.Loopback() {
		p.refuse("console.public_url", u.String(), "is plain http to another machine, which would carry credentials unencrypted",
			"write https://"+u.Host())
	}
}

func (p *reader) consoleOnGateway(c *Config) {
	u := c.Console.PublicURL
	if c.Web != WebRefuse {
		p.refuse("console.listen", c.Console.Listen, "puts the console on an origin with the forge's own pages (web: pass)",
			"give it an address of its own, such as 127.0.0.1:9091, or write web: refuse")
	}
	switch {
	case c.PublicURL.Path() != "":
		p.refuse("console.listen", c.Console.Listen, "puts the console on an address below a path (public_url)",
			"give it an address of its own, such as 127.0.0.1:9091")
	case !u.Empty() && !c.PublicURL.Empty() && u != c.PublicURL.URL:
		p.refuse("console.public_url", u.String(), "differs from public_url, the address that the console is served on",
			"leave it out, or give console.listen an address of its own")
	case u.Empty() && len(c.ConsoleOrigins()) == 0:
		p.refuse("console.listen", c.Console.Listen, "is reached by other machines, and public_url is missing",
			"give public_url: https://patgate.example.com")
	case u.Empty() && !c.PublicURL.Empty() && !c.PublicURL.HTTPS() && !c.PublicURL.Loopback():
		p.refuse("public_url", c.PublicURL.String(), "is plain http to another machine, which would carry the console's "+
			"credentials unencrypted", "write https://"+c.PublicURL.Host())
	}
}
