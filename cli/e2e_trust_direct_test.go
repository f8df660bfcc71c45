package cli_test

import (
	"encoding/base64"
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

// ofTheJob are what the job of these tests does, and takesThemselves has the policy take ID tokens as credentials.
var (
	ofTheJob = []string{"[read_work_item, read_repository, download_code, push_code]", "[read_work_item, read_repository, download_code, " +
		"push_code, create_merge_request, read_container_repository, create_container_repository]"}
	takesThemselves = []string{"    name_template:", "    single_use: false\n    direct_use: true\n    name_template:"}
)

// trustSettingsOfAny are trustSettings for a world that is made later: every world gives its projects the same ids.
func trustSettingsOfAny(t *testing.T, i *trusttest.Issuer, oldnew ...string) []string {
	t.Helper()
	w, err := newWorld()
	if err != nil {
		t.Fatal(err)
	}
	defer w.close()
	return trustSettings(t, i, w, oldnew...)
}

// TestAJobDoesItsWorkWithoutAStoredSecret: with what its ID token is traded for, or with the ID token itself, a job pushes with git,
// pushes an image and opens a merge request; when the job's time is over, all of that is refused.
func TestAJobDoesItsWorkWithoutAStoredSecret(t *testing.T) {
	needs(t, "git", "apt-get install git")
	i := trusttest.New(t)
	s := startRegistry(t, true, trustSettingsOfAny(t, i, append(ofTheJob, takesThemselves...)...)...)
	g := serveGit(t, s.running)
	allowTrust(t, g.env, g.dir, g.world.alicePAT)
	small := s.layout(t, "small", 4096, "amd64")
	api := "shop/backend/api.git"
	requests := fmt.Sprintf("%s/api/v4/projects/%d/merge_requests", g.gate, g.world.api)
	headers := map[string]func(string) http.Header{
		"bearer":        func(secret string) http.Header { return http.Header{"Authorization": {"Bearer " + secret}} },
		"PRIVATE-TOKEN": func(secret string) http.Header { return http.Header{"Private-Token": {secret}} },
		"basic":         func(secret string) http.Header { return http.Header{"Authorization": {basicOf(secret)}} },
	}
	open := func(secret, branch, header string) answer {
		h := headers[header](secret)
		h.Set("Content-Type", "application/json")
		return send("POST", requests, h, []byte(`{"title":"notes","source_branch":"`+branch+`","target_branch":"main"}`))
	}
	copied := func(secret, name string) []string {
		return []string{"copy", "--dest-tls-verify=false", "--dest-creds", "ci:" + secret, small,
			s.image("shop/backend/api/" + name + ":v1")}
	}

	over := time.Now().Add(30 * time.Second)
	ends := map[string]any{"exp": over.Unix()}
	raw := jobToken(t, i, g.world, ends)
	g.secret("the ID token that is traded", raw)
	status, traded, why := tradeAt(g.gate, raw)
	if status != http.StatusOK {
		t.Fatalf("%d %s", status, why)
	}
	ways := map[string]string{"traded": traded, "itself": jobToken(t, i, g.world, ends)}
	bearers := map[string]string{}
	g.world.forge.ForgetRequests()
	for way, secret := range ways {
		g.secret("the credential of the job: "+way, secret)
		clone := filepath.Join(g.home, way)
		g.git(t, g.home, "clone", "-q", g.url(secret, api), clone)
		g.commit(t, clone, way)
		g.git(t, clone, "push", "-q", "origin", "HEAD:refs/heads/"+way)
		s.ok(t, "skopeo", copied(secret, way)...)
		for name := range headers {
			if a := open(secret, way, name); a.status != http.StatusCreated {
				t.Errorf("%s, %s: a merge request gets %d %s", way, name, a.status, a.body)
			}
		}
		bearers[way] = s.registryBearer(t, secret, "/jwt/auth?service=container_registry&scope=repository:shop/backend/api/"+
			way+":pull,push")
		if a := s.uploads(bearers[way], way); a != http.StatusAccepted {
			t.Errorf("control: %s: the registry answers its token with %d", way, a)
		}
		other := strings.Replace(requests, fmt.Sprint(g.world.api), fmt.Sprint(g.world.web), 1)
		if a := send("GET", other, headers["bearer"](secret), nil); a.status != http.StatusForbidden {
			t.Errorf("%s: another project answers %d", way, a.status)
		}
	}
	for _, r := range g.world.forge.Requests() {
		if strings.Contains(fmt.Sprint(r), ways["itself"]) {
			t.Error("the forge was sent the ID token")
		}
	}

	time.Sleep(time.Until(over))
	for way, secret := range ways {
		clone := filepath.Join(g.home, way)
		g.commit(t, clone, way+" late")
		g.refused(t, clone, nil, "push", "-q", "origin", "HEAD:refs/heads/"+way)
		g.refused(t, g.home, nil, "clone", "-q", g.url(secret, api), clone+"-late")
		s.refused(t, []string{"unauthorized"}, "skopeo", copied(secret, way+"-late")...)
		for name := range headers {
			if a := open(secret, way, name); a.status != http.StatusUnauthorized {
				t.Errorf("%s, %s: after the job a merge request gets %d %s", way, name, a.status, a.body)
			}
		}
		if a := s.uploads(bearers[way], way); a != http.StatusUnauthorized {
			t.Errorf("%s: after the job the registry answers its token with %d", way, a)
		}
	}
	if status, _, _ := tradeAt(g.gate, ways["itself"]); status != http.StatusBadRequest {
		t.Errorf("after the job its ID token is traded: %d", status)
	}
}

// uploads begins an upload of an image with a token of the registry's, and gives the status.
func (s *registryStage) uploads(bearer, name string) int {
	return send("POST", s.gate+"/v2/shop/backend/api/"+name+"/blobs/uploads/", http.Header{"Authorization": {bearer}}, nil).status
}

// TestThreatsOfIDTokensAsCredentials presents ID tokens to the built binary in ways that must not work, each beside one that must.
func TestThreatsOfIDTokensAsCredentials(t *testing.T) {
	i := trusttest.New(t)
	g := startRunningWith(t, func(w *world) []string {
		return append(trustSettings(t, i, w, takesThemselves...), "PATGATE_LEGACY=allow", "PATGATE_LIMITS_FAILED_CREDENTIALS=1000000")
	})
	allowTrust(t, g.env, g.dir, g.world.alicePAT)
	issues := fmt.Sprintf("%s/api/v4/projects/%d/issues", g.gate, g.world.api)
	raw := jobToken(t, i, g.world, nil)
	g.secret("an ID token", raw)
	bearer := func(secret string) http.Header { return http.Header{"Authorization": {"Bearer " + secret}} }
	control := func(t *testing.T) {
		t.Helper()
		if a := send("GET", issues, bearer(raw), nil); a.status != http.StatusOK {
			t.Errorf("control: %d %s", a.status, a.body)
		}
	}
	reaches := func(h http.Header, url string) (answer, bool) {
		before := g.world.forge.RequestCount()
		a := send("GET", url, h, nil)
		return a, g.world.forge.RequestCount() > before
	}
	control(t)
	t.Run("what the forge takes itself is taken away from it", func(t *testing.T) {
		for what, claims := range map[string]map[string]any{"another issuer": {"iss": "gitlab-issuer"}, "the forge's own audience": {
			"aud": g.world.url}, "several audiences": {"aud": []string{g.world.url, trustAudience + "/trust/notes"}}} {
			if a, reached := reaches(bearer(jobToken(t, i, g.world, claims)), issues+"?page="+fmt.Sprint(len(what))); !reached ||
				strings.Contains(a.body, "ID token") {
				t.Errorf("%s: it did not reach the forge: %d %s", what, a.status, a.body)
			}
		}
	})
	t.Run("an ID token for patgate reaches the forge", func(t *testing.T) {
		for what, claims := range map[string]map[string]any{"of no policy": {"aud": trustAudience + "/trust/none"},
			"of another project": {"project_id": "1"}} {
			a, reached := reaches(bearer(jobToken(t, i, g.world, claims)), issues)
			if a.status != http.StatusUnauthorized || reached || !strings.Contains(a.body, "ID token") ||
				strings.Contains(a.body, "project_id") {
				t.Errorf("%s: %d %s, %v", what, a.status, a.body, reached)
			}
		}
	})
	t.Run("a second credential beside it", func(t *testing.T) {
		for what, more := range map[string]http.Header{"a token of the forge's": {"Private-Token": {g.world.bobPAT}},
			"a session": {"Cookie": {"_gitlab_session=x"}}, "another ID token": {"Private-Token": {jobToken(t, i, g.world, nil)}}} {
			h := bearer(raw)
			for name, value := range more {
				h[name] = value
			}
			if a, reached := reaches(h, issues); a.status != http.StatusBadRequest || reached {
				t.Errorf("%s: %d %s", what, a.status, a.body)
			}
		}
		if a, reached := reaches(bearer(raw), issues+"?private_token="+g.world.bobPAT); a.status != http.StatusBadRequest || reached {
			t.Errorf("in the query: %d %s", a.status, a.body)
		}
		control(t)
	})
	t.Run("it acts at patgate's own doors", func(t *testing.T) {
		for _, path := range []string{"/-/patgate/api/v1/tokens", "/-/patgate/console/tokens"} {
			if a, _ := reaches(bearer(raw), g.gate+path); a.status == http.StatusOK {
				t.Errorf("%s: %d %s", path, a.status, a.body)
			}
		}
	})
	t.Run("it stands where it is no credential", func(t *testing.T) {
		basic := func(text string) http.Header {
			return http.Header{"Authorization": {"Basic " + base64.StdEncoding.EncodeToString([]byte(text))}}
		}
		git := g.gate + "/shop/backend/api.git/info/refs?service=git-upload-pack"
		for what, c := range map[string]struct {
			url    string
			header http.Header
		}{"private_token": {issues + "?private_token=" + raw, nil}, "access_token": {issues + "?a=b&access_token=" + raw, nil},
			"job_token, escaped": {issues + "?job_token=%65" + raw[1:], nil}, "JOB-TOKEN": {issues, http.Header{"Job-Token": {raw}}},
			"Deploy-Token": {issues, http.Header{"Deploy-Token": {raw}}}, "another scheme": {issues,
				http.Header{"Authorization": {"JWT " + raw}}},
			"a parameter of a scheme": {issues, http.Header{"Authorization": {`Token token="` + raw + `"`}}},
			"git's user name":         {git, basic(raw + ":")}, "a user name beside a password": {issues, basic(raw + ":x")},
			"an underscore": {issues, http.Header{"Private_token": {raw}}},
			"the token API": {g.gate + "/-/patgate/api/tokens", bearer(raw)}, "its own": {g.gate + "/-/patgate/api/tokens/self", bearer(raw)},
			"the token API over two slashes": {g.gate + "//-/patgate/api/tokens/self", bearer(raw)},
			"the console":                    {g.gate + "/-/patgate/console/tokens", http.Header{"Private-Token": {raw}}}} {
			h := c.header
			if h == nil {
				h = http.Header{}
			}
			if a, reached := reaches(h, c.url); a.status != 400 && a.status != 401 || reached || !strings.Contains(a.body, "ID token") {
				t.Errorf("%s: %d %.200s, %v", what, a.status, a.body, reached)
			}
		}
		if a := send("POST", g.gate+"//-/patgate/exchange", bearer(raw), nil); a.status == http.StatusCreated ||
			strings.Contains(a.body, "patgate_") {
			t.Errorf("traded over two slashes: %d", a.status)
		}
		other := jobToken(t, i, g.world, map[string]any{"aud": g.world.url})
		for what, url := range map[string]string{"the forge's own in the query": issues + "?private_token=" + other} {
			if _, reached := reaches(nil, url); !reached {
				t.Errorf("control: %s does not reach the forge", what)
			}
		}
		if _, reached := reaches(http.Header{"Job-Token": {other}}, issues); !reached {
			t.Error("control: the forge's own as JOB-TOKEN does not reach the forge")
		}
		control(t)
	})
	t.Run("an ID token in a form", func(t *testing.T) {
		for what, body := range map[string][2]string{"a form": {"application/x-www-form-urlencoded", "title=x&private_token=" + raw},
			"JSON": {"application/json", `{"title":"x","access_token":"` + raw + `"}`}} {
			before := g.world.forge.RequestCount()
			a := send("POST", issues, http.Header{"Content-Type": {body[0]}}, []byte(body[1]))
			if a.status != 400 || !strings.Contains(a.body, "ID token") || g.world.forge.RequestCount() != before {
				t.Errorf("%s: %d %s", what, a.status, a.body)
			}
		}
	})
	t.Run("what is revoked is traded", func(t *testing.T) {
		once := jobToken(t, i, g.world, nil)
		if a := send("GET", issues, bearer(once), nil); a.status != http.StatusOK {
			t.Fatalf("control: %d %s", a.status, a.body)
		}
		if status, _, why := tradeAt(g.gate, once); status != http.StatusOK {
			t.Errorf("control: %d %s", status, why)
		}
		if a := send("DELETE", g.gate+"/api/v4/personal_access_tokens/self", bearer(once), nil); a.status != http.StatusNoContent {
			t.Fatalf("it revokes itself: %d %s", a.status, a.body)
		}
		if status, secret, why := tradeAt(g.gate, once); status != http.StatusBadRequest || secret != "" ||
			!strings.Contains(why, "revoked") {
			t.Errorf("RFC 8693: %d %s", status, why)
		}
		if a := send("POST", g.gate+"/-/patgate/exchange", bearer(once), nil); a.status != http.StatusForbidden ||
			strings.Contains(a.body, "patgate_") {
			t.Errorf("the short form: %d %s", a.status, a.body)
		}
		control(t)
	})
	t.Run("a revoked trust goes on", func(t *testing.T) {
		second := jobToken(t, i, g.world, nil)
		if a := send("GET", issues, bearer(second), nil); a.status != http.StatusOK {
			t.Fatalf("control: %d %s", a.status, a.body)
		}
		operate(t, g.env, g.dir, "trust", "revoke", "notes")
		for what, token := range map[string]string{"the first": raw, "the second": second, "a new one": jobToken(t, i, g.world, nil)} {
			a, reached := reaches(bearer(token), issues)
			if a.status != http.StatusUnauthorized && a.status != http.StatusForbidden || reached {
				t.Errorf("%s: %d %s", what, a.status, a.body)
			}
		}
		allowTrust(t, g.env, g.dir, g.world.alicePAT)
		if a, _ := reaches(bearer(raw), issues); a.status != http.StatusUnauthorized {
			t.Errorf("allowed anew, what was revoked gets %d", a.status)
		}
		raw = jobToken(t, i, g.world, nil)
		control(t)
	})
	t.Run("a policy that is withdrawn goes on", func(t *testing.T) {
		file := strings.TrimPrefix(g.env[indexOf(g.env, "PATGATE_OIDC_TRUSTS=")], "PATGATE_OIDC_TRUSTS=")
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		write := func(text string, want int) {
			t.Helper()
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			var a answer
			for range 100 {
				if a, _ = reaches(bearer(raw), issues); a.status == want {
					return
				}
				time.Sleep(100 * time.Millisecond)
			}
			t.Fatalf("%d, want %d: %s", a.status, want, a.body)
		}
		write(strings.Replace(string(text), "owner: alice", "owner: alice\n    mode: paused", 1), http.StatusForbidden)
		write(string(text), http.StatusOK)
		write("version: 1\ntrusts: []\n", http.StatusUnauthorized)
		write(string(text), http.StatusOK)
	})
}

// TestMadeUpIDTokensAreBounded: of different wrong ones from one address only some are looked at; those that are known go on.
func TestMadeUpIDTokensAreBounded(t *testing.T) {
	i := trusttest.New(t)
	g := startRunningWith(t, func(w *world) []string {
		return append(trustSettings(t, i, w, takesThemselves...), "PATGATE_LIMITS_FAILED_CREDENTIALS=3")
	})
	allowTrust(t, g.env, g.dir, g.world.alicePAT)
	get := func(secret string) int {
		return send("GET", fmt.Sprintf("%s/api/v4/projects/%d/issues", g.gate, g.world.api),
			http.Header{"Private-Token": {secret}}, nil).status
	}
	raw := jobToken(t, i, g.world, nil)
	if got := get(raw); got != http.StatusOK {
		t.Fatalf("control: %d", got)
	}
	head := raw[:strings.LastIndexByte(raw, '.')]
	for n, want := range []int{401, 401, 401, 429, 429} {
		if got := get(fmt.Sprintf("%s.%s%03d", head, strings.Repeat("A", 339), n)); got != want {
			t.Errorf("the signature that was made up as number %d: %d, want %d", n+1, got, want)
		}
	}
	if got := get(raw); got != http.StatusOK {
		t.Errorf("control: afterwards one that is known gets %d", got)
	}
	if got := get(jobToken(t, i, g.world, nil)); got != http.StatusTooManyRequests {
		t.Errorf("an unknown one from that address gets %d", got)
	}
}

// operate runs a command on a gateway's store, and gives what it prints.
func operate(t *testing.T, env []string, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command("patgate", args...)
	cmd.Env, cmd.Dir = env, dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("patgate %v: %v\n%s", args, err, out)
	}
	return string(out)
}

