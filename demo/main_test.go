package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"
)

// The demo makes its own requests and compares the answers.
func TestTheDemoIsAnsweredAsItSays(t *testing.T) {
	var out bytes.Buffer
	if err := demo(t.Context(), "", true, &out, io.Discard); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"200  Allowed: ci reads", "403  Denied: ", "403  Out of bounds: ", "201  Allowed: release-bot",
		"200  Allowed: reader"} {
		if !strings.Contains("\n"+out.String(), "\n"+line) {
			t.Errorf("there is no line %q in:\n%s", line, &out)
		}
	}
}

// It prints lines to paste, its console is there, and it ends cleanly.
func TestTheDemoRunsUntilItIsEnded(t *testing.T) {
	ctx, end := context.WithCancel(t.Context())
	defer end()
	lines, printed := io.Pipe()
	ended := make(chan error, 1)
	address := freeAddress("", true)
	log := &journal{}
	go func() {
		ended <- demo(ctx, address, false, printed, log)
		printed.Close()
	}()
	const last = "patgate serve --upstream https://gitlab.example.com\n"
	var text strings.Builder
	for part := make([]byte, 4096); !strings.HasSuffix(text.String(), last); {
		n, err := lines.Read(part)
		if err != nil {
			t.Fatalf("%v, %v after:\n%s", err, <-ended, &text)
		}
		text.Write(part[:n])
	}
	if !strings.Contains(text.String(), "\ncurl -i -H 'PRIVATE-TOKEN: patgate_") || !strings.Contains(text.String(),
		"'http://"+address+"/api/v4/projects/acme%2Fwebsite/jobs'\n") {
		t.Errorf("it printed:\n%s", &text)
	}
	_, rest, _ := strings.Cut(text.String(), "look after tokens: ")
	console, _, _ := strings.Cut(rest, "\n")
	answer, err := http.Get(console + "/sign-in")
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Errorf("the console at %q answers %v, %v", console, answer, err)
	}
	http.DefaultClient.CloseIdleConnections()
	t.Run("the log", func(t *testing.T) { deniedInTheLog(t, text.String(), console, log) })
	t.Run("images", func(t *testing.T) { pushAnImage(t, text.String()) })
	t.Run("git", func(t *testing.T) { cloneAndPush(t, text.String()) })
	t.Run("Renovate and glab", func(t *testing.T) { findAndFollow(t, "http://"+address, text.String()) })
	end()
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(30 * time.Second):
		t.Error("it does not end")
	}
}

// findAndFollow asks with the bot's token as Renovate does when it starts, and as glab does of a merge request. Addresses in the
// answers lead to the demo.
func findAndFollow(t *testing.T, address, text string) {
	t.Helper()
	_, rest, _ := strings.Cut(text, "\n  bot ")
	_, rest, _ = strings.Cut(rest, "\n")
	token, _, _ := strings.Cut(strings.TrimSpace(rest), "\n")
	ask := func(method, target, body string) string {
		t.Helper()
		request, err := http.NewRequest(method, address+"/api/v4"+target, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("PRIVATE-TOKEN", token)
		request.Header.Set("Content-Type", "application/json")
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		data, err := io.ReadAll(answer.Body)
		if err != nil || answer.StatusCode >= http.StatusMultipleChoices {
			t.Errorf("%s %s: %s, %v: %s", method, target, answer.Status, err, data)
		}
		return string(data)
	}
	const project = "/projects/acme%2Fwebsite"
	found := ask("GET", "/projects?membership=true&per_page=100&with_merge_requests_enabled=true&min_access_level=30&archived=false", "")
	if strings.Count(found, `"path_with_namespace":`) != 1 || !strings.Contains(found, `"path_with_namespace":"acme/website"`) ||
		!strings.Contains(found, `"http_url_to_repo":"`+address+`/acme/website.git"`) {
		t.Errorf("the bot finds %s", found)
	}
	made := ask("POST", project+"/merge_requests", `{"source_branch":"feature/login.page","target_branch":"main","title":"m","description":"-"}`)
	_, rest, _ = strings.Cut(made, `"iid":`)
	number, _, _ := strings.Cut(rest, ",")
	one := project + "/merge_requests/" + number
	if shown := ask("GET", one+"?include_diverged_commits_count=true&render_html=true", ""); !strings.Contains(shown, `"title":"m"`) {
		t.Errorf("the merge request is %s", shown)
	}
	for _, of := range []string{"/diffs", "/versions", "/commits", "/closes_issues", "/notes"} {
		if list := ask("GET", one+of, ""); !strings.HasPrefix(list, "[") {
			t.Errorf("%s: %s", of, list)
		}
	}
}

// journal is the demo's log, which is read while it is written.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements io.Writer.
func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

// deniedInTheLog pastes the line that is denied, and looks for what a person reads of it.
func deniedInTheLog(t *testing.T, text, console string, log *journal) {
	t.Helper()
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("curl is not here: apt-get install curl")
	}
	_, line, _ := strings.Cut(text, "\n# Denied: ")
	_, line, _ = strings.Cut(line, "\n")
	line, _, _ = strings.Cut(line, "\n")
	if out, err := exec.Command("bash", "-c", line).CombinedOutput(); err != nil || !strings.Contains(string(out), "read_work_item") {
		t.Fatalf("%s: %v\n%s", line, err, out)
	} else if !strings.Contains(string(out), `"grant_url":"`+console+`/tokens/`) {
		t.Errorf("it leads to another address than %s, where one signed in: %s", console, out)
	}
	const want = " DENY ci GET /projects/{project}/issues needs read_work_item on acme/website (permission_missing)\n"
	for end := time.Now().Add(30 * time.Second); !strings.Contains(log.String(), want); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%q is not in the log:\n%s", want, log)
		}
	}
	if strings.Contains(log.String(), "patgate_") {
		t.Errorf("a secret stands in the log:\n%s", log)
	}
}

