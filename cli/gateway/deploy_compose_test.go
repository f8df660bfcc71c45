package gateway

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"gopkg.in/yaml.v3"

	"patgate/config"
)

// asked finds what a Compose file takes from its environment, with what it says when it is not there.
var asked = regexp.MustCompile(`\$\{([A-Z_]+)(:\?[^}]+)?\}`)

// composed gives the Compose file, with values in the place of what it asks for.
func composed(t *testing.T) object {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(deployed, "compose/compose.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]string{"GATEWAY_HOST": "git.example.com", "FORGE_URL": "https://gitlab.example.com"}
	demanded := map[string]bool{}
	for _, m := range asked.FindAllStringSubmatch(string(data), -1) {
		demanded[m[1]] = demanded[m[1]] || m[2] != ""
	}
	for name := range values {
		if !demanded[name] {
			t.Errorf("%s may be missing", name)
		}
	}
	text := asked.ReplaceAllStringFunc(string(data), func(found string) string {
		name := asked.FindStringSubmatch(found)[1]
		if values[name] == "" {
			t.Errorf("%s is asked for", name)
		}
		return values[name]
	})
	if strings.Contains(text, "${") {
		t.Error("something has a default")
	}
	var file object
	if err := yaml.Unmarshal([]byte(text), &file); err != nil {
		t.Fatal(err)
	}
	return file
}

// names gives the texts of a list.
func (o object) names(key string) (all []string) {
	items, _ := o[key].([]any)
	for _, item := range items {
		name, _ := item.(string)
		all = append(all, name)
	}
	return all
}

// TestComposeIsConfigured: patgate takes its variables, and has the time that it needs to end.
func TestComposeIsConfigured(t *testing.T) {
	service := composed(t).at("services", "patgate")
	in := config.Input{Env: imageVariables(t)}
	for name := range service.at("environment") {
		in.Env[name] = service.text("environment", name)
	}
	c, problems := config.Load(in)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	grace, err := time.ParseDuration(service.text("stop_grace_period"))
	if least := c.Shutdown.Delay.Std() + c.Shutdown.Timeout.Std(); err != nil || grace <= least {
		t.Errorf("it is killed after %v (%v), and needs %v", grace, err, least)
	}
	caddy := composed(t).text("services", "caddy", "networks", "front", "ipv4_address")
	if len(c.TrustedProxies) != 1 || c.TrustedProxies[0].Prefix != netip.PrefixFrom(netip.MustParseAddr(caddy), 32) {
		t.Errorf("%v are trusted, and Caddy is %s", c.TrustedProxies, caddy)
	}
}

// TestComposeIsClosed: what is reached from outside is Caddy alone, secrets are files, and each service says whether it is well.
func TestComposeIsClosed(t *testing.T) {
	file := composed(t)
	services := file.at("services")
	if len(services) != 3 {
		t.Fatalf("%d services", len(services))
	}
	for name := range services {
		service := services.at(name)
		if service.at("healthcheck")["test"] == nil {
			t.Errorf("%s has no health check", name)
		}
		if ports := service.names("ports"); (len(ports) > 0) != (name == "caddy") {
			t.Errorf("%s is reached at %v", name, ports)
		}
		if !slices.Contains(service.names("security_opt"), "no-new-privileges:true") || service["privileged"] != nil {
			t.Errorf("%s may get more rights", name)
		}
		if name != "postgres" && (service["read_only"] != true || !slices.Contains(service.names("cap_drop"), "ALL")) {
			t.Errorf("%s may do more than it must", name)
		}
		for variable := range service.at("environment") {
			value := service.text("environment", variable)
			secret := strings.Contains(variable, "PASSWORD") || strings.Contains(variable, "KEY") || strings.Contains(variable, "PASSFILE")
			if at, in := strings.CutPrefix(value, "/run/secrets/"); secret && !(in && slices.Contains(service.names("secrets"), at)) {
				t.Errorf("%s: %s is %q, which is no secret of it", name, variable, value)
			}
			if u, err := url.Parse(value); err == nil && u.User != nil {
				if _, has := u.User.Password(); has {
					t.Errorf("%s: %s has a password", name, variable)
				}
			}
		}
		for _, secret := range service.names("secrets") {
			if file.text("secrets", secret, "file") != "./secrets/"+secret {
				t.Errorf("%s: the secret %s is no file", name, secret)
			}
		}
	}
	networks := services.at("postgres").names("networks")
	if file.at("networks", "store")["internal"] != true || !slices.Equal(networks, []string{"store"}) {
		t.Error("PostgreSQL is reached from elsewhere")
	}
	for _, name := range []string{".gitignore", ".dockerignore"} {
		data, err := os.ReadFile(filepath.Join("../..", name))
		if err != nil || !strings.Contains(string(data), "deploy/compose/secrets") {
			t.Errorf("%v: %s lets the secrets in", err, name)
		}
	}
}

// TestComposesCaddy has Caddy read its configuration, and pass on a request as it came.
func TestComposesCaddy(t *testing.T) {
	program := tool(t, "caddy", "apt-get install caddy")
	came := make(chan *http.Request, 1)
	patgate := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { came <- r }))
	defer patgate.Close()
	file := filled(t, "compose/Caddyfile", "patgate:8080", patgate.Listener.Addr().String())
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, append([]byte("{\n\tadmin off\n}\n"), text...), 0o600); err != nil {
		t.Fatal(err)
	}
	address := unused(t)
	cmd := exec.Command(program, "run", "--adapter", "caddyfile", "--config", file)
	cmd.Env = append(os.Environ(), "GATEWAY_HOST=http://"+address, "HOME="+t.TempDir())
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}()
	connection, err := net.Dial("tcp", address)
	for wait := time.Now().Add(30 * time.Second); err != nil && time.Now().Before(wait); connection, err = net.Dial("tcp", address) {
		time.Sleep(20 * time.Millisecond)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	const target = "/api/v4/projects/group%2Fproject//files/a%2e%2e%2fb?ref=a%20b&x=%2F"
	fmt.Fprintf(connection, "GET %s HTTP/1.1\r\nHost: %s\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n", target, address)
	select {
	case r := <-came:
		if by := r.Header.Get("X-Forwarded-For"); r.RequestURI != target || by != "127.0.0.1" {
			t.Errorf("%s came, from %s", r.RequestURI, by)
		}
	case <-time.After(30 * time.Second):
		t.Error("nothing came")
	}
}

// unused gives an address at which nothing listens.
func unused(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
