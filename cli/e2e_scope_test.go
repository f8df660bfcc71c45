package cli_test

import (
	"encoding/json"
	"net/http"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"patgate/forge/forgetest"
)

// TestACredentialThatOnlyReads: a token that writes is made under a credential with read_api, which is said; and when it writes, the
// forge's refusal is told as what it is.
func TestACredentialThatOnlyReads(t *testing.T) {
	r := startRunning(t)
	reads := r.world.forge.AddToken(r.world.alice, forgetest.Token{Scopes: []string{"read_api"}})
	r.secret("a credential that only reads", reads)
	cmd := exec.Command("patgate", "token", "create", "--json", "--name", "writes", "--project", "shop/backend/api", "--allow",
		"read_work_item,create_work_item")
	cmd.Env, cmd.Dir = append(slices.Clone(r.env), "PATGATE_OWNER_CREDENTIAL="+reads), r.dir
	out, err := cmd.Output()
	var made struct {
		Token    string
		Warnings []string
	}
	if err != nil || json.Unmarshal(out, &made) != nil || !strings.Contains(strings.Join(made.Warnings, "\n"), "create_work_item") {
		t.Fatalf("%v %s", err, out)
	}
	r.secret("a token", made.Token)
	const issues = "/api/v4/projects/shop%2Fbackend%2Fapi/issues"
	header := http.Header{"Private-Token": {made.Token}}
	for range 2 { // on a loop too
		if a := send("GET", r.gate+issues, header, nil); a.status != http.StatusOK {
			t.Errorf("a read: %d %s", a.status, a.body)
		}
	}
	header.Set("Content-Type", "application/json")
	for agent, want := range map[string][]string{
		"curl": {`"error":"insufficient_credential_scope"`, `"message":"The token allows this`,
			"lacks the scope api; it has read_api."},
		"python-gitlab/5.6": {`"error":"insufficient_credential_scope: The token allows this`},
	} {
		header.Set("User-Agent", agent)
		a := send("POST", r.gate+issues, header, []byte(`{"title":"x","description":"y"}`))
		for _, text := range want {
			if a.status != http.StatusForbidden || !strings.Contains(a.body, text) {
				t.Errorf("%s: %q is not in %d %s", agent, text, a.status, a.body)
			}
		}
	}
	out, err = exec.Command("curl", "-si", "-H", "PRIVATE-TOKEN: "+made.Token, "-d", "title=x", "-d", "description=y",
		r.gate+issues).Output()
	if err != nil || !strings.HasPrefix(string(out), "HTTP/1.1 403 Forbidden: insufficient credential scope\r\n") {
		t.Errorf("%v %.300s", err, out)
	}
	r.logs(t, `"failure":"credential_scope"`)
}
