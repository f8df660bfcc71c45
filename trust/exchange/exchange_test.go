package exchange_test

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"patgate/store"
	"patgate/token"
	"patgate/trust/exchange"
)

func TestAnIDTokenIsTradedForWhatThePolicyGrants(t *testing.T) {
	w := newWorld(t)
	w.load(t)
	if _, reason := w.trade(t, nil); reason != "not_allowed" {
		t.Errorf("before its owner has allowed it: %q", reason)
	}
	w.allow(t)
	raw := w.issuer.Token(t, "RS256-1", w.claims(map[string]any{"project_path": "x"}))
	given, reason := w.tradeRaw(t, raw)
	if reason != "" {
		t.Fatal(reason)
	}
	l, err := w.store.Token(t.Context(), given.ID)
	if err != nil || !slices.Equal(l.Scopes[0].ProjectIDs, []int64{w.project}) || l.Owner.Username != "alice" || l.Name != "notes" ||
		!strings.Contains(l.Description, "project_id=20") {
		t.Errorf("%+v, %v", l, err)
	}
	if left := time.Until(l.ExpiresAt); left > 5*time.Minute || left < 4*time.Minute {
		t.Errorf("it lives for %v, and the ID token for five minutes", left)
	}
	if e := w.events[len(w.events)-1]; e.TokenID != given.ID || e.Claims == "" || e.Trust != "notes" {
		t.Errorf("%+v", e)
	}
	if _, reason := w.tradeRaw(t, raw); reason != "used" {
		t.Errorf("a second time: %q", reason)
	}
	if hash, err := token.Parse([]byte(given.Secret.Reveal())); err != nil || hash != l.Hash {
		t.Errorf("%v", err)
	}
}

func TestLivesAndNumbersOfTokens(t *testing.T) {
	w := newWorld(t)
	w.load(t, "ttl: 15m", "ttl: 2m\n    max_active: 2")
	w.allow(t)
	long := map[string]any{"exp": time.Now().Add(time.Hour).Unix()}
	for n, want := range []string{"", "", "max_active"} {
		given, reason := w.trade(t, long)
		if reason != want {
			t.Errorf("token %d: %q", n+1, reason)
		}
		if given != nil && time.Until(given.ExpiresAt) > 2*time.Minute {
			t.Errorf("it lives until %v", given.ExpiresAt)
		}
	}
	w.load(t, "ttl: 15m", "ttl: 24h\n    bind_to_job: false\n    single_use: false")
	w.allow(t)
	raw := w.issuer.Token(t, "ES256-1", w.claims(map[string]any{"jti": nil}))
	for range 2 {
		if given, reason := w.tradeRaw(t, raw); reason != "" || time.Until(given.ExpiresAt) > time.Hour ||
			time.Until(given.ExpiresAt) < 50*time.Minute {
			t.Errorf("%q %+v", reason, given)
		}
	}
	w.load(t, "ttl: 15m", "ttl: 5m")
	if _, reason := w.trade(t, map[string]any{"jti": nil}); reason != "no_jti" {
		t.Errorf("without jti: %q", reason)
	}
}

// What an owner has allowed holds: more must be allowed anew, less goes on, and another owner's word does not count.
func TestAWiderGrantIsAllowedAnew(t *testing.T) {
	w := newWorld(t)
	w.load(t)
	w.allow(t)
	for _, c := range []struct {
		name, old, new, want string
	}{
		{"a further permission", "read_pipeline]", "read_pipeline, run_job]", "widened"},
		{"another project", "project_ids: [", "project_ids: [99, ", "widened"},
		{"all memberships", "access: selected_memberships\n        project_ids: [" + strconv.FormatInt(w.project, 10) + "]",
			"access: all_memberships", "widened"},
		{"one permission less", "read_job, read_pipeline]", "read_job]", ""},
		{"another owner", "owner: alice", "owner: bob", "not_allowed"},
		{"another owner by id", "owner: alice", "owner: \"99999\"", "not_allowed"},
		{"paused", "ttl: 15m", "mode: paused", "paused"},
		{"audit", "ttl: 15m", "mode: audit", "audit"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if problems := w.load(t, c.old, c.new); problems != nil {
				t.Fatal(problems)
			}
			if _, reason := w.trade(t, nil); reason != c.want {
				t.Errorf("%q, want %q", reason, c.want)
			}
		})
	}
	w.load(t, "read_pipeline]", "read_pipeline, run_job]")
	w.allow(t)
	if _, reason := w.trade(t, nil); reason != "" {
		t.Errorf("allowed anew: %q", reason)
	}
}

