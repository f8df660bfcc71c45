package cli_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// pushStage is a stage with a clone to push from, whose forge notes the options that git's server reads of a push.
type pushStage struct {
	*gitStage
	dir, said string
	pushes    int
}

func startPushing(t *testing.T, prepare ...func(*world)) *pushStage {
	t.Helper()
	p := &pushStage{gitStage: startGit(t)}
	for _, f := range prepare {
		f(p.world)
	}
	p.said = filepath.Join(p.home, "said")
	for _, project := range []int64{p.world.api, p.world.web} {
		p.write(t, filepath.Join(p.world.forge.GitRepository(project), "hooks"), "pre-receive", "#!/bin/sh\ni=0; while [ $i -lt ${GIT_PUSH_OPTION_COUNT:-0} ]; do eval \"printf '%s\\n' \\\"\\$GIT_PUSH_OPTION_$i\\\"\"; i=$((i+1)); done >"+p.said+"\n")
		if err := os.Chmod(filepath.Join(p.world.forge.GitRepository(project), "hooks", "pre-receive"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	work := t.TempDir()
	reader := p.mint(t, "--name", "reader", "--project", "shop/backend/api", "--allow", "download_code")
	p.git(t, work, "clone", "-q", p.url(reader, "shop/backend/api.git"), "clone")
	p.dir = filepath.Join(work, "clone")
	return p
}

// args are those of a push of a new commit with options, by a token.
func (p *pushStage) args(t *testing.T, token, repository string, options []string) []string {
	t.Helper()
	p.pushes++
	p.commit(t, p.dir, fmt.Sprint("change ", p.pushes))
	args := []string{"push", "-q"}
	for _, o := range options {
		args = append(args, "-o", o)
	}
	return append(args, p.url(token, repository), fmt.Sprintf("HEAD:refs/heads/topic-%d", p.pushes))
}

// passes pushes, and compares the options that git's server got.
func (p *pushStage) passes(t *testing.T, token string, want []string, options ...string) {
	t.Helper()
	_ = os.Remove(p.said)
	if out := p.git(t, p.dir, p.args(t, token, "shop/backend/api.git", options)...); out != "" {
		t.Errorf("a push with %q prints %q", options, out)
	}
	said, err := os.ReadFile(p.said)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Split(strings.TrimSuffix(string(said), "\n"), "\n"); !slices.Equal(got, append([]string{}, want...)) && !(len(want) == 0 && len(said) == 0) {
		t.Errorf("%q is sent as %q, want %q", options, got, want)
	}
}

// fails pushes, looks for texts in what git prints, and makes sure that the forge did not see the push.
func (p *pushStage) fails(t *testing.T, token string, texts []string, options ...string) {
	t.Helper()
	_ = os.Remove(p.said)
	p.refused(t, p.dir, append(texts, "[remote rejected]"), p.args(t, token, "shop/backend/api.git", options)...)
	if _, err := os.Stat(p.said); err == nil {
		t.Errorf("%q reached the forge", options)
	}
}

// Threat: a push has the forge make, change and merge merge requests, or switch off its guards, without the permission for it.
// Attack: push options in spellings that the forge reads and a comparison does not find; one that the project is not named by;
// commands in a description.
// Control: the same options with the permissions, which arrive in one spelling.
func TestThreatPushOptions(t *testing.T) {
	p := startPushing(t)
	const own = "merge_request.target_project=shop/backend/api"
	token := func(allow string) string {
		return p.mint(t, "--name", "pusher", "--project", "shop/backend/api", "--allow", "download_code,push_code,"+allow)
	}
	pusher, maker, merger := token("read_job"), token("create_merge_request,update_merge_request"), token("create_merge_request,update_merge_request,merge_merge_request")
	text := `mr.description=What it is for`

	for name, options := range map[string][]string{
		"the alias":                     {"mr.create"},
		"the alias, and merging":        {"mr.create", "mr.merge_when_pipeline_succeeds"},
		"a blank before the name":       {" merge_request.create"},
		"a blank before the key":        {"merge_request. create"},
		"a blank behind the key":        {"merge_request.create = true"},
		"dots in front":                 {"..mr.create"},
		"an option behind harmless one": {"ci.skip", "mr.create"},
	} {
		t.Run("without the permissions: "+name, func(t *testing.T) {
			p.fails(t, pusher, []string{"remote: Access denied", "The push option merge_request.create needs create_merge_request and update_merge_request", "Missing: "}, options...)
		})
	}
	t.Run("another project", func(t *testing.T) {
		for _, option := range []string{"mr.target_project=secret/plans", "merge_request.target_project =secret/plans"} {
			p.fails(t, merger, []string{"merge_request.target_project is not passed on", "REST API"}, "mr.create", text, option)
		}
	})
	t.Run("merging", func(t *testing.T) {
		for _, option := range []string{"merge_request. merge_when_pipeline_succeeds", "mr.merge_when_pipeline_succeeds", "mr . auto_merge = true"} {
			p.fails(t, maker, []string{"Missing: merge_merge_request", "The push option merge_request."}, text, "mr.create", option)
			p.passes(t, merger, []string{"merge_request.create", "merge_request.description=What it is for", "merge_request." + strings.Trim(strings.TrimSuffix(option[strings.Index(option, ".")+1:], "= true"), " "), own},
				"mr.create", text, option)
		}
	})
	t.Run("commands in a description", func(t *testing.T) {
		p.fails(t, maker, []string{"Line 2 of `merge_request.description` has the quick action /approve"}, "mr.create", `merge_request.description=text\n/approve\n/merge`)
		p.fails(t, maker, []string{"quick action /merge, which needs merge_merge_request"}, `mr.description=text\n/merge`)
		p.fails(t, maker, []string{"quick action /merge"}, `mr.description=text\n\n  /MERGE now`)
		p.passes(t, merger, []string{`merge_request.description=text\n/merge`, own}, `mr.description=text\n/merge`)
		p.passes(t, maker, []string{`merge_request.description=see /merge\nand /usr/bin`, own}, `mr.description=see /merge\nand /usr/bin`)
	})
	t.Run("a description that nobody sees here", func(t *testing.T) {
		for _, options := range [][]string{{"mr.create"}, {"mr.create", "mr.description=%{all_commits}"}, {"mr.create", `mr.description=\n`}, {"mr.create", `mr.description=/target_branch main`}} {
			p.fails(t, merger, []string{"merge_request.description", "from commits or a template", "Add -o merge_request.description="}, options...)
		}
		all := p.mint(t, "--name", "everything", "--all-memberships", "--allow", "*")
		p.passes(t, all, []string{"merge_request.create", own}, "mr.create")
	})
	t.Run("guards of the forge", func(t *testing.T) {
		everything := p.mint(t, "--name", "wildcard", "--all-memberships", "--allow", "*")
		skipper := token("skip_secret_push_protection")
		for _, option := range []string{"secret_push_protection.skip_all", "secret_detection.skip_all", "secret_push_protection . skip_all"} {
			p.fails(t, everything, []string{"skip_all needs skip_secret_push_protection", "Missing: skip_secret_push_protection"}, option)
			p.passes(t, skipper, []string{strings.ReplaceAll(option, " ", "")}, option)
		}
		p.fails(t, everything, []string{"Missing: bypass_security_policy"}, "security_policy.bypass_reason=because")
		p.passes(t, token("bypass_security_policy"), []string{"security_policy.bypass_reason=because"}, "security_policy.bypass_reason= because")
	})
	t.Run("variables of pipelines", func(t *testing.T) {
		p.fails(t, pusher, []string{"The push option ci.variable needs create_pipeline"}, "ci.variable=DEPLOY=yes")
		p.fails(t, pusher, []string{"The push option ci.input needs create_pipeline"}, "ci. input=a=b")
		p.passes(t, token("create_pipeline"), []string{"ci.variable=A=1", "ci.variable=B=2", "ci.input=a=b"}, "ci.variable=A=1", "ci .variable=B=2", "ci.input=a=b")
	})
	t.Run("what needs nothing, and what nobody knows", func(t *testing.T) {
		p.passes(t, pusher, []string{"ci.skip", "integrations.skip_ci"}, "ci.skip", " integrations.skip_ci ")
		p.passes(t, pusher, nil)
		p.fails(t, merger, []string{"The push option ci.variables is not known"}, "ci.variables=A=1")
		p.fails(t, merger, []string{"The push option repo.private is not known"}, "repo.private=false")
		p.fails(t, merger, []string{"The push option ci.skip takes no value"}, "ci.skip=false")
	})
	t.Run("the wiki", func(t *testing.T) {
		wiki := p.mint(t, "--name", "wiki", "--project", "shop/backend/api", "--allow", "read_wiki,create_wiki")
		p.refused(t, p.dir, []string{"ci.skip means nothing in this repository"}, p.args(t, wiki, "shop/backend/api.wiki.git", []string{"ci.skip"})...)
		p.git(t, p.dir, p.args(t, wiki, "shop/backend/api.wiki.git", nil)...)
	})
}

// Threat: a push to a fork acts on the project that it comes from, which the token does not reach.
// Attack: a merge request without a target, which the forge makes there.
// Control: the same in a project that is no fork; the permissions under all_memberships.
func TestThreatPushOptionsOfAFork(t *testing.T) {
	p := startPushing(t, func(w *world) { w.forge.MakeFork(w.api, w.web) })
	const allow = "download_code,push_code,create_merge_request,update_merge_request"
	fork := p.mint(t, "--name", "fork", "--project", "shop/backend/api", "--allow", allow)
	everywhere := p.mint(t, "--name", "everywhere", "--all-memberships", "--allow", allow)
	p.fails(t, fork, []string{"This project is a fork", "merge_request.create", "all_memberships"}, "mr.create", "mr.description=x")
	p.fails(t, fork, []string{"This project is a fork", "merge_request.title"}, "mr.title=x")
	p.passes(t, fork, []string{"ci.skip"}, "ci.skip")
	p.passes(t, everywhere, []string{"merge_request.create", "merge_request.description=x"}, "mr.create", "mr.description=x")
}

// Threat: a description of a push to a fork approves and merges in the project that it comes from, which the token may not.
// Attack: quick actions that the token may use in the fork, in each text of a push option; the merge request itself it may make
// everywhere. Control: the text alone; the same with the permissions under all_memberships, and in a project that is no fork.
func TestThreatQuickActionsOfAFork(t *testing.T) {
	p := startPushing(t, func(w *world) { w.forge.MakeFork(w.api, w.web) })
	const makes, does = "create_merge_request,update_merge_request", "approve_merge_request,merge_merge_request"
	fork := p.mint(t, "--name", "fork", "--project", "shop/backend/api", "--allow", "download_code,push_code,"+does, "--all-memberships", "--allow", makes)
	everywhere := p.mint(t, "--name", "everywhere", "--all-memberships", "--allow", "download_code,push_code,"+makes+","+does)
	for name, needs := range map[string]string{"approve": "approve_merge_request", "merge": "merge_merge_request"} {
		p.fails(t, fork, []string{"This project is a fork", "the quick action /" + name + " of merge_request.description", needs, "under all_memberships"}, `mr.description=x\n/`+name)
	}
	p.fails(t, fork, []string{"This project is a fork", "quick action /approve"}, "mr.create", `mr.description=x\n/approve\n/merge`)
	p.passes(t, fork, []string{"merge_request.description=x"}, "mr.description=x")
	p.passes(t, everywhere, []string{`merge_request.description=x\n/approve\n/merge`}, `mr.description=x\n/approve\n/merge`)
}

// Threat: push options that git reads and patgate does not.
// Attack: the capability that announces them with a value, with an empty one, before a NUL, behind white space; compressed, and
// with a second compressed member.
// Control: the same push with the capability as it is, which is refused for what it asks for, and goes through without that.
func TestThreatHiddenPushOptionsReachNobody(t *testing.T) {
	p := startPushing(t)
	pusher := p.mint(t, "--name", "pusher", "--project", "shop/backend/api", "--allow", "download_code,push_code")
	head := strings.TrimSpace(p.git(t, p.dir, "rev-parse", "HEAD"))
	line := func(text string) string { return fmt.Sprintf("%04x%s", len(text)+4, text) }
	const none = "0000000000000000000000000000000000000000"
	pack := p.git(t, p.dir, "-c", "core.autocrlf=false", "pack-objects", "--stdout", "--revs", "--quiet") // of nothing
	pushes := 0
	push := func(words, option string) string {
		pushes++
		return line(none+" "+head+fmt.Sprintf(" refs/heads/raw-%d", pushes)+"\x00 report-status"+words) + "0000" + line(option) + "0000" + pack
	}
	send := func(t *testing.T, encoding string, body []byte, status int, texts ...string) {
		t.Helper()
		_ = os.Remove(p.said)
		request, err := http.NewRequest(http.MethodPost, p.gate+"/shop/backend/api.git/git-receive-pack", bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		request.SetBasicAuth("ci", pusher)
		request.Header.Set("Content-Type", "application/x-git-receive-pack-request")
		if encoding != "" {
			request.Header.Set("Content-Encoding", encoding)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		answer, err := io.ReadAll(response.Body)
		if err != nil || response.StatusCode != status {
			t.Errorf("%d %q, want %d: %v", response.StatusCode, answer, status, err)
		}
		for _, text := range texts {
			if !strings.Contains(string(answer), text) {
				t.Errorf("the answer %q does not say %q", answer, text)
			}
		}
		if said, err := os.ReadFile(p.said); strings.Contains(string(said), "merge_request") {
			t.Errorf("the forge read %q: %v", said, err)
		}
	}
	for _, words := range []string{" push-options=1", " push-options=", " push-options\x00x", "\tpush-options", "\npush-options", " push-options push-options"} {
		for _, option := range []string{"merge_request.create", "merge_request.merge_when_pipeline_succeeds"} {
			send(t, "", []byte(push(words, option)), http.StatusBadRequest, "the push cannot be read")
			send(t, "gzip", packed(push(words, option)), http.StatusBadRequest, "the push cannot be read")
		}
	}
	send(t, "", []byte(push(" push-options", "merge_request.create")), http.StatusOK, "not allowed for this token")
	send(t, "gzip", packed(push(" push-options", "ci.skip")), http.StatusOK, "ok refs/heads/raw-")
	if said, err := os.ReadFile(p.said); string(said) != "ci.skip\n" {
		t.Errorf("the forge read %q: %v", said, err)
	}
	two := push(" push-options", "ci.skip")
	send(t, "gzip", append(packed(two), packed("more")...), http.StatusBadRequest)
}

func packed(text string) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write([]byte(text))
	_ = w.Close()
	return b.Bytes()
}

// TestPushWithoutALength: a push says how long it is, or that it comes in chunks.
func TestPushWithoutALength(t *testing.T) {
	g := startGit(t)
	pusher := g.mint(t, "--name", "pusher", "--project", "shop/backend/api", "--allow", "download_code,push_code")
	for service, want := range map[string]string{"receive": "411", "upload": "411"} {
		c, err := net.Dial("tcp", strings.TrimPrefix(g.gate, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		fmt.Fprintf(c, "POST /shop/backend/api.git/git-%s-pack HTTP/1.1\r\nHost: x\r\nPRIVATE-TOKEN: %s\r\nContent-Type: application/x-git-%s-pack-request\r\nConnection: close\r\n\r\n", service, pusher, service)
		answer, err := io.ReadAll(c)
		if err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 "+want) || !strings.Contains(string(answer), "Content-Length, or Transfer-Encoding: chunked") {
			t.Errorf("%s: %q %v", service, answer, err)
		}
	}
}
