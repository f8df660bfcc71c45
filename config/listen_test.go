package config

import (
	"fmt"
	"strings"
	"testing"
)

func TestWhereItListens(t *testing.T) {
	for _, c := range []struct{ name, yaml, want string }{
		{"a Unix socket", "listen: unix:/run/patgate/patgate.sock\n", ""},
		{"Unix sockets for operators and people", "admin: {listen: 'unix:/run/p/admin.sock'}\n" +
			"console: {listen: 'unix:/run/p/console.sock', public_url: https://tokens.example.com}\n", ""},
		{"a Unix socket for people whose address nobody knows", "console: {listen: 'unix:/run/p/console.sock'}\n",
			"console.public_url is missing"},
		{"one of two listeners", "listen: unix:/run/p.sock\nadmin: {listen: 'unix:/run/p.sock'}\n",
			"is the address that clients are served on"},
		{"a path that is not from the root", "listen: unix:p.sock\n", "is not the path of a Unix socket"},
		{"an abstract socket, which has no mode", "listen: 'unix:@patgate'\n", "is not the path of a Unix socket"},
		{"a path with a way up", "listen: unix:/run/x/../p.sock\n", "is not the path of a Unix socket"},
		{"a path that is too long", "listen: unix:/" + strings.Repeat("x", 99) + "\n", "is not the path of a Unix socket"},
		{"a Unix socket with a colon for people whose address nobody knows", "console: {listen: 'unix:/run/c:1.sock'}\n",
			"console.public_url is missing"},
		{"a Unix socket with a colon over plain http", "console: {listen: 'unix:/run/c:1.sock', public_url: http://tokens.example.com}\n",
			"would carry credentials unencrypted"},
		{"one that processes share", "listen: unix:/run/p.sock\nreuse_port: true\n", "has no use with a Unix socket"},
		{"a socket that leads back", "listen: unix:/run/p.sock\nupstream: {url: 'http://localhost', connect: 'unix:/run/p.sock'}\n",
			"is where patgate itself listens"},
		{"a mode", "socket: {mode: 0666, group: www-data}\n", ""},
		{"a mode that is none", "socket: {mode: 0888}\n", "not the mode of a file"},
		{"a mode with more than permissions", "socket: {mode: 04755}\n", "not the mode of a file"},
		{"proxies", "proxy_protocol: [10.0.0.0/8, unix]\ntrusted_proxies: [unix]\n", ""},
		{"everybody as a proxy", "proxy_protocol: ['0.0.0.0/0']\n", "lets anybody claim any address"},
		{"everybody as a proxy over IPv6", "proxy_protocol: ['::/0']\n", "lets anybody claim any address"},
		{"a proxy without an address", "proxy_protocol: [haproxy]\n", "not an address range"},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := c.yaml
			if !strings.Contains(text, "upstream:") {
				text += minimal
			}
			read, problems := Parse(Input{File: "patgate.yaml", Data: []byte(text)})
			switch {
			case c.want == "" && len(problems) > 0, c.want != "" && !strings.Contains(fmt.Sprint(problems), c.want):
				t.Errorf("%v, want %q", problems, c.want)
			case c.name == "proxies" && fmt.Sprint(read.ProxyProtocol, read.TrustedProxies) != "[10.0.0.0/8 unix] [unix]":
				t.Errorf("%v %v", read.ProxyProtocol, read.TrustedProxies)
			case c.name == "a mode" && (read.Socket.Mode != 0o666 || read.Socket.Mode.String() != "0666"):
				t.Errorf("%v", read.Socket)
			case c.name == "a Unix socket" && read.Public() != "":
				t.Errorf("it is reached at %s", read.Public())
			}
		})
	}
}