// cloneAndPush pastes what the demo prints of git into a shell.
func cloneAndPush(t *testing.T, text string) {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not here: apt-get install git")
	}
	_, lines, found := strings.Cut(text, "\n# Allowed: bot clones")
	if !found {
		t.Fatalf("nothing is said of git:\n%s", text)
	}
	var script strings.Builder
	for line := range strings.Lines(lines) {
		if strings.HasPrefix(line, "git ") || strings.HasPrefix(line, "curl ") {
			script.WriteString(line)
		}
	}
	script.WriteString("git branch -r; git tag\n")
	shell := exec.Command("bash", "-c", script.String())
	shell.Dir, shell.Env = t.TempDir(), append(os.Environ(), "GIT_TERMINAL_PROMPT=0", "GIT_CONFIG_GLOBAL=/dev/null")
	out, err := shell.CombinedOutput()
	for _, want := range []string{"bot/update -> bot/update", "feature/login.page", "Missing: download_code.", "201 Created",
		"release/2024.1", `"diff":"@@ -1 +1,2 @@`} {
		if !strings.Contains(string(out), want) {
			t.Errorf("%q is not in what they print (%v):\n%s", want, err, out)
		}
	}
}

// pushAnImage pastes what the demo prints of images into a shell. The log-in that it denies names what lacks.
func pushAnImage(t *testing.T, text string) {
	t.Helper()
	if _, err := exec.LookPath("skopeo"); err != nil {
		t.Skip("skopeo is not here: apt-get install skopeo")
	}
	_, lines, found := strings.Cut(text, "\n# Allowed: bot pushes an image")
	if !found {
		t.Fatalf("nothing is said of images:\n%s", text)
	}
	allowed, denied, _ := strings.Cut(lines, "\n# Denied: ")
	paste := func(text string) (string, error) {
		var script strings.Builder
		for line := range strings.Lines(text) {
			if strings.HasPrefix(line, "echo ") || strings.HasPrefix(line, "skopeo ") {
				script.WriteString(line)
			}
		}
		shell := exec.Command("bash", "-ec", "echo hello > hello.txt; tar -cf layer.tar hello.txt\n"+script.String())
		shell.Dir = t.TempDir()
		shell.Env = append(os.Environ(), "HOME="+shell.Dir, "TMPDIR="+shell.Dir, "NO_PROXY=*")
		out, err := shell.CombinedOutput()
		return string(out), err
	}
	if out, err := paste(allowed); err != nil || !strings.Contains(out, `/acme/website/web"`) || !strings.Contains(out, `"v1"`) {
		t.Errorf("%v: %s", err, out)
	}
	if out, err := paste(denied); err == nil || !strings.Contains(out, "403") {
		t.Errorf("%v: %s", err, out)
	}
}
