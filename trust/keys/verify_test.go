package keys_test

import (
	"context"
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"patgate/trust/keys"
	"patgate/trust/trusttest"
)

const audience = "https://patgate.example.com/trust/release-notes"

// maxAge is how old a token may be here.
const maxAge = 10 * time.Minute

func keysOf(t testing.TB, issuers ...*trusttest.Issuer) *keys.Keys {
	t.Helper()
	var o keys.Options
	for n, i := range issuers {
		o.Issuers = append(o.Issuers, keys.Issuer{Name: fmt.Sprintf("issuer-%d", n+1), URL: i.URL})
	}
	k, err := keys.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// oracle tells whether go-oidc takes a token for the audience.
func oracle(t testing.TB, i *trusttest.Issuer) func(raw string) error {
	t.Helper()
	provider, err := oidc.NewProvider(t.Context(), i.URL)
	if err != nil {
		t.Fatal(err)
	}
	verifier := provider.Verifier(&oidc.Config{ClientID: audience, SupportedSigningAlgs: []string{oidc.RS256, oidc.ES256, oidc.EdDSA},
		Now: func() time.Time { return time.Now().Add(-keys.Leeway) }})
	return func(raw string) error {
		_, err := verifier.Verify(context.Background(), raw)
		return err
	}
}

func TestTokensOfEveryAlgorithmAreTaken(t *testing.T) {
	i := trusttest.New(t)
	k, valid := keysOf(t, i), oracle(t, i)
	for _, id := range []string{"RS256-1", "ES256-1", "EdDSA-1"} {
		raw := i.Token(t, id, i.Claims(audience, map[string]any{"project_id": "20"}))
		token, err := k.Verify(t.Context(), raw, maxAge)
		if err != nil || token.Audience != audience || token.Issuer != "issuer-1" || token.Claims["project_id"].Text() != "20" ||
			token.ID == "" || time.Until(token.Expires) < 4*time.Minute {
			t.Errorf("%s: %+v, %v", id, token, err)
		}
		if err := valid(raw); err != nil {
			t.Errorf("%s: go-oidc: %v", id, err)
		}
	}
	if n := i.Reads(); n > 3 {
		t.Errorf("the keys were read %d times", n)
	}
}

// hostile gives tokens none of which is to be taken, by what is wrong with them. All but those of loose go-oidc refuses too.
func hostile(t testing.TB, i, other *trusttest.Issuer) (all map[string]string, loose map[string]bool) {
	t.Helper()
	all, loose = map[string]string{}, map[string]bool{}
	now := time.Now()
	claims := func(more map[string]any) map[string]any { return i.Claims(audience, more) }
	text := func(c map[string]any) string {
		data, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	good := i.Token(t, "ES256-1", claims(nil))
	parts := strings.Split(good, ".")
	encode := base64.RawURLEncoding.EncodeToString
	// Signatures that are none.
	for _, none := range []string{"none", "None", "NONE", "nOnE", ""} {
		all["alg "+none] = encode(fmt.Appendf(nil, `{"alg":%q,"kid":"ES256-1"}`, none)) + "." + parts[1] + "."
		all["alg "+none+" with a signature"] = encode(fmt.Appendf(nil, `{"alg":%q,"kid":"ES256-1"}`, none)) + "." + parts[1] +
			"." + parts[2]
	}
	public, err := x509.MarshalPKIXPublicKey(i.Key("RS256-1").(*rsa.PrivateKey).Public())
	if err != nil {
		t.Fatal(err)
	}
	for name, secret := range map[string][]byte{"der": public,
		"pem": pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}), "empty": nil} {
		for _, a := range []string{"HS256", "HS384", "HS512"} {
			head := encode(fmt.Appendf(nil, `{"alg":%q,"kid":"RS256-1"}`, a)) + "." + parts[1]
			mac := hmac.New(sha256.New, secret)
			mac.Write([]byte(head))
			all[a+" with the public key as "+name] = head + "." + encode(mac.Sum(nil))
		}
	}
	for _, a := range []string{"RS384", "RS512", "PS256", "PS384", "ES384", "ES512", "ES256K", "Ed25519x", "rs256", "RS256 "} {
		all["alg "+a] = i.Raw(t, "RS256-1", fmt.Sprintf(`{"alg":%q,"kid":"RS256-1"}`, a), text(claims(nil)))
	}
	all["of another key"] = i.Raw(t, "ES256-1", `{"alg":"RS256","kid":"RS256-1"}`, text(claims(nil)))
	all["by an algorithm that the key is not for"] = i.Raw(t, "ES256-1", `{"alg":"EdDSA","kid":"ES256-1"}`, text(claims(nil)))
	all["by another issuer"] = other.Token(t, "ES256-1", claims(nil))
	all["of an issuer that is not configured"] = i.Token(t, "ES256-1", claims(map[string]any{"iss": "https://evil.example.com"}))
	for name, iss := range map[string]string{"a slash": i.URL + "/", "a path": i.URL + "/x", "capitals": strings.ToUpper(i.URL),
		"a user": strings.Replace(i.URL, "//", "//a@", 1), "a blank": i.URL + " ", "a NUL": i.URL + "\x00"} {
		all["iss with "+name] = i.Token(t, "ES256-1", claims(map[string]any{"iss": iss}))
	}
	all["iss in a list"] = i.Token(t, "ES256-1", claims(map[string]any{"iss": []string{i.URL, "https://evil"}}))
	// Headers.
	loose["with jku"], loose["with x5u"], loose["with jwk"], loose["with x5c"] = true, true, true, true
	for name, more := range map[string]string{"jku": `"jku":"https://evil/keys"`, "x5u": `"x5u":"https://evil/c"`,
		"x5c": `"x5c":["AAAA"]`, "crit": `"crit":["exp"],"exp":1`, "b64": `"b64":false,"crit":["b64"]`, "b64 alone": `"b64":false`,
		"zip": `"zip":"DEF"`, "kid twice": `"kid":"ES256-1"`, "another typ": `"typ":"at+jwt"`, "typ that is no text": `"typ":1`,
		"crit null": `"crit":null`, "an unknown field": `"x":"y"`, "cty": `"cty":"JWT"`} {
		all["with "+name] = i.Raw(t, "ES256-1", `{"alg":"ES256","kid":"ES256-1",`+more+`}`, text(claims(nil)))
		switch name {
		case "crit", "b64", "kid twice":
		default:
			loose["with "+name] = true
		}
	}
	key, err := json.Marshal(other.Set().Keys[0])
	if err != nil {
		t.Fatal(err)
	}
	all["with jwk"] = other.Raw(t, other.Set().Keys[0].KeyID, fmt.Sprintf(`{"alg":%q,"kid":%q,"jwk":%s}`, other.Set().Keys[0].Algorithm,
		other.Set().Keys[0].KeyID, key), text(claims(nil)))
	for name, header := range map[string]string{"no kid": `{"alg":"ES256"}`, "an empty kid": `{"alg":"ES256","kid":""}`,
		"an unknown kid": `{"alg":"ES256","kid":"ES256-9"}`, "a kid that is a path": `{"alg":"ES256","kid":"../../dev/null"}`,
		"kid a number": `{"alg":"ES256","kid":1}`, "no alg": `{"kid":"ES256-1"}`, "alg a list": `{"alg":["ES256"],"kid":"ES256-1"}`,
		"alg twice": `{"alg":"none","alg":"ES256","kid":"ES256-1"}`, "no object": `"ES256"`, "nothing": ``,
		"more than one": `{"alg":"ES256","kid":"ES256-1"}{}`} {
		all["a header with "+name] = i.Raw(t, "ES256-1", header, text(claims(nil)))
		loose["a header with "+name] = name == "no kid" || name == "an empty kid" || name == "more than one" || name == "an unknown kid" ||
			name == "a kid that is a path"
	}
	// Times.
	for name, more := range map[string]map[string]any{
		"no exp": {"exp": nil}, "exp a text": {"exp": fmt.Sprint(now.Add(time.Hour).Unix())}, "exp null": {"exp": json.RawMessage("null")},
		"exp after a day": {"exp": now.Add(25 * time.Hour).Unix()},
		"exp over":        {"exp": now.Add(-31 * time.Second).Unix()}, "exp zero": {"exp": 0}, "exp negative": {"exp": -1},
		"exp not whole": {"exp": json.RawMessage("1e11")}, "exp huge": {"exp": json.RawMessage("99999999999999999999")},
		"exp in a list": {"exp": []int64{now.Add(time.Hour).Unix()}}, "exp true": {"exp": true},
		"no iat": {"iat": nil}, "iat ahead": {"iat": now.Add(40 * time.Second).Unix()}, "iat a text": {"iat": "1"},
		"iat old":   {"iat": now.Add(-11 * time.Minute).Unix()},
		"nbf ahead": {"nbf": now.Add(6 * time.Minute).Unix()}, "nbf a text": {"nbf": "0"}, "nbf negative": {"nbf": -5},
		"nbf a fraction": {"nbf": 0.5}, "nbf far": {"nbf": 9e12}, "nbf an object": {"nbf": map[string]any{}}, "nbf a list": {"nbf": []int{1}},
	} {
		all[name] = i.Token(t, "ES256-1", claims(more))
		loose[name] = name == "exp a text" || strings.HasPrefix(name, "iat") || name == "no iat" || strings.HasPrefix(name,
			"nbf") || name == "exp not whole" ||
			name == "exp huge"
	}
	// Audiences.
	for name, aud := range map[string]any{"none": nil, "empty": "", "another": "https://other", "of another policy": audience + "2",
		"the base": "https://patgate.example.com", "a list with another": []string{audience, "https://other"}, "an empty list": []string{},
		"an object": map[string]any{audience: true}, "a list twice": []string{audience, audience},
		"a number": 5, "a list with null": []any{audience, nil}, "a list with a number": []any{audience, 5},
		"a list with an object": []any{audience, map[string]any{}}} {
		all["audience "+name] = i.Token(t, "ES256-1", claims(map[string]any{"aud": aud}))
		loose["audience "+name] = strings.HasPrefix(name, "a list")
	}
	// Claims that can be read in two ways.
	for name, payload := range map[string]string{
		"a name twice":         strings.Replace(text(claims(nil)), "{", `{"project_id":"20","project_id":"21",`, 1),
		"aud twice":            strings.Replace(text(claims(nil)), "{", `{"aud":"x",`, 1),
		"a name twice, spelt":  strings.Replace(text(claims(nil)), "{", `{"a":1,"\u0061":2,`, 1),
		"a name twice, nested": strings.Replace(text(claims(nil)), "{", `{"n":{"a":1,"a":2},`, 1),
		"no UTF-8":             strings.Replace(text(claims(nil)), "{", "{\"x\":\"\xff\",", 1),
		"a tail":               text(claims(nil)) + "{}",
		"a list":               "[" + text(claims(nil)) + "]",
		"nothing":              "null",
		"too deep": strings.Replace(text(claims(nil)), "{", `{"a":`+strings.Repeat(`{"a":`,
			20)+"1"+strings.Repeat("}", 20)+",", 1),
		"nbf null":  strings.Replace(text(claims(map[string]any{"nbf": nil})), "{", `{"nbf":null,`, 1),
		"a comment": strings.Replace(text(claims(nil)), "{", "{/**/", 1),
	} {
		all["claims with "+name] = i.Raw(t, "ES256-1", `{"alg":"ES256","kid":"ES256-1"}`, payload)
		loose["claims with "+name] = strings.HasPrefix(name, "a name twice") || name == "no UTF-8" || name == "too deep" ||
			name == "aud twice" ||
			name == "nbf null"
	}
	// Forms.
	long := claims(map[string]any{"x": strings.Repeat("y", keys.Longest)})
	maps.Copy(all, map[string]string{"too long": i.Token(t, "ES256-1", long), "no dots": "abc", "nothing": "",
		"one part too many": good + ".x", "an empty signature": parts[0] + "." + parts[1] + ".", "an empty payload": parts[0] +
			".." + parts[2],
		"padding": parts[0] + "=." + parts[1] + "." + parts[2], "a blank": parts[0] + ". " + parts[1] + "." + parts[2],
		"a line": parts[0] + "." + parts[1] + "\n." + parts[2], "standard base64": strings.NewReplacer("_", "/", "-",
			"+").Replace(good) + "+",
		"a changed payload": parts[0] + "." + encode([]byte(text(claims(map[string]any{"project_id": "1"})))) + "." + parts[2],
		"JSON form":         fmt.Sprintf(`{"payload":%q,"protected":%q,"signature":%q}`, parts[1], parts[0], parts[2]),
		"five parts":        "a.b.c.d.e"})
	loose["exp after a day"], loose["too long"], loose["a line"], loose["a blank"], loose["JSON form"] = true, true, true, true, true
	return all, loose
}

