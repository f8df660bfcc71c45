package cli_test

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"patgate/trust/trusttest"
)

// issuerFile is an issuer as a file has it, and trustFile the trust notes for a project.
func issuerFile(name, url string) string {
	return fmt.Sprintf("kind: Issuer\nname: %s\ntype: gitlab\nurl: %s\n", name, url)
}

func trustFile(project int64) string {
	return fmt.Sprintf(`kind: Trust
name: notes
issuer: ci
match: {project_id: "%[1]d", ref_protected: "true"}
owner: alice
grant:
  - {access: selected_memberships, projects: ["{project_id}"], permissions: [read_work_item]}
single_use: false
direct_use: true
tests:
  - {claims: {project_id: "%[1]d", ref_protected: "true", pipeline_source: push}, want: allow}
  - {claims: {project_id: "%[1]d", ref_protected: "false", pipeline_source: push}, want: deny}
`, project)
}

// TestIssuersAndTrustsOfFiles: an issuer and a trust that are files of policy as code are in force where a gateway reads them. When the
// issuer's file is gone, its ID tokens are taken by nobody, though its keys are known and the trust's file names it still; a file
// with another issuer of its name or address changes nothing.
func TestIssuersAndTrustsOfFiles(t *testing.T) {
	i, other := trusttest.New(t), trusttest.New(t)
	policies := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		temporary := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(temporary, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(temporary, filepath.Join(policies, name)); err != nil {
			t.Fatal(err)
		}
	}
	write("issuer.yaml", issuerFile("ci", i.URL))
	g := startRunningWith(t, func(w *world) []string {
		write("trust.yaml", trustFile(w.api))
		return []string{"PATGATE_POLICIES=" + policies, "PATGATE_OIDC_AUDIENCE=" + trustAudience, "PATGATE_ROUTES_WATCH_INTERVAL=50ms"}
	})
	allowTrust(t, g.env, g.dir, g.world.alicePAT)
	issues := fmt.Sprintf("%s/api/v4/projects/%d/issues", g.gate, g.world.api)
	raw := jobToken(t, i, g.world, nil)
	g.secret("the ID token of a job", raw)
	direct := func() int { return send("GET", issues, http.Header{"Authorization": {"Bearer " + raw}}, nil).status }
	trade := func(of *trusttest.Issuer) int {
		status, secret, _ := tradeAt(g.gate, jobToken(t, of, g.world, map[string]any{"iss": of.URL}))
		if secret != "" {
			g.secret("a token of a job", secret)
		}
		return status
	}
	becomes := func(what string, want int, f func() int) {
		t.Helper()
		for end := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
			got := f()
			if got == want {
				return
			}
			if time.Now().After(end) {
				t.Fatalf("%s: %d, want %d\n%s", what, got, want, g.lastLines(5))
			}
		}
	}
	if got := trade(i); got != http.StatusOK {
		t.Fatalf("a trade: %d\n%s", got, g.lastLines(5))
	}
	if got := direct(); got != http.StatusOK {
		t.Fatalf("the ID token itself: %d\n%s", got, g.lastLines(5))
	}

	// Files with something wrong in them leave what was there.
	for name, text := range map[string]string{
		"of the same address": issuerFile("again", i.URL), "of the same name": issuerFile("ci", other.URL),
		"in the clear": issuerFile("plain", "http://ci.example.com"),
	} {
		before := strings.Count(g.logText(), "policies not reloaded")
		write("wrong.yaml", text)
		becomes("it is told of an issuer "+name, 1, func() int {
			return min(1, strings.Count(g.logText(),
				"policies not reloaded")-before)
		})
		if got := trade(i); got != http.StatusOK {
			t.Errorf("with an issuer %s: %d", name, got)
		}
		if got := trade(other); got != http.StatusBadRequest {
			t.Errorf("an issuer %s is taken: %d", name, got)
		}
	}
	if err := os.Remove(filepath.Join(policies, "wrong.yaml")); err != nil {
		t.Fatal(err)
	}

	// The issuer is taken out; the trust still names it.
	if err := os.Remove(filepath.Join(policies, "issuer.yaml")); err != nil {
		t.Fatal(err)
	}
	becomes("a trade after the issuer is gone", http.StatusBadRequest, func() int { return trade(i) })
	if got := direct(); got == http.StatusOK {
		t.Error("the ID token itself is still taken")
	}
	if !strings.Contains(g.logText(), `there is no issuer \"ci\"`) {
		t.Errorf("nothing says that the trust has none:\n%s", g.lastLines(5))
	}

	// Another one comes under its name: what alice allowed was not for that one.
	write("issuer.yaml", issuerFile("ci", other.URL))
	becomes("it is told that this is another issuer", 1, func() int {
		trade(other)
		return min(1, strings.Count(g.logText(), `"reason":"widened"`))
	})
	if got := trade(other); got == http.StatusOK {
		t.Error("another issuer under the name is taken")
	}
	write("issuer.yaml", issuerFile("ci", i.URL))
	becomes("it is back", http.StatusOK, func() int { return trade(i) })
}

// TestAnIssuerOfAFileAndOfTheConfiguration: one that both have stops the start, with the place in the file.
func TestAnIssuerOfAFileAndOfTheConfiguration(t *testing.T) {
	w, err := newWorld()
	if err != nil {
		t.Fatal(err)
	}
	policies := t.TempDir()
	if err := os.WriteFile(filepath.Join(policies, "issuer.yaml"), []byte(issuerFile("ci", "https://ci.example.com")), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, issuer := range map[string]string{"by name": "{name: ci, url: 'https://b.example.com', kind: generic}",
		"by address": "{name: b, url: 'https://ci.example.com', kind: generic}"} {
		cmd := exec.Command("patgate", "serve")
		cmd.Dir = t.TempDir()
		cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + cmd.Dir, "PATGATE_UPSTREAM_URL=" + w.url, "PATGATE_LISTEN=127.0.0.1:0",
			"PATGATE_ADMIN_LISTEN=off", "PATGATE_POLICIES=" + policies, "PATGATE_OIDC_ISSUERS=[" + issuer + "]"}
		out, err := cmd.CombinedOutput()
		if err == nil || !strings.Contains(string(out), "issuer.yaml:") || !strings.Contains(string(out),
			"oidc.issuers of the configuration has") {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}
