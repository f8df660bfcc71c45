package cli_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"gopkg.in/yaml.v3"

	"patgate/trust/trusttest"
)

// recipe is what runners read of a block of the page.
type recipe struct {
	IDTokens map[string]struct {
		Audience string `yaml:"aud"`
	} `yaml:"id_tokens"`
	Script []string
	Env    map[string]string
	Steps  []struct{ Run string }
}

// recipesOf gives the blocks of YAML below each heading of a page.
func recipesOf(t *testing.T, page string) map[string][]string {
	t.Helper()
	data, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]string{}
	block := regexp.MustCompile("(?s)```yaml\n(.*?)```")
	for _, section := range strings.Split(string(data), "\n## ")[1:] {
		heading, _, _ := strings.Cut(section, "\n")
		for _, m := range block.FindAllStringSubmatch(section, -1) {
			all[heading] = append(all[heading], m[1])
		}
	}
	return all
}

// TestRecipesWithoutSecrets runs the lines of the page as runners do, each against an issuer of its own kind.
func TestRecipesWithoutSecrets(t *testing.T) {
	for _, program := range []string{"git", "jq", "curl"} {
		needs(t, program, "apt-get install "+program)
	}
	issuers := map[string]*trusttest.Issuer{}
	for _, kind := range []string{"gitlab", "github", "forgejo", "kubernetes"} {
		issuers[kind] = trusttest.New(t)
	}
	claims := map[string]map[string]any{
		"gitlab":  {"project_id": "20", "ref_protected": "true", "pipeline_source": "push"},
		"github":  {"repository_id": "20", "event_name": "push"},
		"forgejo": {"repository_id": "20", "event_name": "push"},
		"kubernetes": {"kubernetes.io": map[string]any{"serviceaccount": map[string]any{"uid": "6f2c"}},
			"exp": time.Now().Add(10 * time.Minute).Unix()},
	}
	g := serveGit(t, startRunningWith(t, func(w *world) []string {
		text, named := "version: 1\ntrusts:\n", []string{}
		for _, p := range []struct{ trust, kind, id, more string }{
			{"release", "gitlab", `project_id: "20"`, ""},
			{"mirror", "gitlab", `project_id: "20"`, "\n    single_use: false\n    direct_use: true"},
			{"actions", "github", `repository_id: "20"`, ""},
			{"forgejo", "forgejo", `repository_id: "20"`, ""},
			{"deploy", "kubernetes", "kubernetes.io/serviceaccount/uid: 6f2c", "\n    single_use: false"},
		} {
			matching, _ := json.Marshal(claims[p.kind])
			if p.kind == "kubernetes" {
				matching = []byte("{" + p.id + "}")
			}
			text += fmt.Sprintf(`  - name: %s
    issuer: %s
    match: {%s}
    owner: alice%s
    grant:
      - access: selected_memberships
        projects: [%d]
        permissions: [read_work_item, download_code]
    tests:
      - {claims: %s, want: allow}
      - {claims: {}, want: deny}
`, p.trust, p.kind, p.id, p.more, w.api, matching)
		}
		for kind, i := range issuers {
			named = append(named, fmt.Sprintf("{name: %s, url: '%s', kind: %[1]s}", kind, i.URL))
		}
		file := filepath.Join(t.TempDir(), "policies.yaml")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return []string{"PATGATE_OIDC_TRUSTS=" + file, "PATGATE_OIDC_AUDIENCE=" + trustAudience,
			"PATGATE_OIDC_ISSUERS=[" + strings.Join(named, ", ") + "]"}
	}))
	for _, name := range []string{"release", "mirror", "actions", "forgejo", "deploy"} {
		operate(t, append(g.env, "PATGATE_OWNER_CREDENTIAL="+g.world.alicePAT), g.dir, "trust", "allow", name, "--yes")
	}
	// token is what an issuer gives a job for an audience.
	token := func(kind, aud string) string {
		raw := issuers[kind].Token(t, "RS256-1", issuers[kind].Claims(aud, claims[kind]))
		g.secret("an ID token for "+aud, raw)
		return raw
	}
	pages := recipesOf(t, filepath.Join("..", "docs", "howto", "without-secrets.md"))
	run := func(t *testing.T, lines string, env ...string) string {
		t.Helper()
		cmd := exec.Command("sh", "-euc", lines)
		cmd.Dir = t.TempDir()
		cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + cmd.Dir, "PATGATE_SERVER=" + g.gate, "NO_PROXY=*",
			"GIT_TERMINAL_PROMPT=0"}, env...)
		var errors bytes.Buffer
		cmd.Stderr = &errors
		out, err := cmd.Output()
		if err != nil {
			t.Errorf("%v\n%s\n%s%s\n%s", err, lines, out, errors.String(), g.lastLines(3))
		}
		clones, _ := filepath.Glob(filepath.Join(cmd.Dir, "*", "README.md"))
		return string(out) + strings.Join(clones, " ")
	}
	ran := 0
	for n, text := range pages["GitLab CI"] {
		t.Run(fmt.Sprint("GitLab CI ", n+1), func(t *testing.T) {
			var jobs map[string]recipe
			if err := yaml.Unmarshal([]byte(text), &jobs); err != nil {
				t.Fatal(err)
			}
			for _, job := range jobs {
				env := []string{fmt.Sprint("CI_PROJECT_ID=", g.world.api), "CI_PROJECT_PATH=shop/backend/api"}
				for name, id := range job.IDTokens {
					env = append(env, name+"="+token("gitlab", id.Audience))
				}
				out := run(t, strings.Join(job.Script, "\n"), env...)
				for _, line := range job.Script {
					if strings.Contains(line, "/issues") && !strings.Contains(out, `"title":"Issue `) ||
						strings.Contains(line, " clone ") && !strings.Contains(out, "README.md") {
						t.Errorf("%s\ndoes not show what it is for:\n%s", line, out)
					}
					ran++
				}
			}
		})
	}
	for heading, kind := range map[string]string{"GitHub Actions": "github", "Forgejo Actions": "forgejo"} {
		t.Run(heading, func(t *testing.T) {
			given := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Header.Get("Authorization") != "Bearer of-the-runner" {
					w.WriteHeader(http.StatusUnauthorized)
					return
				}
				_ = json.NewEncoder(w).Encode(map[string]string{"value": token(kind, r.URL.Query().Get("audience"))})
			}))
			defer given.Close()
			for _, text := range pages[heading] {
				var workflow struct{ Jobs map[string]recipe }
				if err := yaml.Unmarshal([]byte(text), &workflow); err != nil {
					t.Fatal(err)
				}
				for _, job := range workflow.Jobs {
					for _, step := range job.Steps {
						out := run(t, step.Run, "ACTIONS_ID_TOKEN_REQUEST_TOKEN=of-the-runner",
							"ACTIONS_ID_TOKEN_REQUEST_URL="+given.URL+"/?v=2",
							fmt.Sprint("PROJECT=", g.world.api))
						if !strings.Contains(out, `"title":"Issue `) || !strings.Contains(out, "::add-mask::patgate_") {
							t.Errorf("it shows\n%s", out)
						}
						ran++
					}
				}
			}
		})
	}
	t.Run("Kubernetes", func(t *testing.T) {
		var pod struct {
			Spec struct {
				Containers []struct {
					Command []string
					Env     []struct{ Name, Value string }
				}
				Volumes []struct {
					Projected struct {
						Sources []struct {
							Token struct{ Audience, Path string } `yaml:"serviceAccountToken"`
						}
					}
				}
			}
		}
		if err := yaml.Unmarshal([]byte(pages["Kubernetes"][0]), &pod); err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		files := strings.NewReplacer("/var/run/secrets/patgate", dir, "/run/patgate", dir+"/run", trustAudience, g.gate)
		for _, v := range pod.Spec.Volumes {
			for _, s := range v.Projected.Sources {
				if err := os.WriteFile(filepath.Join(dir, s.Token.Path), []byte(token("kubernetes", s.Token.Audience)), 0o600); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := os.Mkdir(dir+"/run", 0o700); err != nil {
			t.Fatal(err)
		}
		for _, c := range pod.Spec.Containers {
			values, env := map[string]string{}, []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir}
			for _, v := range c.Env {
				values[v.Name] = files.Replace(v.Value)
				env = append(env, v.Name+"="+values[v.Name])
			}
			for i := range c.Command { // as the kubelet expands it
				c.Command[i] = regexp.MustCompile(`\$\(([A-Z_]+)\)`).ReplaceAllStringFunc(c.Command[i], func(v string) string {
					return values[v[2:len(v)-1]]
				})
			}
			cmd := exec.Command(c.Command[0], c.Command[1:]...)
			cmd.Env, cmd.Stdout, cmd.Stderr = env, io.Discard, io.Discard
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
			var secret []byte
			for range 200 {
				if secret, _ = os.ReadFile(values["TOKEN_FILE"]); len(secret) > 0 {
					break
				}
				time.Sleep(50 * time.Millisecond)
			}
			a := send("GET", fmt.Sprintf("%s/api/v4/projects/%d/issues", g.gate, g.world.api), http.Header{"Authorization": {"Bearer " +
				strings.TrimSpace(string(secret))}}, nil)
			if a.status != http.StatusOK {
				t.Errorf("with the file's token: %d %s", a.status, a.body)
			}
			ran++
		}
	})
	if ran != 8 {
		t.Errorf("%d lines were run: the page has others than the test reads", ran)
	}
}