// None of more than a hundred hostile tokens is taken, and what go-oidc refuses patgate does.
func TestHostileTokensAreRefused(t *testing.T) {
	i, other := trusttest.New(t), trusttest.New(t)
	k, valid := keysOf(t, i), oracle(t, i)
	all, loose := hostile(t, i, other)
	control := 0
	for name, raw := range all {
		token, err := k.Verify(t.Context(), raw, maxAge)
		if err == nil && token.Audience == audience {
			t.Errorf("%s: it is taken", name)
		}
		// The oracle shows that tokens are wrong as their names say, and not by a slip in their making.
		if taken := valid(raw) == nil; taken {
			control++
			if !loose[name] {
				t.Errorf("%s: go-oidc takes it", name)
			}
		}
	}
	if len(all) < 100 || control < 5 {
		t.Errorf("%d tokens, of which go-oidc takes %d", len(all), control)
	}
	if _, err := k.Verify(t.Context(), i.Token(t, "RS256-1", i.Claims(audience, nil)), maxAge); err != nil {
		t.Errorf("a good one among them: %v", err)
	}
}

func TestClocksMayBeOffByTheLeeway(t *testing.T) {
	i := trusttest.New(t)
	k, now := keysOf(t, i), time.Now()
	for _, c := range []struct {
		name string
		more map[string]any
		want error
	}{
		{"over for 20 s", map[string]any{"exp": now.Add(-20 * time.Second).Unix()}, nil},
		{"over for 31 s", map[string]any{"exp": now.Add(-31 * time.Second).Unix()}, keys.ErrTime},
		{"made in 20 s", map[string]any{"iat": now.Add(20 * time.Second).Unix(), "nbf": now.Add(20 * time.Second).Unix()}, nil},
		{"valid in 40 s", map[string]any{"nbf": now.Add(40 * time.Second).Unix()}, keys.ErrTime},
		{"made 10 minutes ago", map[string]any{"iat": now.Add(-10 * time.Minute).Unix()}, nil},
		{"made 11 minutes ago", map[string]any{"iat": now.Add(-11 * time.Minute).Unix()}, keys.ErrTime},
		{"without nbf", map[string]any{"nbf": nil}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := k.Verify(t.Context(), i.Token(t, "ES256-1", i.Claims(audience, c.more)), maxAge); !errors.Is(err, c.want) {
				t.Errorf("%v, want %v", err, c.want)
			}
		})
	}
}

