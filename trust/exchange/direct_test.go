package exchange_test

import (
	"crypto/ecdsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math/big"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"patgate/forge"
	"patgate/store"
	"patgate/token"
	"patgate/trust"
	"patgate/trust/direct"
	"patgate/trust/exchange"
	"patgate/trust/keys"
)

// straight has a policy take ID tokens as credentials.
var straight = []string{"    ttl: 15m\n", "    ttl: 15m\n    single_use: false\n    direct_use: true\n"}

// readyDirect gives a world whose policy takes them, with further parts replaced, and is allowed.
func readyDirect(t testing.TB, oldnew ...string) *world {
	t.Helper()
	w := newWorld(t)
	if problems := w.load(t, append(oldnew, straight...)...); problems != nil {
		t.Fatal(problems)
	}
	w.allow(t)
	return w
}

// stand presents an ID token as a credential: the token that it stands for, or the reason of a refusal.
func (w *world) stand(t testing.TB, raw string) (*token.Record, string) {
	t.Helper()
	hash, standing := w.Standing(raw, time.Now())
	if !standing {
		if !keys.Shaped([]byte(raw)) || !w.Meant(raw) {
			return nil, "not meant"
		}
		_, err := w.Stand(t.Context(), token.NewSecret(raw))
		var r *exchange.Refusal
		switch {
		case errors.As(err, &r):
			return nil, r.Reason
		case err != nil:
			t.Fatal(err)
		}
		if hash, standing = w.Standing(raw, time.Now()); !standing {
			t.Fatal("what was found out is not remembered")
		}
	}
	b, err := w.store.TokenByHash(t.Context(), hash)
	if err != nil {
		t.Fatal(err)
	}
	return &b.Record, ""
}

func (w *world) job(t testing.TB, more map[string]any) string {
	t.Helper()
	return w.issuer.Token(t, "RS256-1", w.claims(more))
}

// TestAnIDTokenStandsForOneToken: the first time makes it, later ones find it, on whichever node, and it is over with the ID token.
func TestAnIDTokenStandsForOneToken(t *testing.T) {
	w := readyDirect(t, "    owner: alice\n", "    owner: alice\n    bind_to_job: false\n")
	raw := w.job(t, map[string]any{"exp": time.Now().Add(3 * time.Minute).Unix()})
	first, reason := w.stand(t, raw)
	if first == nil {
		t.Fatal(reason)
	}
	if left := time.Until(first.ExpiresAt); left > 3*time.Minute ||
		first.Hash != exchange.HashOf(raw[:strings.LastIndexByte(raw, '.')]) || len(w.events) != 1 ||
		!w.events[0].Direct || w.events[0].TokenID != first.ID {
		t.Errorf("%+v, %+v", first, w.events)
	}
	other := w.another(t)
	if again, reason := other.stand(t, raw); again == nil || again.ID != first.ID || len(other.events) != 0 {
		t.Errorf("another node: %v %s %+v", again, reason, other.events)
	}
	if second, _ := w.stand(t, w.job(t, nil)); second == nil || second.ID == first.ID {
		t.Error("another ID token stands for the same")
	}
}