// What else decides who gets tokens, and for how long, is allowed too: an edit of the file may narrow it, and no more than that.
func TestWiderRulesAreAllowedAnew(t *testing.T) {
	const protected = "      ref_protected: \"true\"\n      pipeline_source: [push, web]\n"
	base := []string{"ttl: 15m", "ttl: 15m\n    max_active: 5\n    deny:\n      user_access_level: [guest, planner]",
		`pipeline_source: push}`, `pipeline_source: push, user_access_level: owner}`}
	for _, c := range []struct{ name, old, new, want string }{
		{"the same", "", "", ""},
		{"another project matches too", `project_id: "20"` + "\n", `project_id: ["20", "22"]` + "\n", "widened"},
		{"a condition less", protected, "      pipeline_source: [push, web]\n", "widened"},
		{"a value more", "[push, web]", "[push, web, schedule]", "widened"},
		{"a glob for a value", "[push, web]", `[push, {glob: "m*"}]`, "widened"},
		{"a merge request more", "[push, web]", "[push, merge_request_event]", "widened"},
		{"a denial less", "    deny:\n      user_access_level: [guest, planner]", "", "widened"},
		{"a denied value less", "[guest, planner]", "[guest]", "widened"},
		{"for longer", "ttl: 15m", "ttl: 16m", "widened"},
		{"more at once", "max_active: 5", "max_active: 6", "widened"},
		{"after the job", "ttl: 15m", "ttl: 15m\n    bind_to_job: false", "widened"},
		{"more than once", "ttl: 15m", "ttl: 15m\n    single_use: false", "widened"},
		{"a value less", "[push, web]", "push", ""},
		{"a condition more", protected, protected + "      ref: main\n", ""},
		{"a denied value more", "[guest, planner]", "[guest, planner, reporter]", ""},
		{"a denial more", "[guest, planner]", "[guest, planner]\n      ref: evil", ""},
		{"shorter and fewer", "ttl: 15m\n    max_active: 5", "ttl: 5m\n    max_active: 3", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			w.policy = strings.NewReplacer(base...).Replace(w.policy)
			w.policy = strings.ReplaceAll(w.policy, `"true", pipeline`, `"true", ref: main, pipeline`)
			w.load(t)
			w.allow(t)
			if c.old != "" {
				if problems := w.load(t, c.old, c.new); problems != nil {
					t.Fatal(problems)
				}
			}
			more := map[string]any{"user_access_level": "owner", "ref": "main"}
			if _, reason := w.trade(t, more); reason != c.want {
				t.Errorf("%q, want %q", reason, c.want)
			}
			if c.want == "widened" {
				w.allow(t)
				if _, reason := w.trade(t, more); reason != "" {
					t.Errorf("allowed anew: %q", reason)
				}
			}
		})
	}
	t.Run("an added list of merge requests where nothing was listed", func(t *testing.T) {
		w := newWorld(t)
		w.policy = strings.Replace(w.policy, "      pipeline_source: [push, web]\n", "", 1)
		w.load(t)
		w.allow(t)
		if problems := w.load(t, `ref_protected: "true"`+"\n",
			`ref_protected: "true"`+"\n      pipeline_source: [push, merge_request_event]\n"); problems != nil {
			t.Fatal(problems)
		}
		if _, reason := w.trade(t, nil); reason != "widened" {
			t.Errorf("%q", reason)
		}
	})
	// Each project had itself; then each has all.
	t.Run("ids in the place of a claim", func(t *testing.T) {
		w := newWorld(t)
		id := strconv.FormatInt(w.project, 10)
		w.policy = strings.NewReplacer(`project_id: "20"`+"\n", `project_id: ["20", "`+id+`"]`+"\n", "project_ids: ["+id+"]",
			`project_ids: ["{project_id}"]`).Replace(w.policy)
		w.load(t)
		w.allow(t)
		if _, reason := w.trade(t, nil); reason != "" {
			t.Errorf("control: %q", reason)
		}
		w.load(t, `["{project_id}"]`, "[20, "+id+"]")
		if _, reason := w.trade(t, nil); reason != "widened" {
			t.Errorf("%q", reason)
		}
	})
	// A policy that was deleted comes back under its name for somebody else, and an issuer becomes another one.
	t.Run("a name that is used again, and another issuer under the same name", func(t *testing.T) {
		w := newWorld(t)
		w.load(t)
		w.allow(t)
		p := *w.set.Find("notes")
		p.IssuerURL = "https://evil.example.com"
		if what := p.Rules(audience).Beyond(w.set.Find("notes").Rules(audience)); what != "issuer" {
			t.Errorf("another URL: %q", what)
		}
		if what := w.set.Find("notes").Rules("https://other").Beyond(w.set.Find("notes").Rules(audience)); what != "audience" {
			t.Errorf("another audience: %q", what)
		}
		w.load(t, `project_id: "20"`, `project_id: "666"`, `project_id: "21"`, `project_id: "667"`)
		if _, reason := w.trade(t, map[string]any{"project_id": "666"}); reason != "widened" {
			t.Errorf("%q", reason)
		}
	})
}

