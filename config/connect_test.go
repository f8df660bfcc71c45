package config

import (
	"fmt"
	"strings"
	"testing"
)

func TestWaysToTheForge(t *testing.T) {
	const secure, own = "url: https://git.example.com", "url: 'http://127.0.0.1:3000'"
	for _, c := range []struct{ name, keys, want string }{
		{"where it listens", secure + ", connect: '10.0.0.5:443'", ""},
		{"a name without a port", secure + ", connect: gitlab.internal", `upstream.connect: "gitlab.internal": not where a server ` +
			`listens (fix: write host:port, such as 10.0.0.5:443, or unix:/path)`},
		{"an address with a scheme", secure + ", connect: 'https://10.0.0.5:443'", `upstream.connect: "https://10.0.0.5:443": not ` +
			`where a server listens (fix: write host:port, such as 10.0.0.5:443, or unix:/path)`},
		{"a Unix socket", "url: http://git.example.com, connect: 'unix:/run/gitlab.socket'", ""},
		{"a Unix socket somewhere", secure + ", connect: 'unix:gitlab.socket'", `upstream.connect: "unix:gitlab.socket": not a path ` +
			`from the root (fix: write unix:/run/gitlab/workhorse.socket)`},
		{"plain http to this machine by another name", "url: http://git.example.com, connect: '127.0.0.1:8181'", ""},
		{"plain http that leaves this machine after all", own + ", connect: '10.0.0.5:80'", `upstream.url: "http://127.0.0.1:3000": is ` +
			`plain http and leaves this machine by upstream.connect or .proxy, which would carry credentials unencrypted (fix: write ` +
			`https://127.0.0.1:3000, or set upstream.allow_plain_http: true)`},
		{"plain http through a proxy", own + ", proxy: 'http://10.0.0.9:3128'", `upstream.url: "http://127.0.0.1:3000": is plain ` +
			`http and leaves this machine by upstream.connect or .proxy, which would carry credentials unencrypted (fix: write ` +
			`https://127.0.0.1:3000, or set upstream.allow_plain_http: true)`},
		{"a proxy", secure + ", proxy: 'http://me:pw@proxy.example.com:3128'", ""},
		{"a proxy without a port", secure + ", proxy: 'http://me:pw@proxy.example.com'", `upstream.proxy: "[masked]": not an HTTP proxy ` +
			`(fix: write http:// with a host and a port, such as http://proxy.example.com:3128)`},
		{"a proxy of another kind", secure + ", proxy: 'socks5://proxy.example.com:1080'", `upstream.proxy: ` +
			`"socks5://proxy.example.com:1080": not an HTTP proxy (fix: write http:// with a host and a port, such as ` +
			`http://proxy.example.com:3128)`},
		{"a proxy to a Unix socket", secure + ", connect: 'unix:/run/x', proxy: 'http://me:pw@proxy.example.com:3128'",
			`upstream.proxy: "http://[masked]@proxy.example.com:3128": has no use with a Unix socket, which is on this machine (fix: ` +
				`leave it out, or give upstream.connect as host:port)`},
		{"a client certificate", secure + ", client_certificate: a.pem, client_key: b.pem", ""},
		{"half of one", secure + ", client_key: b.pem", `upstream.client_key: "b.pem": is given without upstream.client_certificate ` +
			`(fix: give both, or none)`},
		{"one without TLS", own + ", client_certificate: a.pem, client_key: b.pem", `upstream.client_certificate: "a.pem": has no use ` +
			`with plain http (fix: leave it out, or write https in upstream.url)`},
		{"an address that is patgate's own", "url: http://git.example.com, connect: '127.0.0.1:8080'", `upstream.connect: ` +
			`"127.0.0.1:8080": is patgate's own address (:8080): requests would come back to it (fix: give the address of the ` +
			`forge itself)`},
		{"patgate's own name, and the forge elsewhere", "url: 'https://localhost:8080', connect: '10.0.0.5:443'", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, problems := parse("upstream: {" + c.keys + "}\n")
			switch {
			case c.want == "" && len(problems) > 0:
				t.Fatalf("was refused: %v", problems)
			case c.want != "" && (len(problems) != 1 || problems[0].Error() != "patgate.yaml:1: "+c.want):
				t.Fatalf("got  %v\nwant %s", problems, c.want)
			}
		})
	}
}

func TestAProxyNeverPrintsItsPassword(t *testing.T) {
	c, problems := parse("upstream: {url: https://git.example.com, proxy: 'http://me:hunter2@proxy.example.com:3128'}\n")
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	if got := c.Upstream.Proxy.Credential().Reveal(); got != "me:hunter2" {
		t.Fatalf("the credential is %q", got)
	}
	text, err := c.Upstream.Proxy.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	for _, shown := range []string{c.Show(), fmt.Sprintf("%v %+v %#v", c, c, c), string(text), fmt.Sprintf("%#v", c.Upstream.Way())} {
		if strings.Contains(shown, "hunter2") {
			t.Errorf("it stands in %s", shown)
		}
	}
	if !strings.Contains(c.Show(), "proxy: http://[masked]@proxy.example.com:3128") {
		t.Error("config show does not show the proxy")
	}
}
