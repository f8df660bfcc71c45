package exchange_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"patgate/token"
)

// TestThreats: each mistake that others were seen to make with trusts is a case by its name, with what must go through beside it.
func TestThreats(t *testing.T) {
	refused := func(t *testing.T, w *world, what string, more map[string]any) {
		t.Helper()
		if given, reason := w.trade(t, more); given != nil || reason == "" {
			t.Errorf("%s is traded", what)
		}
	}
	traded := func(t *testing.T, w *world, what string, more map[string]any) {
		t.Helper()
		if given, reason := w.trade(t, more); given == nil {
			t.Errorf("control: %s is not traded: %s", what, reason)
		}
	}
	// ready gives a world whose policy has parts replaced, and is allowed.
	ready := func(t *testing.T, oldnew ...string) *world {
		t.Helper()
		w := newWorld(t)
		if problems := w.load(t, oldnew...); problems != nil {
			t.Fatal(problems)
		}
		w.allow(t)
		return w
	}
	// loads tells whether a policy with parts replaced does.
	loads := func(t *testing.T, kind string, oldnew ...string) bool {
		t.Helper()
		w := newWorld(t)
		w.kind = kind
		return len(w.load(t, oldnew...)) == 0
	}
	const protected = `ref_protected: "true"`
	// A pattern of alternatives is anchored at one end of each alone.
	t.Run("alternation escapes the anchors", func(t *testing.T) {
		w := ready(t, protected, `ref_path: ["refs/heads/main|refs/heads/x", refs/heads/main]`,
			`"20", ref_protected: "true"`, `"20", ref_path: refs/heads/main`)
		refused(t, w, "a prefix of one alternative", map[string]any{"ref_path": "refs/heads/main-evil"})
		refused(t, w, "a suffix of the other", map[string]any{"ref_path": "evil/refs/heads/x"})
		refused(t, w, "an alternative", map[string]any{"ref_path": "refs/heads/x"})
		traded(t, w, "the text", map[string]any{"ref_path": "refs/heads/main"})
		if loads(t, "gitlab", protected, `ref_path: {pattern: "a|b"}`) {
			t.Error("a pattern loads")
		}
	})
	// Whatever issuer a token names is asked for its keys.
	t.Run("SSRF through the issuer of an unverified token", func(t *testing.T) {
		w := ready(t)
		var asked atomic.Int64
		evil := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
		defer evil.Close()
		for _, iss := range []string{evil.URL, evil.URL + "/", w.issuer.URL + "@" + strings.TrimPrefix(evil.URL, "http://")} {
			refused(t, w, "a token of "+iss, map[string]any{"iss": iss})
		}
		raw := w.issuer.Raw(t, "RS256-1", `{"alg":"RS256","kid":"RS256-1","jku":"`+evil.URL+`/keys","x5u":"`+evil.URL+`/c"}`, `{}`)
		if _, reason := w.tradeRaw(t, raw); reason == "" || asked.Load() != 0 {
			t.Errorf("%q, and %d questions", reason, asked.Load())
		}
		traded(t, w, "one of the issuer that is configured", nil)
	})
	// The audience alone is asked for: every project of the issuer may have it.
	t.Run("trust in the audience alone", func(t *testing.T) {
		if loads(t, "gitlab", `      project_id: "20"`+"\n", "") || loads(t, "gitlab", `project_id: "20"`+"\n",
			`project_id: {glob: "2*"}`+"\n") {
			t.Error("a policy without a container loads")
		}
		w := ready(t)
		refused(t, w, "another project that asked for the audience", map[string]any{"project_id": "21"})
		refused(t, w, "a token without a project", map[string]any{"project_id": nil})
		traded(t, w, "the project", nil)
	})
	// A name that became free is taken by somebody else.
	t.Run("names are used again", func(t *testing.T) {
		if loads(t, "gitlab", `project_id: "20"`, "project_path: group/app") {
			t.Error("a policy that matches a path alone loads")
		}
		w := ready(t, protected, "project_path: group/app", `"20", ref_protected: "true"`, `"20", project_path: group/app`)
		refused(t, w, "another project under the name", map[string]any{"project_path": "group/app", "project_id": "99"})
		traded(t, w, "the project with the name", map[string]any{"project_path": "group/app"})
	})
	// The subject is taken apart, although names may hold what stands between its parts.
	t.Run("the subject is ambiguous", func(t *testing.T) {
		if loads(t, "github", `project_id: "20"`, `sub: "repo:my-org-123456/my-repo-456789:ref:refs/heads/main"`,
			"pipeline_source", "event_name") ||
			loads(t, "forgejo", `project_id: "20"`, `sub: "repo:o/r"`, "pipeline_source", "event_name") {
			t.Error("a policy by the subject loads")
		}
		w := ready(t)
		w.kind = "github"
		if problems := w.load(t, "project_ids", "project_ids", "project_id", "repository_id", "pipeline_source",
			"event_name"); problems != nil {
			t.Fatal(problems)
		}
		w.allow(t)
		same := map[string]any{"sub": "repo:my-org-1/my-repo-2", "repository_id": "20", "event_name": "push"}
		traded(t, w, "the repository", same)
		same["repository_id"] = "21"
		refused(t, w, "another repository with the same subject", same)
	})
	// What is to be matched is made of what came.
	t.Run("a template in what is matched", func(t *testing.T) {
		for _, value := range []string{`"{project_id}"`, `"${project_id}"`, `"$(project_id)"`} {
			if loads(t, "gitlab", protected, "namespace_id: "+value) {
				t.Errorf("%s loads", value)
			}
		}
		w := ready(t)
		refused(t, w, "the text of a template", map[string]any{"project_id": "{project_id}"})
		traded(t, w, "the value", nil)
	})
	// A pipeline for a merge request from a fork runs what anybody proposes.
	t.Run("pipelines of merge requests from forks", func(t *testing.T) {
		w := ready(t, "      pipeline_source: [push, web]\n", "")
		for _, source := range []any{"merge_request_event", "external_pull_request_event", "parent_pipeline", "merge_request_train", nil,
			[]string{"push", "merge_request_event"}} {
			refused(t, w, "a pipeline", map[string]any{"pipeline_source": source})
		}
		traded(t, w, "a push", nil)
		w = ready(t, "[push, web]", "[push, merge_request_event]")
		traded(t, w, "a merge request that is listed", map[string]any{"pipeline_source": "merge_request_event"})
	})
	// Each token with a key that nobody has costs the issuer a question.
	t.Run("random keys flood the issuer", func(t *testing.T) {
		w := ready(t)
		traded(t, w, "a good one", nil)
		before := w.issuer.Reads()
		for range 50 {
			raw := w.issuer.Raw(t, "RS256-1", `{"alg":"RS256","kid":"`+time.Now().String()+`"}`, `{"iss":"`+w.issuer.URL+`"}`)
			w.tradeRaw(t, raw)
		}
		if n := w.issuer.Reads() - before; n > 1 {
			t.Errorf("%d questions", n)
		}
		traded(t, w, "a good one afterwards", nil)
	})
	// A token for one service is good at another.
	t.Run("an audience that others have too", func(t *testing.T) {
		w := ready(t)
		for _, aud := range []any{audience, audience + "/", audience + "/trust/", audience + "/trust/notes/", audience + "/trust/notes2",
			w.issuer.URL, []string{audience + "/trust/notes", "https://vault"}, nil} {
			refused(t, w, "another audience", map[string]any{"aud": aud})
		}
		traded(t, w, "the policy's own", nil)
		traded(t, w, "the policy's own in a list", map[string]any{"aud": []string{audience + "/trust/notes"}})
		raw := w.issuer.Token(t, "RS256-1", w.claims(nil))
		if _, err := w.Exchange(t.Context(), token.NewSecret(raw), "other"); err == nil {
			t.Error("a token for one trust is traded for another")
		}
	})
	// Without a list everything is allowed.
	t.Run("no policy fails open", func(t *testing.T) {
		w := ready(t)
		set := w.set
		w.set = nil
		refused(t, w, "a token without policies", nil)
		w.set = set
		traded(t, w, "one with its policy", nil)
	})
	// What a token says of its own checks is believed: trust/keys holds more than a hundred of these.
	t.Run("algorithms, ends and sizes", func(t *testing.T) {
		w := ready(t)
		refused(t, w, "one without an end", map[string]any{"exp": nil})
		refused(t, w, "one that is made too long ago", map[string]any{"iat": time.Now().Add(-time.Hour).Unix()})
		refused(t, w, "one that is huge", map[string]any{"x": strings.Repeat("x", 9000)})
		if _, reason := w.tradeRaw(t, w.issuer.Raw(t, "RS256-1", `{"alg":"none","kid":"RS256-1"}`, `{}`)); reason != "header" {
			t.Errorf("alg none: %q", reason)
		}
		traded(t, w, "a good one", nil)
	})
	// Whoever guesses is told what to guess next.
	t.Run("answers are an oracle", func(t *testing.T) {
		w := ready(t, "    owner: alice\n", "    owner: alice\n    mode: audit\n")
		said := func(raw string) string {
			_, err := w.Exchange(t.Context(), token.NewSecret(raw), "")
			return err.Error()
		}
		good := w.issuer.Token(t, "RS256-1", w.claims(map[string]any{"ref_protected": "false"}))
		forged := good[:strings.LastIndexByte(good, '.')] + ".AAAA"
		if text := said(forged); strings.Contains(text, "ref_protected") || strings.Contains(text, "notes") ||
			strings.Contains(text, "audit:") {
			t.Errorf("a token that nobody signed is told %q", text)
		}
		if text := said(good); !strings.Contains(text, "ref_protected") {
			t.Errorf("control: the author of a policy in audit mode is told %q", text)
		}
		w = ready(t)
		first := said(w.issuer.Token(t, "RS256-1", w.claims(map[string]any{"project_id": "21"})))
		for _, more := range []map[string]any{{"ref_protected": "false"}, {"aud": audience + "/trust/none"}, {"exp": 1},
			{"pipeline_source": "x"}} {
			if text := said(w.issuer.Token(t, "RS256-1", w.claims(more))); text != first {
				t.Errorf("%v is told %q, and another one %q", more, text, first)
			}
		}
		traded(t, w, "a good one", nil)
	})
	// A token that somebody saw in a log is traded again.
	t.Run("replay", func(t *testing.T) {
		w := ready(t)
		raw := w.issuer.Token(t, "RS256-1", w.claims(nil))
		if given, reason := w.tradeRaw(t, raw); given == nil {
			t.Errorf("control: %s", reason)
		}
		if _, reason := w.tradeRaw(t, raw); reason != "used" {
			t.Errorf("again: %q", reason)
		}
	})
}
