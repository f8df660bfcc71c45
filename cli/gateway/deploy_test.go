package gateway

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"patgate/cli/gateway/sockets"
)

// deployed is where the files are that people deploy patgate with.
const deployed = "../../deploy"

// tool gives a program that checks one of them. Without it the test is skipped, unless all programs must be there.
func tool(t *testing.T, name, how string) string {
	t.Helper()
	for _, at := range []string{name, "/usr/sbin/" + name} {
		if program, err := exec.LookPath(at); err == nil {
			return program
		}
	}
	if os.Getenv("PATGATE_E2E_REQUIRED") == "1" {
		t.Fatalf("%s is not here: %s", name, how)
	}
	t.Skipf("%s is not here: %s", name, how)
	return ""
}

// accepted has a program check something.
func accepted(t *testing.T, program string, args ...string) {
	t.Helper()
	if out, err := exec.Command(program, args...).CombinedOutput(); err != nil {
		t.Errorf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// filled copies a file with other words in the place of some.
func filled(t *testing.T, name string, replaced ...string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(deployed, name))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(replaced); i += 2 {
		if !strings.Contains(string(data), replaced[i]) {
			t.Fatalf("%s does not name %s", name, replaced[i])
		}
	}
	to := filepath.Join(t.TempDir(), filepath.Base(name))
	if err := os.WriteFile(to, []byte(strings.NewReplacer(replaced...).Replace(string(data))), 0o600); err != nil {
		t.Fatal(err)
	}
	return to
}

// certified makes a certificate, and gives the files of it, of its key, and of both.
func certified(t *testing.T) (certificate, key, both string) {
	t.Helper()
	dir := t.TempDir()
	certificate, key, both = filepath.Join(dir, "x.crt"), filepath.Join(dir, "x.key"), filepath.Join(dir, "x.pem")
	accepted(t, tool(t, "openssl", "apt-get install openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt",
		"ec_paramgen_curve:P-256", "-nodes",
		"-subj", "/CN=git.example.com", "-days", "1", "-keyout", key, "-out", certificate)
	var all []byte
	for _, name := range []string{certificate, key} {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, data...)
	}
	if err := os.WriteFile(both, all, 0o600); err != nil {
		t.Fatal(err)
	}
	return certificate, key, both
}

func TestUnitsOfSystemd(t *testing.T) {
	program := tool(t, "systemd-analyze", "apt-get install systemd")
	service := filled(t, "systemd/patgate.service", "/usr/local/bin/patgate", "/bin/true", "User=patgate", "User=root", "Group=patgate",
		"Group=root")
	socket := filled(t, "systemd/patgate.socket")
	beside := filepath.Join(filepath.Dir(service), "patgate.socket")
	if err := os.Rename(socket, beside); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(program, "verify", service, beside).CombinedOutput()
	if err != nil || strings.Contains(string(out), "Unknown") || strings.Contains(string(out), "Failed to parse") {
		t.Errorf("%v\n%s", err, out)
	}
	data, err := os.ReadFile(beside)
	if err != nil || !strings.Contains(string(data), "FileDescriptorName="+sockets.ClientsKey+"\n") {
		t.Errorf("%v: the socket has not the name of its setting", err)
	}
}

func TestBalancers(t *testing.T) {
	t.Run("HAProxy", func(t *testing.T) {
		program := tool(t, "haproxy", "apt-get install haproxy")
		_, _, both := certified(t)
		accepted(t, program, "-c", "-f", filled(t, "haproxy/haproxy.cfg", "/etc/haproxy/git.example.com.pem", both))
	})
	t.Run("nginx", func(t *testing.T) {
		program := tool(t, "nginx", "apt-get install nginx-light")
		certificate, key, _ := certified(t)
		site := filled(t, "nginx/patgate.conf", "/etc/nginx/git.example.com.crt", certificate, "/etc/nginx/git.example.com.key", key,
			"listen 443", "listen 127.0.0.1:44300")
		whole := filepath.Join(t.TempDir(), "nginx.conf")
		text := fmt.Sprintf("pid %[1]s/pid; error_log %[1]s/log; events {} http { access_log off; include %[2]s; }", t.TempDir(), site)
		if err := os.WriteFile(whole, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		accepted(t, program, "-t", "-c", whole)
	})
}

// ofPatgate finds the metrics of patgate in an expression.
var ofPatgate = regexp.MustCompile(`patgate_[a-z_]+`)

// TestAlerts has Prometheus' own tool check the rules and run their tests; every alert has one, and every metric is shown.
func TestAlerts(t *testing.T) {
	names := shown(t)
	rules, err := os.ReadFile(filepath.Join(deployed, "prometheus/patgate.rules.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	tests, err := os.ReadFile(filepath.Join(deployed, "prometheus/patgate.rules.test.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range ofPatgate.FindAllString(string(rules)+string(tests), -1) {
		if !names[name] {
			t.Errorf("no gateway shows %s", name)
		}
	}
	alerts := regexp.MustCompile(`alert: (\w+)`).FindAllStringSubmatch(string(rules), -1)
	if len(alerts) == 0 {
		t.Error("there is no alert")
	}
	for _, a := range alerts {
		if !strings.Contains(string(tests), `alertname="`+a[1]+`"`) {
			t.Errorf("%s has no test", a[1])
		}
	}
	program := tool(t, "promtool", "apt-get install prometheus")
	accepted(t, program, "check", "rules", filepath.Join(deployed, "prometheus/patgate.rules.yaml"))
	accepted(t, program, "test", "rules", filepath.Join(deployed, "prometheus/patgate.rules.test.yaml"))
}

// TestDashboard: what its panels ask for is PromQL, of metrics that are shown.
func TestDashboard(t *testing.T) {
	names := shown(t)
	data, err := os.ReadFile(filepath.Join(deployed, "grafana/patgate.json"))
	if err != nil {
		t.Fatal(err)
	}
	var dashboard struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(data, &dashboard); err != nil {
		t.Fatal(err)
	}
	rules := "groups:\n  - name: panels\n    rules:\n"
	for i, p := range dashboard.Panels {
		if len(p.Targets) == 0 {
			t.Errorf("%s asks for nothing", p.Title)
		}
		for k, target := range p.Targets {
			for _, name := range ofPatgate.FindAllString(target.Expr, -1) {
				if !names[strings.TrimSuffix(name, "_bucket")] {
					t.Errorf("%s: no gateway shows %s", p.Title, name)
				}
			}
			expr, err := json.Marshal(strings.NewReplacer("$__rate_interval", "5m", "$instance", ".*").Replace(target.Expr))
			if err != nil {
				t.Fatal(err)
			}
			rules += fmt.Sprintf("      - {record: 'panel:%d:%d', expr: %s}\n", i, k, expr)
		}
	}
	if len(dashboard.Panels) < 10 {
		t.Errorf("only %d panels", len(dashboard.Panels))
	}
	file := filepath.Join(t.TempDir(), "panels.yaml")
	if err := os.WriteFile(file, []byte(rules), 0o600); err != nil {
		t.Fatal(err)
	}
	accepted(t, tool(t, "promtool", "apt-get install prometheus"), "check", "rules", file)
}

// shown gives the names of all series that a gateway shows.
func shown(t *testing.T) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	for _, s := range allSeries(t) {
		names[s.name] = true
	}
	return names
}

// TestFilesOfDeploymentAreListed: the page of the folder names each file.
func TestFilesOfDeploymentAreListed(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(deployed, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(deployed, "*", "*"))
	if err != nil || len(files) < 7 {
		t.Fatalf("%v: %d files", err, len(files))
	}
	if i := slices.IndexFunc(files, func(name string) bool {
		rel, err := filepath.Rel(deployed, name)
		return err != nil || !strings.Contains(string(page), "("+filepath.Base(filepath.Dir(rel))+"/"+filepath.Base(rel)+")") &&
			!strings.Contains(string(page), "["+filepath.Base(rel)+"]")
	}); i >= 0 {
		t.Errorf("%s is not named", files[i])
	}
}