// another gives a node of its own on the same store, with its own keys and memory.
func (w *world) another(t testing.TB) *world {
	t.Helper()
	known, err := keys.New(keys.Options{Issuers: []keys.Issuer{{Name: "ci", URL: w.issuer.URL}}})
	if err != nil {
		t.Fatal(err)
	}
	o := *w
	o.events = nil
	if o.Service, err = exchange.New(exchange.Options{Keys: known, Policies: func() *trust.Set { return o.set }, Audience: audience,
		Tokens: w.tokens, Store: w.store, MaxAge: 10 * time.Minute, MaxLifetime: time.Hour,
		Report: func(e exchange.Event) { o.events = append(o.events, e) }}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(o.Close)
	return &o
}

// TestThreatsOfDirectUse: what could go wrong with ID tokens as credentials, each by its name, with what must go through beside it.
func TestThreatsOfDirectUse(t *testing.T) {
	refused := func(t *testing.T, w *world, what, raw, want string) {
		t.Helper()
		if r, reason := w.stand(t, raw); r != nil || reason != want {
			t.Errorf("%s: %q, want %q", what, reason, want)
		}
	}
	taken := func(t *testing.T, w *world, what, raw string) *token.Record {
		t.Helper()
		r, reason := w.stand(t, raw)
		if r == nil {
			t.Fatalf("control: %s: %s", what, reason)
		}
		return r
	}
	t.Run("an ID token that is taken once is shown again", func(t *testing.T) {
		w := newWorld(t)
		problems := w.load(t, "    ttl: 15m\n", "    ttl: 15m\n    direct_use: true\n")
		if len(problems) != 1 || !strings.Contains(problems[0].Error(), "single_use") {
			t.Errorf("%v", problems)
		}
		w = newWorld(t)
		w.load(t)
		w.allow(t)
		refused(t, w, "a policy that does not say so", w.job(t, nil), "not_direct")
		w.load(t, "    ttl: 15m\n", "    ttl: 15m\n    single_use: false\n")
		w.allow(t)
		refused(t, w, "nor one that trades it again", w.job(t, nil), "not_direct")
		w = readyDirect(t)
		taken(t, w, "one that says so", w.job(t, nil))
	})
	t.Run("what the owner allowed is not stretched by an edit", func(t *testing.T) {
		w := newWorld(t)
		w.load(t, "    ttl: 15m\n", "    ttl: 15m\n    single_use: false\n")
		w.allow(t)
		w.load(t, straight...)
		refused(t, w, "direct_use that nobody allowed", w.job(t, nil), "widened")
		w.allow(t)
		taken(t, w, "allowed anew", w.job(t, nil))
	})
	t.Run("no policy, another one's, or none any more", func(t *testing.T) {
		w := readyDirect(t)
		set, raw := w.set, w.job(t, nil)
		taken(t, w, "with its policy", raw)
		w.set = nil
		refused(t, w, "the same token without policies", raw, "not_direct")
		refused(t, w, "a new one", w.job(t, nil), "not_direct")
		w.set = set
		taken(t, w, "with its policy again", raw)
	})
	t.Run("a policy that is changed is in force at once", func(t *testing.T) {
		w := readyDirect(t)
		raw := w.job(t, nil)
		taken(t, w, "before", raw)
		for what, edit := range map[string][]string{
			"not_direct": {"    ttl: 15m\n", "    ttl: 15m\n    single_use: false\n"},
			"paused":     append([]string{"    owner: alice\n", "    owner: alice\n    mode: paused\n"}, straight...),
			"audit":      append([]string{"    owner: alice\n", "    owner: alice\n    mode: audit\n"}, straight...),
			"claims": append([]string{`[push, web]`, `[web]`, `"true", pipeline_source: push}`,
				`"true", pipeline_source: web}`}, straight...),
		} {
			if problems := w.load(t, edit...); problems != nil {
				t.Fatal(problems)
			}
			refused(t, w, what, raw, what)
		}
		for what, edit := range map[string][]string{
			"a permission less": {"[read_job, read_pipeline]", "[read_job]"},
			"a shorter life":    {"    ttl: 15m\n", "    ttl: 2m\n    single_use: false\n    direct_use: true\n"},
		} {
			if what == "a permission less" {
				edit = append(edit, straight...)
			}
			if problems := w.load(t, edit...); problems != nil {
				t.Fatal(problems)
			}
			refused(t, w, what, raw, "narrowed")
		}
		w.load(t, straight...)
		taken(t, w, "as it was", raw)
	})
	t.Run("a revoked token is made once more", func(t *testing.T) {
		w := readyDirect(t)
		raw := w.job(t, nil)
		r := taken(t, w, "before", raw)
		if _, err := w.store.RevokeToken(t.Context(), r.ID, store.Cause{At: time.Now(), By: "x"}); err != nil {
			t.Fatal(err)
		}
		for what, node := range map[string]*world{"here": w, "on another node": w.another(t)} {
			if again, _ := node.stand(t, raw); again == nil || again.ID != r.ID || again.RevokedAt.IsZero() {
				t.Errorf("%s: %+v", what, again)
			}
		}
		if _, err := w.store.RevokeTrust(t.Context(), "notes", 0, store.Cause{At: time.Now(), By: "x"}); err != nil {
			t.Fatal(err)
		}
		refused(t, w, "a new one of a revoked trust", w.job(t, nil), "not_allowed")
		w.allow(t)
		if again, _ := w.another(t).stand(t, raw); again == nil || again.RevokedAt.IsZero() {
			t.Errorf("allowed anew: %+v", again)
		}
		taken(t, w, "a new one, allowed anew", w.job(t, nil))
	})
	t.Run("one signature in two spellings", func(t *testing.T) {
		w := readyDirect(t)
		for what, more := range map[string]map[string]any{"with jti": nil, "without": {"jti": nil}} {
			raw := w.issuer.Token(t, "ES256-1", w.claims(more))
			twin := mirrored(t, w.issuer.Key("ES256-1").Public().(*ecdsa.PublicKey), raw)
			if twin == raw {
				t.Fatal("it is the same")
			}
			first := taken(t, w, what, raw)
			for _, node := range []*world{w, w.another(t)} {
				if r := taken(t, node, what+": the other spelling", twin); r.ID != first.ID {
					t.Errorf("%s: it stands for another token", what)
				}
			}
			if _, err := w.store.RevokeToken(t.Context(), first.ID, store.Cause{At: time.Now(), By: "x"}); err != nil {
				t.Fatal(err)
			}
			for _, spelling := range []string{raw, twin} {
				if r := taken(t, w.another(t), what, spelling); r.RevokedAt.IsZero() {
					t.Errorf("%s: it is not revoked", what)
				}
				if _, reason := w.tradeRaw(t, spelling); reason != "revoked" {
					t.Errorf("%s: after it was revoked it is traded: %q", what, reason)
				}
			}
		}
		raw := w.job(t, nil)
		taken(t, w, "a good one", raw)
		for _, spelling := range []string{raw + "=", raw + "\n", raw[:len(raw)-1] + "\n" + raw[len(raw)-1:], " " + raw} {
			if r, reason := w.stand(t, spelling); r != nil {
				t.Errorf("%q is taken: %s", spelling[len(spelling)-3:], reason)
			}
		}
	})
	t.Run("what is signed is known, and the signature made up", func(t *testing.T) {
		w := readyDirect(t)
		raw := w.job(t, nil)
		taken(t, w, "the token itself", raw)
		head := raw[:strings.LastIndexByte(raw, '.')+1]
		signature := raw[len(head):]
		for _, other := range []string{"AAAA", signature[:len(signature)-4] + "AAAA", "A" + signature[1:]} {
			if other != signature {
				refused(t, w, "another signature", head+other, "signature")
			}
		}
	})
	t.Run("traded by two nodes at once", func(t *testing.T) {
		w := readyDirect(t)
		raw := w.job(t, nil)
		nodes := []*world{w.another(t), w.another(t)}
		var all sync.WaitGroup
		ids := make([]int64, 8)
		for i := range ids {
			all.Go(func() {
				if r, reason := nodes[i%2].stand(t, raw); r != nil {
					ids[i] = r.ID
				} else {
					t.Error(reason)
				}
			})
		}
		all.Wait()
		for _, id := range ids {
			if id != ids[0] || id == 0 {
				t.Errorf("%v", ids)
			}
		}
	})
	t.Run("an old ID token, and one that is over", func(t *testing.T) {
		w := readyDirect(t)
		old := map[string]any{"iat": time.Now().Add(-30 * time.Minute).Unix()}
		refused(t, w, "one that comes for the first time half an hour after it was made", w.job(t, old), "time")
		over := map[string]any{"exp": time.Now().Add(-10 * time.Second).Unix()} // within the leeway
		refused(t, w, "one that is over", w.job(t, over), "time")
		taken(t, w, "a new one", w.job(t, nil))
	})
	t.Run("another audience, issuer or algorithm", func(t *testing.T) {
		w := readyDirect(t)
		for what, more := range map[string]map[string]any{"that of the instance": {"aud": audience}, "two": {"aud": []string{
			audience + "/trust/notes", "https://vault"}}, "none": {"aud": nil}, "another issuer": {"iss": "https://evil.example.com"},
			"an issuer with a slash": {"iss": w.issuer.URL + "/"}} {
			refused(t, w, what, w.job(t, more), "not meant")
		}
		refused(t, w, "another policy", w.job(t, map[string]any{"aud": audience + "/trust/other"}), "not_direct")
		claims := `{"iss":"` + w.issuer.URL + `","aud":"` + audience + `/trust/notes","project_id":"20"}`
		refused(t, w, "alg none", w.issuer.Raw(t, "RS256-1", `{"alg":"none","kid":"RS256-1"}`, claims), "header")
		refused(t, w, "HS256 with what is public", w.issuer.Raw(t, "RS256-1", `{"alg":"HS256","kid":"RS256-1"}`, claims), "header")
		refused(t, w, "one that brings its key", w.issuer.Raw(t, "RS256-1", `{"alg":"RS256","kid":"RS256-1","jwk":{}}`, claims), "header")
		refused(t, w, "one that is huge", w.job(t, map[string]any{"x": strings.Repeat("x", 9000)}), "not meant")
		refused(t, w, "another project", w.job(t, map[string]any{"project_id": "21"}), "claims")
		taken(t, w, "a good one", w.job(t, nil))
	})
	t.Run("the issuer is asked because of what stands in a token", func(t *testing.T) {
		w := readyDirect(t)
		taken(t, w, "a good one", w.job(t, nil))
		before := w.issuer.Reads()
		for range 50 {
			claims := `{"iss":"` + w.issuer.URL + `","aud":"` + audience + `/trust/other"}`
			w.stand(t, w.issuer.Raw(t, "RS256-1", `{"alg":"RS256","kid":"`+time.Now().String()+`"}`, claims))
		}
		if w.issuer.Reads() != before {
			t.Errorf("%d questions for a policy that is not there", w.issuer.Reads()-before)
		}
	})
	t.Run("a key that was withdrawn goes on", func(t *testing.T) {
		w := readyDirect(t)
		raw := w.job(t, nil)
		taken(t, w, "before", raw)
		w.issuer.Answer(func(rw http.ResponseWriter, _ *http.Request) { _, _ = rw.Write([]byte(`{"keys":[]}`)) })
		if r, _ := w.another(t).stand(t, raw); r != nil {
			t.Error("a node that knows no key takes it")
		}
	})
	t.Run("as many as may be", func(t *testing.T) {
		w := readyDirect(t, "    owner: alice\n", "    owner: alice\n    max_active: 2\n")
		raw := w.job(t, nil)
		for range 9 {
			taken(t, w, "the same", raw)
		}
		taken(t, w, "a second", w.job(t, nil))
		asked := w.forge.RequestCount()
		refused(t, w, "a third", w.job(t, nil), "max_active")
		if _, reason := w.trade(t, nil); reason != "max_active" || w.forge.RequestCount() != asked {
			t.Errorf("%s: the forge is asked %d times for what is refused", reason, w.forge.RequestCount()-asked)
		}
		taken(t, w, "the first", raw)
	})
}

// TestWhatIsRevokedIsNotTraded: whoever takes away the token that an ID token stands for means the ID token.
func TestWhatIsRevokedIsNotTraded(t *testing.T) {
	w := readyDirect(t)
	raw := w.job(t, nil)
	if given, reason := w.tradeRaw(t, raw); given == nil {
		t.Fatalf("control: nobody has sent it itself: %s", reason)
	}
	r, reason := w.stand(t, raw)
	if r == nil {
		t.Fatal(reason)
	}
	if given, reason := w.tradeRaw(t, raw); given == nil {
		t.Errorf("control: %s", reason)
	}
	if _, err := w.store.RevokeToken(t.Context(), r.ID, store.Cause{At: time.Now(), By: "x"}); err != nil {
		t.Fatal(err)
	}
	if given, reason := w.another(t).tradeRaw(t, raw); given != nil || reason != "revoked" {
		t.Errorf("traded after it was revoked: %q", reason)
	}
	if _, err := w.store.RevokeTrust(t.Context(), "notes", 0, store.Cause{At: time.Now(), By: "x"}); err != nil {
		t.Fatal(err)
	}
	w.allow(t)
	if given, reason := w.tradeRaw(t, raw); given != nil || reason != "revoked" {
		t.Errorf("traded after the trust was allowed anew: %q", reason)
	}
	if given, reason := w.trade(t, nil); given == nil {
		t.Errorf("control: another ID token: %s", reason)
	}
}

// TestNobodyLearnsWhichTrustsThereAre: made-up ID tokens are told the same sentence, and count, whether the trust is there or not.
func TestNobodyLearnsWhichTrustsThereAre(t *testing.T) {
	w := readyDirect(t)
	if r, reason := w.stand(t, w.job(t, nil)); r == nil {
		t.Fatal(reason)
	}
	said := map[string]string{}
	for _, name := range []string{"notes", "none"} {
		claims := w.claims(map[string]any{"aud": audience + "/trust/" + name})
		data, err := json.Marshal(claims)
		if err != nil {
			t.Fatal(err)
		}
		for what, raw := range map[string]string{
			"unsigned":   w.issuer.Raw(t, "RS256-1", `{"alg":"none","kid":"RS256-1"}`, string(data)),
			"unreadable": w.issuer.Raw(t, "RS256-1", `{"alg":"RS256","kid":"RS256-1"}`, `{"a":1,"a":2,`+string(data[1:])),
			"bare": w.issuer.Raw(t, "RS256-1", `{"alg":"RS256","kid":"RS256-1"}`,
				`{"iss":"`+w.issuer.URL+`","aud":"`+audience+`/trust/`+name+`"}`),
			"no key":   w.issuer.Raw(t, "RS256-1", `{"alg":"RS256","kid":"one"}`, string(data)),
			"nor that": w.issuer.Raw(t, "RS256-1", `{"alg":"RS256","kid":"two"}`, string(data)),
			"forged":   w.issuer.Raw(t, "RS256-1", `{"alg":"RS256","kid":"RS256-1"}`, string(data)) + "AA",
		} {
			var r *exchange.Refusal
			if _, err := w.Stand(t.Context(), token.NewSecret(raw)); !w.Meant(raw) || !errors.As(err, &r) || !r.Wrong || r.Busy {
				t.Fatalf("%s for %s: %v", what, name, err)
			}
			said[r.Message] = what + " for " + name
		}
	}
	if len(said) != 1 {
		t.Errorf("%q", said)
	}
}

// mirrored gives an ES256 token with the other signature that verifies as well: (r, n-s) for (r, s).
func mirrored(t testing.TB, key *ecdsa.PublicKey, raw string) string {
	t.Helper()
	at := strings.LastIndexByte(raw, '.') + 1
	signature, err := base64.RawURLEncoding.DecodeString(raw[at:])
	if err != nil {
		t.Fatal(err)
	}
	s := new(big.Int).Sub(key.Params().N, new(big.Int).SetBytes(signature[32:]))
	s.FillBytes(signature[32:])
	return raw[:at] + base64.RawURLEncoding.EncodeToString(signature)
}

// TestAmongIsBounded: texts of a body are looked at a few times, whatever stands in them, and others' tokens go through.
func TestAmongIsBounded(t *testing.T) {
	w := readyDirect(t)
	a := forge.NewAttempts(forge.AttemptOptions{})
	client := netip.MustParseAddr("192.0.2.1")
	for i := range 20 {
		a.Wrong(client, a.Fingerprint([]byte{byte(i)}))
	}
	d := direct.New(direct.Options{Exchange: w.Service, Attempts: a, Deadline: time.Second, Report: func(error) {}})
	raw := w.job(t, nil)
	for what, c := range map[string]struct {
		text    string
		refused bool
	}{
		"nothing":                          {"", false},
		"another's, beyond the limit":      {"token=eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJvdGhlciJ9.c2ln", false},
		"many words that are none":         {strings.Repeat("eyJ eyJ. xyz.e30.x ", 50_000), false},
		"as many as nobody sends":          {strings.Repeat("eyJ.e30.x ", 50_000), true},
		"one for a trust":                  {"token=" + raw + "&x=y", true},
		"one for a trust, glued to a word": {"glcbt-" + raw, true},
		"one for a trust, at the end":      {strings.Repeat("x ", 1000) + raw, true},
	} {
		if r := d.Among([]byte(c.text)); (r != nil) != c.refused {
			t.Errorf("%s: %v", what, r)
		}
	}
}
