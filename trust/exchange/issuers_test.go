package exchange_test

import (
	"testing"

	"patgate/trust/keys"
	"patgate/trust/trusttest"
)

// Threat: the name of an issuer is given to another one, while policies that say this name are those of before.
// Attack: an ID token that the new one has signed. Control: one of the issuer that the policy meant.
func TestTheNameOfAnIssuerIsNotTheIssuer(t *testing.T) {
	w := newWorld(t)
	if problems := w.load(t); problems != nil {
		t.Fatal(problems)
	}
	w.allow(t)
	if _, reason := w.trade(t, nil); reason != "" {
		t.Fatalf("the issuer that was meant: %s", reason)
	}
	other := trusttest.New(t)
	if err := w.keys.Replace([]keys.Issuer{{Name: "ci", URL: other.URL}}); err != nil {
		t.Fatal(err)
	}
	claims := w.claims(map[string]any{"jti": "another"})
	claims["iss"] = other.URL
	if given, reason := w.tradeRaw(t, other.Token(t, "RS256-1", claims)); given != nil || reason != "issuer" {
		t.Errorf("another one under its name: %v, %q", given, reason)
	}
	if given, reason := w.trade(t, nil); given != nil || reason != "unknown_issuer" {
		t.Errorf("the one that is gone: %v, %q", given, reason)
	}
}

// Threat: whoever writes files of policies has an issuer's keys read elsewhere, beside policies that stay as they were because something is
// wrong with their files. Control: the keys where they were.
func TestTheKeysOfAnIssuerAreAPartOfIt(t *testing.T) {
	w := newWorld(t)
	if problems := w.load(t); problems != nil {
		t.Fatal(problems)
	}
	w.allow(t)
	evil := trusttest.New(t)
	claims := w.claims(map[string]any{"jti": "forged"})
	forged := evil.Token(t, "ES256-1", claims)
	if given, reason := w.tradeRaw(t, forged); given != nil || reason != "signature" {
		t.Errorf("signed by somebody else: %v, %q", given, reason)
	}
	if err := w.keys.Replace([]keys.Issuer{{Name: "ci", URL: w.issuer.URL, KeysURL: evil.URL + "/keys"}}); err != nil {
		t.Fatal(err)
	}
	if given, reason := w.tradeRaw(t, forged); given != nil || reason != "issuer" {
		t.Errorf("with keys from elsewhere: %v, %q", given, reason)
	}
	if err := w.keys.Replace([]keys.Issuer{{Name: "ci", URL: w.issuer.URL}}); err != nil {
		t.Fatal(err)
	}
	if _, reason := w.trade(t, nil); reason != "" {
		t.Errorf("where they were: %s", reason)
	}
}

// Threat: an issuer is taken out, and ID tokens of it go on as credentials because they were looked at before.
func TestAnIssuerThatIsTakenOutTakesItsTokensAlong(t *testing.T) {
	w := readyDirect(t)
	raw := w.issuer.Token(t, "RS256-1", w.claims(nil))
	if r, reason := w.stand(t, raw); r == nil {
		t.Fatalf("before: %s", reason)
	}
	if err := w.keys.Replace([]keys.Issuer{{Name: "ci", URL: w.issuer.URL}}); err != nil {
		t.Fatal(err)
	}
	if r, reason := w.stand(t, raw); r == nil {
		t.Fatalf("the same issuers: %s", reason)
	}
	if err := w.keys.Replace(nil); err != nil {
		t.Fatal(err)
	}
	if r, reason := w.stand(t, raw); r != nil || reason != "not meant" {
		t.Errorf("after: %v, %q", r, reason)
	}
}

// Threat: an issuer or a trust is taken out while an exchange waits for the forge, which then stores a token. Control: nothing changes.
func TestWhatIsTakenOutMeanwhileGivesNothing(t *testing.T) {
	for name, c := range map[string]struct {
		change func(w *world)
		want   string
	}{
		"nothing":               {func(*world) {}, ""},
		"the issuer goes":       {func(w *world) { _ = w.keys.Replace(nil) }, "changed"},
		"the trust goes":        {func(w *world) { w.set = nil }, "changed"},
		"the issuer is another": {func(w *world) { _ = w.keys.Replace([]keys.Issuer{{Name: "x", URL: w.issuer.URL}}) }, "changed"},
		"the issuers are others": {func(w *world) {
			_ = w.keys.Replace([]keys.Issuer{{Name: "ci", URL: w.issuer.URL}, {Name: "x", URL: "https://x.test"}})
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			if problems := w.load(t); problems != nil {
				t.Fatal(problems)
			}
			w.allow(t)
			asked := false
			w.meanwhile = func() { asked = true; c.change(w) }
			given, reason := w.trade(t, nil)
			if !asked || reason != c.want || (given != nil) != (c.want == "") {
				t.Errorf("asked %t, %v, %q, want %q", asked, given, reason, c.want)
			}
		})
	}
}