// FuzzVerify: whatever stands for header and claims, signed by a good key, is taken only if go-oidc takes it.
func FuzzVerify(f *testing.F) {
	i := trusttest.New(f)
	k, valid := keysOf(f, i), oracle(f, i)
	payload, err := json.Marshal(i.Claims(audience, nil))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(`{"alg":"ES256","kid":"ES256-1"}`, string(payload), true)
	f.Add(`{"alg":"ES256","kid":"ES256-1","crit":["exp"]}`, string(payload), true)
	f.Add(`{"alg":"none","kid":"ES256-1"}`, `{"iss":"x"}`, false)
	f.Add(`a.b.c`, ``, false)
	f.Fuzz(func(t *testing.T, header, claims string, signed bool) {
		raw := header + "." + claims
		if signed {
			raw = i.Raw(t, "ES256-1", header, claims)
		}
		if token, err := k.Verify(t.Context(), raw, maxAge); err == nil && token.Audience == audience {
			if err := valid(raw); err != nil {
				t.Errorf("%q %q is taken, and go-oidc says %v", header, claims, err)
			}
		}
	})
}

// TestMadeUpTextsCostLittle: what is shaped like an ID token and is nobody's is put aside with a few KiB of memory.
func TestMadeUpTextsCostLittle(t *testing.T) {
	i := trusttest.New(t)
	c := newClocked(t, keys.Issuer{Name: "a", URL: i.URL})
	var b strings.Builder
	for n := range 600 {
		fmt.Fprintf(&b, `,"c%d":1`, n)
	}
	raw := i.Raw(t, "RS256-1", `{"alg":"RS256"}`, `{"iss":"https://nobody"`+b.String()+`}`)
	last := i.Raw(t, "RS256-1", `{"alg":"RS256"}`, `{"aud":"a"`+b.String()+`,"iss":"https://nobody"}`)
	if len(raw) < 7000 || !keys.Shaped([]byte(raw)) {
		t.Fatalf("%d bytes", len(raw))
	}
	for what, raw := range map[string]string{"the issuer first": raw, "the issuer last": last} {
		const times = 100
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range times {
			if _, _, ok := c.Says(raw); ok {
				t.Fatal("it is taken for somebody's")
			}
		}
		runtime.ReadMemStats(&after)
		n, size := (after.Mallocs-before.Mallocs)/times, (after.TotalAlloc-before.TotalAlloc)/times
		if n > 20 || size > 12<<10 {
			t.Errorf("%s: %d bytes take %d bytes in %d allocations", what, len(raw), size, n)
		}
	}
}
