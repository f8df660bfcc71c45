package cli_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"patgate/trust/trusttest"
)

// TestTrustsByClicks: a trust is looked at and revoked in a real browser, by its owner who administers patgate too, and what files have in
// force is there; every page is without barriers, light on a screen and dark on a phone.
func TestTrustsByClicks(t *testing.T) {
	t.Parallel() // it waits most of the time
	i := trusttest.New(t)
	policies := t.TempDir()
	rules := "kind: Limit\nname: frozen\ndescription: nobody merges\ndeny: {permissions: [merge_merge_request]}\n---\nkind: Template\n" +
		"name: ci-jobs\npermissions: [read_job]\n---\n" + issuerFile("ci", i.URL)
	if err := os.WriteFile(filepath.Join(policies, "rules.yaml"), []byte(rules), 0o600); err != nil {
		t.Fatal(err)
	}
	origin, setting := consoleAddress(t)
	r := startRunningWith(t, func(w *world) []string {
		if err := os.WriteFile(filepath.Join(policies, "trust.yaml"), []byte(trustFile(w.api)), 0o600); err != nil {
			t.Fatal(err)
		}
		return []string{setting, fmt.Sprint("PATGATE_ADMINISTRATORS=", w.alice), "PATGATE_POLICIES=" + policies,
			"PATGATE_OIDC_AUDIENCE=" + trustAudience}
	})
	s := &consoleStage{r, openBrowser(t, origin)}
	s.signIn(t)
	s.follow(`nav a[href$="/trusts"]`)
	s.sees("notes", "Not allowed yet", "trust.yaml:1")
	s.accessible("trusts, not allowed")
	allowTrust(t, s.env, s.dir, s.world.alicePAT)
	status, secret, why := tradeAt(s.gate, jobToken(t, i, s.world, nil))
	if status != http.StatusOK {
		t.Fatalf("%d %s", status, why)
	}
	s.secret("the token of a job", secret)
	if status, _, _ := tradeAt(s.gate, jobToken(t, i, s.world, map[string]any{"ref_protected": "false"})); status != http.StatusBadRequest {
		t.Errorf("a job that does not match: %d", status)
	}
	s.open("/trusts")
	s.sees("Gives tokens", "1 of 20")
	s.accessible("trusts")
	s.follow("table.tokens a.name")
	s.sees("Who gets a token", "ref_protected", "is “true”", "A claim does not match", "Given", "project_id=")
	s.accessible("a trust")
	s.follow("#revoke")
	s.sees("Revoke all of this trust?", "(1 now)")
	s.accessible("asking to revoke a trust")
	s.fill("#reason", "it leaked")
	s.follow("#revoke")
	s.sees("is no longer allowed, and 1 token revoked", "Not allowed yet")
	if got := send("GET", fmt.Sprintf("%s/api/v4/projects/%d/issues", s.gate, s.world.api),
		http.Header{"Authorization": {"Bearer " + secret}},
		nil).status; got != http.StatusUnauthorized {
		t.Errorf("after that its token gets %d", got)
	}
	s.follow("#files")
	s.sees("frozen", "rules.yaml:1", "forbids merge_merge_request", "ci-jobs", "is gitlab at")
	s.accessible("what files have in force")
	s.open("/tokens/new")
	s.template("ci-jobs")
	if got := s.ticked(); len(got) != 1 || got[0] != "read_job" {
		t.Errorf("the template of a file ticks %v", got)
	}
}
