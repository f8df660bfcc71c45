package cli_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// inBody is a request as a client sends it whose credential stands in the body or in a header of its own.
type inBody struct{ name, method, path, header, body string }

const multipartTrigger = "--b\r\nContent-Disposition: form-data; name=\"token\"\r\n\r\n%s\r\n--b\r\nContent-Disposition: form-data; name=\"ref\"\r\n\r\nmain\r\n" +
	"--b\r\nContent-Disposition: form-data; name=\"variables[UPLOAD_TO_S3]\"\r\n\r\ntrue\r\n--b--\r\n"

// inBodies are the places in which GitLab 19.3 takes a credential that is in no usual header: lib/api/ci/triggers.rb,
// lib/api/ci/runner.rb, lib/api/unleash.rb, lib/api/integrations.rb, lib/gitlab/auth/auth_finders.rb. Runners are asked as
// gitlab-runner 16 asks.
func inBodies(project int64, secret string) []inBody {
	const form, json = "Content-Type: application/x-www-form-urlencoded", "Content-Type: application/json"
	trigger := fmt.Sprintf("/api/v4/projects/%d/trigger/pipeline", project)
	ofRef := fmt.Sprintf("/api/v4/projects/%d/ref/main/trigger/pipeline", project)
	unleash := fmt.Sprintf("/api/v4/feature_flags/unleash/%d", project)
	return []inBody{
		{"curl --form", "POST", trigger, "Content-Type: multipart/form-data; boundary=b", fmt.Sprintf(multipartTrigger, secret)},
		{"curl --data", "POST", trigger, form, "token=" + secret + "&ref=main"},
		{"an escaped name", "POST", trigger, form, "ref=main&%74oken=" + secret},
		{"JSON", "POST", trigger, json, `{"ref":"main","token":"` + secret + `","variables":{"A":"1"}}`},
		{"an escaped key", "POST", trigger, "Content-Type: application/json; charset=utf-8", `{"ref":"main","\u0074oken":"` + secret +
			`"}`},
		{"a ref in the path", "POST", ofRef, form, "ref=main&token=" + secret},
		{"doubled slashes", "POST", "//api/v4/" + strings.TrimPrefix(trigger, "/api/v4/"), form, "token=" + secret + "&ref=main"},
		{"register a runner", "POST", "/api/v4/runners", json, `{"token":"` + secret +
			`","description":"host","info":{"name":"gitlab-runner","version":"16.11.0"}}`},
		{"verify a runner", "POST", "/api/v4/runners/verify", json, `{"token":"` + secret + `","system_id":"s_1"}`},
		{"unregister a runner", "DELETE", "/api/v4/runners", json, `{"token":"` + secret + `"}`},
		{"ask for a job", "POST", "/api/v4/jobs/request", json, `{"info":{"name":"gitlab-runner"},"token":"` + secret +
			`","last_update":"x"}`},
		{"end a job", "PUT", "/api/v4/jobs/17001", json, `{"token":"` + secret + `","state":"success","trace":""}`},
		{"a trace", "PATCH", "/api/v4/jobs/17001/trace", "Job-Token: " + secret, "section_start:1:x\r"},
		{"a feature flag client", "GET", unleash + "/client/features", "Unleash-InstanceId: " + secret, ""},
		{"the same, in the query", "GET", unleash + "/client/features?instance_id=" + secret + "&app_name=x", "", ""},
		{"its metrics", "POST", unleash + "/client/metrics", json, `{"instance_id":"` + secret + `","app_name":"x"}`},
		{"a slash command", "POST", fmt.Sprintf("/api/v4/projects/%d/integrations/mattermost_slash_commands/trigger", project), form,
			"team_id=1&token=" + secret + "&text=help"},
		{"Slack's signature", "POST", "/api/v4/integrations/slack/events", "X-Slack-Signature: v0=" + secret, "{}"},
		{"a personal access token", "POST", fmt.Sprintf("/api/v4/projects/%d/labels", project), form, "private_token=" + secret +
			"&name=x&color=red"},
		{"a job token", "POST", fmt.Sprintf("/api/v4/projects/%d/releases", project), json, `{"job_token":"` + secret +
			`","tag_name":"v1"}`},
		{"GraphQL", "POST", "/api/graphql", json, `{"query":"{currentUser{id}}","private_token":"` + secret + `"}`},
	}
}

