package config

import (
	"slices"
	"strings"
	"testing"
)

func TestConsole(t *testing.T) {
	const base = "upstream: {url: https://gitlab.example.com}\n"
	read := func(t *testing.T, text string) (Config, string) {
		t.Helper()
		c, problems := Parse(Input{File: "patgate.yaml", Data: []byte(base + text)})
		var lines []string
		for _, p := range problems {
			lines = append(lines, p.Error())
		}
		return c, strings.Join(lines, "\n")
	}
	good := []struct{ name, text, url, origins string }{
		{"none", "", "", ""},
		{"off", "console: {listen: off}\n", "", ""},
		{"on this machine", "console: {listen: '127.0.0.1:9091'}\n", "http://localhost:9091", "http://localhost:9091 http://127.0.0.1:9091 http://[::1]:9091"},
		{"on this machine with a certificate", "tls: {cert_file: c, key_file: k}\nconsole: {listen: 'localhost:9091'}\n", "https://localhost:9091", "https://localhost:9091 https://127.0.0.1:9091 https://[::1]:9091"},
		{"behind a name", "console: {listen: ':9091', public_url: https://tokens.example.com/}\n", "https://tokens.example.com", "https://tokens.example.com"},
		{"on the gateway", "public_url: https://patgate.example.com\nconsole: {listen: gateway}\n", "https://patgate.example.com/-/patgate/console", "https://patgate.example.com"},
		{"on a gateway on this machine", "listen: '127.0.0.1:8080'\nconsole: {listen: gateway}\n", "http://localhost:8080/-/patgate/console", "http://localhost:8080 http://127.0.0.1:8080 http://[::1]:8080"},
		{"own, where web pages pass", "web: pass\nconsole: {listen: '127.0.0.1:9091'}\n", "http://localhost:9091", "http://localhost:9091 http://127.0.0.1:9091 http://[::1]:9091"},
	}
	for _, c := range good {
		t.Run(c.name, func(t *testing.T) {
			config, problems := read(t, c.text)
			if problems != "" {
				t.Fatal(problems)
			}
			if got := config.ConsoleURL(); got != c.url {
				t.Errorf("the address is %q", got)
			}
			if got := config.ConsoleOrigins(); !slices.Equal(got, strings.Fields(c.origins)) {
				t.Errorf("the origins are %q", got)
			}
		})
	}
	bad := []struct{ name, text, problem string }{
		{"reached by others without a name", "console: {listen: ':9091'}\n", "console.public_url is missing"},
		{"plain http to another machine", "console: {listen: ':9091', public_url: http://tokens.example.com}\n",
			"would carry credentials unencrypted"},
		{"an address without a console", "console: {public_url: https://tokens.example.com}\n", "is given without a console"},
		{"the clients' address", "listen: '127.0.0.1:80'\nconsole: {listen: '127.0.0.1:80'}\n", "is the address that clients are served on"},
		{"the address of metrics", "console: {listen: '127.0.0.1:9090'}\n", "is the address of metrics and health"},
		{"the clients' origin", "public_url: https://patgate.example.com\nconsole: {listen: ':9091', public_url: https://patgate.example.com}\n", "is the clients' address"},
		{"no address", "console: {listen: yes}\n", "is not an address to listen on"},
		{"on the gateway where web pages pass", "public_url: https://patgate.example.com\nweb: pass\nconsole: {listen: gateway}\n", "puts the console on an origin with the forge's own pages"},
		{"on a gateway without a name", "console: {listen: gateway}\n", "public_url is missing"},
		{"on a gateway over plain http", "public_url: http://patgate.example.com\nconsole: {listen: gateway}\n",
			"would carry the console's credentials unencrypted"},
		{"on the gateway under another name", "public_url: https://patgate.example.com\nconsole: {listen: gateway, public_url: https://tokens.example.com}\n", "differs from public_url"},
		{"an application's secret alone", "console: {listen: '127.0.0.1:9091', oauth: {client_secret: x}}\n", "client_id: is missing"},
		{"an application without a console", "console: {oauth: {client_id: x}}\n",
			"console.oauth.client_id: \"x\": is given without a console"},
		{"sign-in over plain http", "console: {listen: '127.0.0.1:9091', oauth: {client_id: x, url: http://gitlab.test}}\n",
			"others could sign people in as themselves"},
		{"a link over plain http", "console: {listen: '127.0.0.1:9091', oauth: {url: http://gitlab.test}}\n",
			"others could sign people in as themselves"},
		{"sign-in at patgate itself", "public_url: https://patgate.example.com\n" +
			"console: {listen: '127.0.0.1:9091', oauth: {client_id: x, url: https://patgate.example.com/gitlab}}\n", "is patgate's own address"},
		{"sign-in at the console itself", "console: {listen: ':9091', public_url: https://tokens.example.com, " +
			"oauth: {client_id: x, url: https://tokens.example.com}}\n", "is patgate's own address"},
		{"no time at all", "console: {listen: '127.0.0.1:9091', idle_timeout: 1s}\n", "is too small"},
	}
	for _, c := range bad {
		t.Run(c.name, func(t *testing.T) {
			if _, problems := read(t, c.text); !strings.Contains(problems, c.problem) || strings.Count(problems, "\n") > 0 {
				t.Errorf("problems: %q, want %q", problems, c.problem)
			}
		})
	}
}