// What is the issuer's fault, or only a matter of time, does not count against who asks.
func TestRightfulJobsDoNotCount(t *testing.T) {
	w := newWorld(t)
	w.load(t)
	w.allow(t)
	refusal := func(raw string) *exchange.Refusal {
		t.Helper()
		_, err := w.Exchange(t.Context(), token.NewSecret(raw), "")
		var r *exchange.Refusal
		if !errors.As(err, &r) {
			t.Fatal(err)
		}
		return r
	}
	if _, reason := w.trade(t, nil); reason != "" {
		t.Fatal(reason)
	}
	w.issuer.Add(t, "RS256-2")
	if r := refusal(w.issuer.Token(t, "RS256-2", w.claims(nil))); r.Wrong || !r.Busy || r.Reason != "unknown_key" {
		t.Errorf("a new key: %+v", r)
	}
	other := newWorld(t)
	other.load(t)
	other.issuer.Answer(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) })
	_, err := other.Exchange(t.Context(), token.NewSecret(other.issuer.Token(t, "RS256-1", other.claims(nil))), "")
	var r *exchange.Refusal
	if !errors.As(err, &r) || r.Wrong || !r.Busy || r.Reason != "keys_unavailable" {
		t.Errorf("an issuer that fails: %+v, %v", r, err)
	}
}

// A trust is ended with all of its tokens.
func TestATrustIsRevokedAtOnce(t *testing.T) {
	w := newWorld(t)
	w.load(t)
	w.allow(t)
	given, _ := w.trade(t, nil)
	ids, err := w.store.RevokeTrust(t.Context(), "notes", 0, store.Cause{Reason: "over", By: "cli:a", At: time.Now()})
	if err != nil || !slices.Equal(ids, []int64{given.ID}) {
		t.Errorf("%v, %v", ids, err)
	}
	if _, reason := w.trade(t, nil); reason != "not_allowed" {
		t.Errorf("afterwards: %q", reason)
	}
}

// Whoever is not known to have any right here is told one sentence, whatever is wrong; in audit the author is told the claim.
func TestRefusalsAreNoOracle(t *testing.T) {
	w := newWorld(t)
	w.load(t)
	w.allow(t)
	said := map[string]bool{}
	for name, raw := range map[string]string{
		"another project":    w.issuer.Token(t, "RS256-1", w.claims(map[string]any{"project_id": "21"})),
		"another trust":      w.issuer.Token(t, "RS256-1", w.claims(map[string]any{"aud": audience + "/trust/none"})),
		"another audience":   w.issuer.Token(t, "RS256-1", w.claims(map[string]any{"aud": "https://x"})),
		"an unknown issuer":  w.issuer.Token(t, "RS256-1", w.claims(map[string]any{"iss": "https://x"})),
		"a bad signature":    w.issuer.Token(t, "RS256-1", w.claims(nil)) + "AAAA",
		"no token":           "x",
		"one that is over":   w.issuer.Token(t, "RS256-1", w.claims(map[string]any{"exp": 1})),
		"a merge request":    w.issuer.Token(t, "RS256-1", w.claims(map[string]any{"pipeline_source": "merge_request_event"})),
		"an unprotected ref": w.issuer.Token(t, "RS256-1", w.claims(map[string]any{"ref_protected": "false"})),
	} {
		_, err := w.Exchange(t.Context(), token.NewSecret(raw), "")
		var r *exchange.Refusal
		if !errors.As(err, &r) || !r.Wrong {
			t.Errorf("%s: %v", name, err)
			continue
		}
		said[r.Message] = true
	}
	if len(said) != 1 {
		t.Errorf("it says %v", said)
	}
	w.load(t, "ttl: 15m", "mode: audit")
	_, err := w.Exchange(t.Context(), token.NewSecret(w.issuer.Token(t, "RS256-1", w.claims(map[string]any{"project_id": "21"}))), "")
	if err == nil || !strings.Contains(err.Error(), `project_id: it must be "20"`) {
		t.Errorf("audit says %v", err)
	}
}