func (r *running) sendInBody(c inBody, more ...string) answer {
	h := http.Header{}
	for _, line := range append(more, c.header) {
		if name, value, ok := strings.Cut(line, ": "); ok {
			h.Set(name, value)
		}
	}
	return send(c.method, r.gate+c.path, h, []byte(c.body))
}

// TestCredentialsInBodies: with `legacy: allow` every one of them passes, byte for byte, and none of patgate's own does.
func TestCredentialsInBodies(t *testing.T) {
	r := startRunning(t)
	w, f := r.world, r.world.forge
	made := send("POST", fmt.Sprintf("%s/api/v4/projects/%d/triggers", w.url, w.api), http.Header{"Private-Token": {w.alicePAT},
		"Content-Type": {"application/json"}}, []byte(`{"description":"x"}`))
	secret := parseShown(t, []byte(made.body)).Token
	r.secret("a trigger's token", secret)
	for _, c := range inBodies(w.api, secret) {
		t.Run(c.name, func(t *testing.T) {
			f.ForgetRequests()
			a, got := r.sendInBody(c), f.LastRequest()
			if got.Method != c.method || got.Target != c.path || strings.TrimPrefix(c.header, "Content-Type: ") != c.header &&
				got.Header.Get("Content-Type") != strings.TrimPrefix(c.header, "Content-Type: ") ||
				got.BodySize != int64(len(c.body)) || strings.HasPrefix(c.header, "Content-Type: application/") &&
				string(got.Body) != c.body {
				t.Errorf("%d %s; the forge got %s %s %q", a.status, a.body, got.Method, got.Target, got.Body)
			}
			if got.Header.Get("Private-Token")+got.Header.Get("Authorization") != "" {
				t.Errorf("a credential was added: %v", got.Header)
			}
			if strings.Contains(c.path, "trigger/pipeline") && !strings.Contains(c.path, "/ref/") && a.status != 201 {
				t.Errorf("no pipeline was started: %d %s", a.status, a.body)
			}
		})
	}
	token := r.mint(t, "--name", "much", "--project", "shop/backend/api", "--allow",
		"read_project,create_label,create_release,create_pipeline")
	t.Run("a patgate token there stays here", func(t *testing.T) {
		for _, c := range inBodies(w.api, token) {
			f.ForgetRequests()
			a := r.sendInBody(c)
			if got := f.Requests(); a.status < 400 || len(got) > 0 || strings.Contains(a.body, token) {
				t.Errorf("%s: %d %s; the forge got %d requests", c.name, a.status, a.body, len(got))
			}
		}
		for name, c := range map[string]inBody{
			"in another field": {"", "POST", "/api/v4/projects/1/trigger/pipeline", "Content-Type: application/json",
				`{"token":"glptt-1","ref":"` + token + `"}`},
			"escaped": {"", "POST", "/api/v4/projects/1/trigger/pipeline", "Content-Type: application/json", `{"token":"\u0070` +
				token[1:] + `","ref":"main"}`},
			"escaped in forms": {"", "POST", "/api/v4/projects/1/trigger/pipeline", "Content-Type: application/x-www-form-urlencoded",
				"token=%70" + token[1:] + "&ref=main"},
		} {
			f.ForgetRequests()
			if a := r.sendInBody(c); a.status != 400 || !strings.Contains(a.body, "misplaced_token") || len(f.Requests()) > 0 {
				t.Errorf("%s: %d %s", name, a.status, a.body)
			}
		}
	})
	t.Run("beside a patgate token in the head", func(t *testing.T) {
		for _, c := range inBodies(w.api, secret) {
			f.ForgetRequests()
			a := r.sendInBody(c, "Private-Token: "+token)
			refused := a.status >= 400 || strings.Contains(a.body, "graphql_body") // as GraphQL refuses
			if got := f.Requests(); !refused || len(got) > 0 {
				t.Errorf("%s: %d %s; the forge got %d requests", c.name, a.status, a.body, len(got))
			}
		}
	})
	t.Run("nothing of the kind", func(t *testing.T) {
		const path, json, form = "/api/v4/projects/1/trigger/pipeline", "Content-Type: application/json",
			"Content-Type: application/x-www-form-urlencoded"
		for name, c := range map[string]inBody{
			"no credential":         {"", "POST", path, form, "ref=main"},
			"another name":          {"", "POST", path, json, `{"tokens":"x","variables":{"token":"x"}}`},
			"what Ruby alone reads": {"", "POST", path, json, `{/**/"token":"x"}`},
			"two objects":           {"", "POST", path, json, `{"ref":"x"}{"token":"x"}`},
			"a broken multipart": {"", "POST", path, "Content-Type: multipart/form-data; boundary=b",
				"--b\r\nContent-Disposition: form-data; name=\"to\\ken\"\r\n\r\nx\r\n--b--\r\n"},
			"octets":           {"", "POST", path, "Content-Type: application/octet-stream", "token=x"},
			"a page":           {"", "POST", "/users/sign_in", form, "token=x"},
			"too long":         {"", "POST", path, form, "ref=" + strings.Repeat("x", 1<<20) + "&token=x"},
			"an internal path": {"", "POST", "/api/v4/internal/allowed", form, "token=x"},
		} {
			f.ForgetRequests()
			a := r.sendInBody(c)
			if got := f.Requests(); len(got) > 0 || a.status != 401 && c.path == path || a.status < 400 {
				t.Errorf("%s: %d %s; the forge got %d requests", name, a.status, a.body, len(got))
			}
		}
	})
}

