package cli_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"patgate/trust/trusttest"
)

const trustAudience = "https://patgate.example.com"

// trustSettings writes a policy for a project of the world, with parts of it replaced, and gives the variables by which patgate
// reads it.
func trustSettings(t *testing.T, i *trusttest.Issuer, w *world, oldnew ...string) []string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "notes.yaml")
	text := fmt.Sprintf(`version: 1
trusts:
  - name: notes
    issuer: ci
    match:
      project_id: "%[1]d"
      ref_protected: "true"
    owner: alice
    grant:
      - access: selected_memberships
        projects: ["{project_id}"]
        permissions: [read_work_item, read_repository, download_code, push_code]
    name_template: "job {job_id}"
    tests:
      - claims: {project_id: "%[1]d", ref_protected: "true", pipeline_source: push}
        want: allow
      - claims: {project_id: "%[1]d", ref_protected: "false", pipeline_source: push}
        want: deny
`, w.api)
	if err := os.WriteFile(file, []byte(strings.NewReplacer(oldnew...).Replace(text)), 0o600); err != nil {
		t.Fatal(err)
	}
	return []string{"PATGATE_OIDC_TRUSTS=" + file, "PATGATE_OIDC_AUDIENCE=" + trustAudience, "PATGATE_ROUTES_WATCH_INTERVAL=100ms",
		"PATGATE_OIDC_ISSUERS=[{name: ci, url: '" + i.URL + "', kind: gitlab}]"}
}

// jobToken gives the ID token of a job of that project.
func jobToken(t *testing.T, i *trusttest.Issuer, w *world, more map[string]any) string {
	t.Helper()
	claims := map[string]any{"project_id": fmt.Sprint(w.api), "ref_protected": "true", "pipeline_source": "push", "job_id": "7"}
	maps.Copy(claims, more)
	return i.Token(t, "RS256-1", i.Claims(trustAudience+"/trust/notes", claims))
}

// allowTrust has alice allow the trust.
func allowTrust(t *testing.T, env []string, dir, pat string) {
	t.Helper()
	unasked := exec.Command("patgate", "trust", "allow", "notes")
	unasked.Env, unasked.Dir = append(env, "PATGATE_OWNER_CREDENTIAL="+pat), dir
	if out, err := unasked.CombinedOutput(); err == nil || !strings.Contains(string(out), "match ref_protected") ||
		!strings.Contains(string(out), "--yes") {
		t.Errorf("without a yes: %v\n%s", err, out)
	}
	for _, args := range [][]string{{"trust", "test"}, {"trust", "allow", "notes", "--yes"}, {"trust", "list"}} {
		cmd := exec.Command("patgate", args...)
		cmd.Env, cmd.Dir = append(env, "PATGATE_OWNER_CREDENTIAL="+pat), dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("patgate %v: %v\n%s", args, err, out)
		}
	}
}

// tradeAt trades an ID token at a gateway by RFC 8693.
func tradeAt(gate, raw string) (status int, secret, description string) {
	form := url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:token-exchange"}, "subject_token": {raw},
		"subject_token_type": {"urn:ietf:params:oauth:token-type:id_token"}, "client_id": {"what many clients send"}}
	a := send("POST", gate+"/-/patgate/oauth/token", http.Header{"Content-Type": {"application/x-www-form-urlencoded"}},
		[]byte(form.Encode()))
	var body struct {
		Token       string `json:"access_token"`
		Description string `json:"error_description"`
	}
	_ = json.Unmarshal([]byte(a.body), &body)
	return a.status, body.Token, body.Description
}

