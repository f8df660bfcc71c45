package cli_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestGitLabReportsALeak(t *testing.T) {
	const agreed = "agreed-with-gitlab-0123456789"
	r := startRunningWith(t, func(*world) []string { return []string{"PATGATE_LEAK_REPORTS_GITLAB_TOKEN=" + agreed} })
	r.secret("GitLab's token", agreed)
	leaked, kept := r.make(t, creation("leaked", on(r.world.api, "read_job"))), r.make(t, creation("kept", on(r.world.api, "read_job")))
	ask := func(authorization, method, path string, body any) answer {
		data, _ := json.Marshal(body)
		return send(method, r.gate+"/-/patgate/leaks/gitlab/v1/"+path, http.Header{"Authorization": {authorization}, "Content-Type": {"application/json"}}, data)
	}
	report := []object{{"type": "patgate_token", "token": leaked.Token, "location": "https://gitlab.example.com/a/b/-/blob/x"}, {"type": "other", "token": "glpat-x"}}
	if a := ask("wrong", "POST", "revoke_tokens", report); a.status != 401 {
		t.Fatal(a.status, a.body)
	}
	r.want(t, 200, leaked.Token, "GET", allTokens+"/self", nil)
	if a := ask(agreed, "GET", "revocable_token_types", nil); a.status != 200 || !strings.Contains(a.body, `{"types":["patgate_token"]}`) {
		t.Error(a.status, a.body)
	}
	for range 2 { // idempotent
		if a := ask(agreed, "POST", "revoke_tokens", report); a.status != 204 {
			t.Fatal(a.status, a.body)
		}
	}
	r.want(t, 401, leaked.Token, "GET", allTokens+"/self", nil)
	r.want(t, 200, kept.Token, "GET", allTokens+"/self", nil)
	if _, text := r.want(t, 200, r.world.alicePAT, "GET", path(leaked.ID, ""), nil); !strings.Contains(text, "leaked: it was found at https://gitlab.example.com/a/b/-/blob/x") {
		t.Error(text)
	}
	if a := ask(agreed, "POST", "revoke_tokens", "nothing"); a.status != 400 {
		t.Error(a.status, a.body)
	}
	if a := send("POST", r.gate+"/-/patgate/leaks/github", http.Header{}, nil); a.status != 404 {
		t.Error("what is not configured is not there:", a.status)
	}
}

// TestALeakSetsApartWhatWasNewBeforeIt reports a token as leaked that has done one thing for long and another since yesterday. The
// latter may be a thief's, and is no part of a proposal until somebody says so.
func TestALeakSetsApartWhatWasNewBeforeIt(t *testing.T) {
	const agreed = "agreed-with-gitlab-0123456789"
	r := startRunningWith(t, func(*world) []string { return []string{"PATGATE_LEAK_REPORTS_GITLAB_TOKEN=" + agreed} })
	r.secret("GitLab's token", agreed)
	v := r.make(t, creation("leaked", on(r.world.api, "read_job", "read_project")))
	project := fmt.Sprintf("/api/v4/projects/%d", r.world.api)
	r.onOneConnection(t, v.Token, 200, project, project+"/jobs")
	r.used(t, v.Token, func(u *usageOf) bool { return u.Permissions["read_job"].Uses+u.Permissions["read_project"].Uses == 2 })
	credential := filepath.Join(t.TempDir(), "pat")
	if err := os.WriteFile(credential, []byte(r.world.alicePAT), 0o600); err != nil {
		t.Fatal(err)
	}
	learn := func(args ...string) string {
		t.Helper()
		cmd := exec.Command("patgate", append([]string{"learn"}, append(args, "--server", r.gate, "--credential-file", credential)...)...)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		return string(out)
	}
	first := func(kind string, days int) {
		r.alter(t, fmt.Sprintf("UPDATE units SET first_at = first_at - %d WHERE kind_id IN (SELECT id FROM unit_kinds WHERE kind LIKE "+
			"'%%%s\"%%')", days*24*60*60*1000, kind))
	}
	id := strconv.FormatInt(v.ID, 10)
	const apart = "Set apart"
	first("/projects/{project}", 8)
	first("/projects/{project}/jobs", 6)
	if out := learn("propose", id); strings.Contains(out, apart) || !strings.Contains(out, "read_job") {
		t.Fatalf("before the report: %s", out)
	}
	a := send("POST", r.gate+"/-/patgate/leaks/gitlab/v1/revoke_tokens", http.Header{"Authorization": {agreed},
		"Content-Type": {"application/json"}}, fmt.Appendf(nil, `[{"type":"patgate_token","token":"%s"}]`, v.Token))
	if a.status != 204 {
		t.Fatal(a.status, a.body)
	}
	out := learn("propose", id)
	scopes, rest, found := strings.Cut(out, apart)
	if !found || strings.Contains(scopes, "read_job") || !strings.Contains(scopes, "read_project") ||
		!strings.Contains(rest, "GET /projects/{project}/jobs: read_job (first seen shortly before") {
		t.Errorf("a proposal: %s", out)
	}
	if out := learn("propose", id, "--accept-suspect"); strings.Contains(out, apart) || !strings.Contains(out, "read_job") {
		t.Errorf("it is taken in: %s", out)
	}
	out = learn("show", id)
	if seen, rest, found := strings.Cut(out, apart); !found || strings.Contains(seen, "/jobs") || !strings.Contains(rest, "/jobs") {
		t.Errorf("what was seen: %s", out)
	}
}