// TestCredentialsInBodiesDenied: what `legacy: deny` refuses does not pass for nobody's where nobody passes.
func TestCredentialsInBodiesDenied(t *testing.T) {
	for _, anonymous := range []string{"deny", "allow"} {
		t.Run("anonymous: "+anonymous, func(t *testing.T) {
			r := startRunningWith(t, func(*world) []string { return []string{"PATGATE_LEGACY=deny", "PATGATE_ANONYMOUS=" + anonymous} })
			r.world.forge.ForgetRequests()
			for _, c := range append(inBodies(r.world.api, "glptt-1"),
				inBody{"what Ruby alone reads", "POST", "/api/v4/runners", "Content-Type: application/json", `{/**/"token":"x"}`},
				inBody{"a name that Rack unescapes", "POST", "/api/v4/runners", "Content-Type: multipart/form-data; boundary=b",
					"--b\r\nContent-Disposition: form-data; name=\"to\\ken\"\r\n\r\nx\r\n--b--\r\n"},
				inBody{"many brackets in front", "POST", "/api/v4/runners", "Content-Type: application/x-www-form-urlencoded",
					strings.Repeat("[", 120) + "private_token=glpat-x"},
				inBody{"the same, in the query", "GET", "/api/v4/user?" + strings.Repeat("[", 120) + "private_token=glpat-x", "", ""},
				inBody{"a semicolon in the query", "GET", "/api/v4/user?a;private_token=glpat-x", "", ""},
				inBody{"a session beside it", "GET", "/api/v4/user?private_token=glpat-x", "Cookie: _gitlab_session=x", ""},
				inBody{"parts behind a closing boundary", "POST", "/api/v4/runners", "Content-Type: multipart/form-data; boundary=b",
					"--b--\r\nContent-Disposition: form-data; name=\"private_token\"\r\n\r\nglpat-x\r\n--b--\r\n"},
				inBody{"a boundary within a boundary", "POST", "/api/v4/runners", `Content-Type: multipart/form-data; boundary="b;a"`,
					"--b;a\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\n--b\r\nContent-Disposition: form-data; name=\"private_token\"\r\n\r\nglpat-x\r\n--b--\r\n\r\n--b;a--\r\n"},
				inBody{"JSON as text", "POST", "/api/v4/runners", "Content-Type: text/plain", `{"token":"x"}`},
				inBody{"packed", "POST", "/api/v4/runners", "Content-Encoding: gzip", "x"}) {
				a := r.sendInBody(c)
				if a.status != 403 && !(anonymous == "deny" && a.status == 401) || a.status == 403 &&
					!strings.Contains(a.body, "Only fine-grained tokens are accepted here") {
					t.Errorf("%s: %d %s", c.name, a.status, a.body)
				}
			}
			posted := func() (n int) {
				for _, got := range r.world.forge.Requests() {
					if got.Method == http.MethodPost {
						n++
					}
				}
				return n
			}
			if n := posted(); n > 0 {
				t.Errorf("the forge got %d of them", n)
			}
			a := send("POST", r.gate+"/api/v4/markdown", http.Header{"Content-Type": {"application/json"}}, []byte(`{"text":"x"}`))
			if passed := posted() == 1; passed != (anonymous == "allow") {
				t.Errorf("what holds no credential: %d %s", a.status, a.body)
			}
		})
	}
}