func indexOf(env []string, prefix string) int {
	for i, v := range env {
		if strings.HasPrefix(v, prefix) {
			return i
		}
	}
	return -1
}

// TestAnIDTokenStandsForOneTokenInAFleet: each node takes it for the same token, and what is revoked on one is on the other.
func TestAnIDTokenStandsForOneTokenInAFleet(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts two gateways and PostgreSQL")
	}
	i := trusttest.New(t)
	f := startFleet(t, 2, trustSettingsOfAny(t, i, takesThemselves...)...)
	allowTrust(t, f.nodes[0].env, f.nodes[0].dir, f.world.alicePAT)
	raw := jobToken(t, i, f.world, nil)
	for n := range 4 {
		if got := f.call(f.nodes[n%2], raw, "GET", f.issues(), nil).status; got != http.StatusOK {
			t.Fatalf("call %d: %d", n, got)
		}
	}
	list := operate(t, f.nodes[1].env, f.nodes[1].dir, "trust", "list")
	if !strings.Contains(list, "notes") || strings.Join(strings.Fields(list[strings.Index(list, "notes"):])[6:], " ") != "1 1" {
		t.Errorf("%s", list)
	}
	operate(t, f.nodes[1].env, f.nodes[1].dir, "trust", "revoke", "notes")
	for n := range 2 {
		if got := f.call(f.nodes[n], raw, "GET", f.issues(), nil).status; got != http.StatusUnauthorized && got != http.StatusForbidden {
			t.Errorf("revoked, node %d: %d", n, got)
		}
	}
}