func TestGitHubReportsALeak(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	list := object{"public_keys": []object{{"key_identifier": "key-1", "is_current": true, "key": string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))}}}
	keys := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _ = json.NewEncoder(w).Encode(list) }))
	defer keys.Close()
	authority := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(authority, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: keys.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	r := startRunningWith(t, func(*world) []string {
		return []string{"PATGATE_LEAK_REPORTS_GITHUB_KEYS_URL=" + keys.URL, "SSL_CERT_FILE=" + authority}
	})
	leaked := r.make(t, creation("leaked", on(r.world.api, "read_job")))
	body, _ := json.Marshal([]object{{"token": leaked.Token, "type": "patgate_token", "url": "https://github.com/a/b/blob/x", "source": "content"}})
	sum := sha256.Sum256(body)
	signature, err := ecdsa.SignASN1(rand.Reader, key, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	post := func(id string, signature, body []byte) int {
		a := send("POST", r.gate+"/-/patgate/leaks/github", http.Header{"Content-Type": {"application/json"}, "Github-Public-Key-Identifier": {id},
			"Github-Public-Key-Signature": {base64.StdEncoding.EncodeToString(signature)}}, body)
		return a.status
	}
	for name, status := range map[string]int{
		"another body": post("key-1", signature, append(body, ' ')), "no key of that name": post("key-2", signature, body), "no signature": post("key-1", nil, body),
	} {
		if status != 401 {
			t.Errorf("%s: %d", name, status)
		}
	}
	r.want(t, 200, leaked.Token, "GET", allTokens+"/self", nil)
	if status := post("key-1", signature, body); status != 200 {
		t.Fatal(status)
	}
	r.want(t, 401, leaked.Token, "GET", allTokens+"/self", nil)
}

// TestWhoHasASecretMayEndIt has an incident responder, who has nothing but a text that tokens leaked into, end them from
// another machine.
func TestWhoHasASecretMayEndIt(t *testing.T) {
	r := startRunning(t)
	one, two := r.make(t, creation("leaked", on(r.world.api, "read_job"))), r.make(t, creation("leaked too", on(r.world.api, "read_job")))
	text := "2026-11-25 clone https://ci:" + one.Token + "@patgate.example.com\nTOKEN=" + two.Token + "\npatgate_cut_off\n"
	cmd := exec.Command("patgate", "token", "revoke", "--server", r.gate, "--secret", "-")
	cmd.Env, cmd.Dir, cmd.Stdin = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + r.dir}, t.TempDir(), strings.NewReader(text)
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "Read 2 secrets") || !strings.Contains(string(out), "line 3: malformed") {
		t.Fatalf("%v: %s", err, out)
	}
	for _, v := range []shown{one, two} {
		r.want(t, 401, v.Token, "GET", allTokens+"/self", nil)
	}
}

func TestLegacyTokensAreDeniedAfterADate(t *testing.T) {
	past, future := time.Now().AddDate(0, 0, -1).Format(time.DateOnly), time.Now().AddDate(0, 0, 2).Format(time.DateOnly)
	for date, status := range map[string]int{past: 403, future: 200} {
		r := startRunning(t, "--legacy", "deny after "+date)
		r.want(t, status, r.world.alicePAT, "GET", "/api/v4/user", nil)
		made := r.make(t, creation("still", on(r.world.api, "read_project"))) // the token API is for them in any case
		r.want(t, 200, made.Token, "GET", allTokens+"/self", nil)
	}
}