// TestAJobWithoutAStoredSecret: a job trades the ID token that its forge gives it, calls the API, clones and pushes with real git
// through the credential helper, and its token is dead with the job.
func TestAJobWithoutAStoredSecret(t *testing.T) {
	needs(t, "git", "apt-get install git")
	i := trusttest.New(t)
	g := serveGit(t, startRunningWith(t, func(w *world) []string { return trustSettings(t, i, w) }))
	raw := jobToken(t, i, g.world, map[string]any{"exp": time.Now().Add(8 * time.Second).Unix()})
	if status, secret, _ := tradeAt(g.gate, raw); status != http.StatusBadRequest || secret != "" {
		t.Errorf("before its owner has allowed it: %d", status)
	}
	allowTrust(t, g.env, g.dir, g.world.alicePAT)
	issues := fmt.Sprintf("%s/api/v4/projects/%d/issues", g.gate, g.world.api)
	call := func(secret string) int {
		return send("GET", issues, http.Header{"Authorization": {"Bearer " + secret}}, nil).status
	}
	status, secret, why := tradeAt(g.gate, raw)
	if status != http.StatusOK || secret == "" {
		t.Fatalf("%d %s\n%s", status, why, g.lastLines(3))
	}
	g.secret("the token of a job", secret)
	g.secret("the ID token of a job", raw)
	if got := call(secret); got != http.StatusOK {
		t.Errorf("the API answers %d", got)
	}
	if other := send("GET", fmt.Sprintf("%s/api/v4/projects/%d/issues", g.gate, g.world.web), http.Header{"Authorization": {"Bearer " +
		secret}}, nil).status; other != http.StatusForbidden {
		t.Errorf("another project answers %d", other)
	}
	if status, _, why := tradeAt(g.gate, raw); status != http.StatusBadRequest || !strings.Contains(why, "traded already") {
		t.Errorf("a second time: %d %s", status, why)
	}
	ended := time.Now().Add(8 * time.Second)

	// The credential helper trades once, and keeps what it got for the commands of the job.
	second := jobToken(t, i, g.world, nil)
	g.secret("the ID token of another job", second)
	file := filepath.Join(g.home, "id-token")
	if err := os.WriteFile(file, []byte(second), 0o600); err != nil {
		t.Fatal(err)
	}
	g.git(t, g.home, "config", "--global", "credential."+g.gate+".helper",
		"!env PATH="+os.Getenv("PATH")+" patgate credential git --server "+g.gate+" --id-token-file "+file)
	clone := filepath.Join(g.home, "job")
	g.git(t, g.home, "clone", "-q", g.gate+"/shop/backend/api.git", clone)
	g.write(t, clone, "NOTES.md", "notes\n")
	g.git(t, clone, "add", ".")
	g.git(t, clone, "commit", "-qm", "notes")
	g.git(t, clone, "push", "-q", "origin", "HEAD:refs/heads/notes")

	// docker's helper and the command that writes a file.
	client := func(input string, args ...string) (string, error) {
		cmd := exec.Command("patgate", args...)
		cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + g.home, "PATGATE_SERVER=" + g.gate, "PATGATE_ID_TOKEN_FILE=" + file}
		cmd.Stdin = strings.NewReader(input)
		out, err := cmd.Output()
		return string(out), err
	}
	out, err := client(strings.TrimPrefix(g.gate, "http://")+"\n", "credential", "docker", "get")
	var helper struct{ Username, Secret string }
	if err != nil || json.Unmarshal([]byte(out), &helper) != nil || call(helper.Secret) != http.StatusOK {
		t.Errorf("docker's helper: %v", err)
	}
	g.secret("the token of another job", helper.Secret)
	if out, err := client("evil.example.com\n", "credential", "docker", "get"); err == nil || strings.Contains(out, "patgate_") {
		t.Errorf("another registry gets a token: %v", err)
	}
	if out, err := client("protocol=https\nhost=evil.example.com\n\n", "credential", "git", "get"); err != nil || out != "" {
		t.Errorf("another host gets %q, %v", out, err)
	}
	third := jobToken(t, i, g.world, nil)
	if err := os.WriteFile(file, []byte(third), 0o600); err != nil {
		t.Fatal(err)
	}
	written := filepath.Join(g.home, "token")
	if out, err := client("", "exchange", "--trust", "notes", "--output", written); err != nil || out != "" {
		t.Errorf("%q, %v", out, err)
	}
	data, err := os.ReadFile(written)
	info, statErr := os.Stat(written)
	if err != nil || statErr != nil || info.Mode().Perm() != 0o600 || call(strings.TrimSpace(string(data))) != http.StatusOK {
		t.Errorf("what was written: %v, %v", err, info)
	}

	// With the job its token is dead.
	time.Sleep(time.Until(ended))
	if got := call(secret); got != http.StatusUnauthorized {
		t.Errorf("after its job the token gets %d", got)
	}
	revoke := exec.Command("patgate", "trust", "revoke", "notes")
	revoke.Env, revoke.Dir = g.env, g.dir
	if out, err := revoke.CombinedOutput(); err != nil || call(helper.Secret) != http.StatusUnauthorized {
		t.Errorf("after the trust is revoked a token of it gets %d: %v %s", call(helper.Secret), err, out)
	}
	if status, _, _ := tradeAt(g.gate, jobToken(t, i, g.world, nil)); status != http.StatusBadRequest {
		t.Errorf("a revoked trust: %d", status)
	}
}

// TestWrongIDTokensCount: those that show no right to anything count against the address, as wrong credentials do.
func TestWrongIDTokensCount(t *testing.T) {
	i := trusttest.New(t)
	g := startRunningWith(t, func(w *world) []string { return append(trustSettings(t, i, w), "PATGATE_LIMITS_FAILED_CREDENTIALS=3") })
	allowTrust(t, g.env, g.dir, g.world.alicePAT)
	for size, want := range map[int]int{15 << 10: http.StatusBadRequest, 17 << 10: http.StatusRequestEntityTooLarge} {
		a := send("POST", g.gate+"/-/patgate/oauth/token", http.Header{"Content-Type": {"application/x-www-form-urlencoded"}},
			[]byte("x="+strings.Repeat("x", size)))
		if a.status != want {
			t.Errorf("a form of %d bytes: %d, want %d", size, a.status, want)
		}
	}
	var last int
	for range 4 {
		last, _, _ = tradeAt(g.gate, jobToken(t, i, g.world, map[string]any{"project_id": "1"}))
	}
	if last != http.StatusTooManyRequests {
		t.Errorf("the fourth gets %d", last)
	}
	short := send("POST", g.gate+"/-/patgate/exchange?trust=notes", http.Header{"Authorization": {"Bearer " +
		jobToken(t, i, g.world, nil)}}, nil)
	if short.status != http.StatusTooManyRequests {
		t.Errorf("in the short form: %d", short.status)
	}
}

// TestWhatIsNotTheJobsFaultIsNotCounted: a job with a right is not shut out because its owner's credential was withdrawn, and a
// watch ends with its ID token.
func TestWhatIsNotTheJobsFaultIsNotCounted(t *testing.T) {
	i := trusttest.New(t)
	g := startRunningWith(t, func(w *world) []string { return append(trustSettings(t, i, w), "PATGATE_LIMITS_FAILED_CREDENTIALS=2") })
	allowTrust(t, g.env, g.dir, g.world.alicePAT)
	g.world.forge.RevokeToken(g.world.alicePAT)
	for n := range 4 {
		if status, _, why := tradeAt(g.gate, jobToken(t, i, g.world, nil)); status != http.StatusBadGateway ||
			!strings.Contains(why, "owner") {
			t.Errorf("trade %d: %d %s", n, status, why)
		}
	}
	watch := exec.Command("patgate", "exchange", "--output", filepath.Join(t.TempDir(), "token"), "--watch")
	watch.Env = []string{"PATH=" + os.Getenv("PATH"), "PATGATE_SERVER=" + g.gate,
		"PATGATE_ID_TOKEN=" + jobToken(t, i, g.world, map[string]any{"exp": time.Now().Add(-time.Minute).Unix()})}
	begun := time.Now()
	if out, err := watch.CombinedOutput(); err == nil || !strings.Contains(string(out), "the ID token has expired") ||
		time.Since(begun) > 10*time.Second {
		t.Errorf("a watch with a token that is over: %v %s", err, out)
	}
}

// TestAnIDTokenIsTradedOnceInAFleet: what one node has traded another one refuses.
func TestAnIDTokenIsTradedOnceInAFleet(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts two gateways and PostgreSQL")
	}
	i := trusttest.New(t)
	// The policy names a project whose id every world gives.
	w, err := newWorld()
	if err != nil {
		t.Fatal(err)
	}
	settings := trustSettings(t, i, w)
	w.close()
	f := startFleet(t, 2, settings...)
	allowTrust(t, f.nodes[0].env, f.nodes[0].dir, f.world.alicePAT)
	raw := jobToken(t, i, f.world, nil)
	status, secret, why := tradeAt(f.nodes[0].gate, raw)
	if status != http.StatusOK {
		t.Fatalf("%d %s", status, why)
	}
	if status, _, why := tradeAt(f.nodes[1].gate, raw); status != http.StatusBadRequest || !strings.Contains(why, "traded already") {
		t.Errorf("on the other node: %d %s", status, why)
	}
	if got := f.call(f.nodes[1], secret, "GET", f.issues(), nil).status; got != http.StatusOK {
		t.Errorf("the token itself gets %d there", got)
	}
}
