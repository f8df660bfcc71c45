package surface

import (
	cryptorand "crypto/rand"
	"math/rand/v2"
	"strings"
	"testing"

	"patgate/proxy/header"
	"patgate/routes/memo"
	"patgate/token"
)

// The credential of a header block of which lines are remembered is that of one of which none are.
func TestCredentialsBesideRememberedLines(t *testing.T) {
	minted, err := token.Mint(cryptorand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	secret := minted.Reveal()
	lines := []string{"Host: gitlab.example", "Accept: */*", "accept: */*", "User-Agent: x/1", "User_Agent: x/1",
		"Connection: close",
		"PRIVATE-TOKEN: " + secret, "Private_Token: " + secret, "Authorization: Bearer " + secret, "Authorization: Basic dTpw", "Proxy-Authorization: Basic dTpw",
		"Cookie: _gitlab_session=1", "User-Agent: " + secret, "Accept: " + secret + "," + secret, secret + ": x",
		"X-Own: " + secret, "X-Own: y"}
	const rounds = 50_000
	random := rand.New(rand.NewPCG(3, 4))
	var remembered memo.Of[header.Line]
	one, other := header.Block{Memo: &remembered}, header.Block{}
	ours := 0
	for range rounds {
		var block strings.Builder
		for range random.IntN(6) {
			block.WriteString(lines[random.IntN(len(lines))] + "\r\n")
		}
		block.WriteString("\r\n")
		raw := []byte(block.String())
		if got, want := one.Parse(raw), other.Parse(raw); got != "" || want != "" {
			t.Fatalf("%q: %q, %q", raw, got, want)
		}
		a, b := Credential{Dialect: DialectOf("")}, Credential{Dialect: DialectOf("")}
		target := []byte("/api/v4/user")
		differ := a.Find(&one, target) != b.Find(&other, target)
		if differ || a.Kind != b.Kind || a.Auth != b.Auth || string(a.Secret) != string(b.Secret) || a.Found != b.Found {
			t.Fatalf("%q: got %v, want %v", raw, a, b)
		}
		if a.Kind == KindPatgate {
			ours++
		}
	}
	if ours < rounds/20 {
		t.Errorf("only %d blocks have a token in its place", ours)
	}
}

// An escape that cannot hide a token need not be decoded; every one that can is.
func TestEscapesThatHideTokens(t *testing.T) {
	const secret = "patgate_012345678901234567890123456789abcdef"
	for target, want := range map[string]bool{
		"/a%2Fb":                           false,
		"/a%2Fb?q=" + secret:               true,
		"/a%2Fb%20c%5B%5D%3D%3d":           false,
		"/%70atgate_" + secret[8:]:         true,
		"/patgate%5F" + secret[8:]:         true,
		"/patgate%5f" + secret[8:]:         true,
		"/patgate_" + "%30" + secret[9:]:   true,
		"/x%2F%2570atgate_" + secret[8:]:   true,
		"/x%25%37%30atgate_" + secret[8:]:  true,
		"/%%370atgate_" + secret[8:]:       true,
		"/%2F%" + secret[:43] + "%6":       false,
		"/%":                               false,
		"/%2":                              false,
		"/%zz%2F" + secret[:20]:            false,
		"/%2f" + secret[:20] + "%2f" + "x": false,
	} {
		if got := MentionsToken([]byte(target)); got != want {
			t.Errorf("%s: %v", target, got)
		}
	}
}

// What Rack 2.2 takes for the name of a credential in a query is found.
func TestCredentialsInQueriesAsRackReadsThem(t *testing.T) {
	for target, want := range map[string]bool{
		"/api/v4/user?private_token=x":                                 true,
		"/api/v4/user?" + strings.Repeat("[", 120) + "private_token=x": true,
		"/api/v4/user?" + strings.Repeat("%5B", 999) + "token=x":       true,
		"/api/v4/user?private_token[a]=x":                              true,
		"/api/v4/user?a;private_token=x":                               true,
		"/api/v4/user?a=b;%74oken=x;c&d":                               true,
		"/api/v4/user?a[private_token]=x;b=token":                      false,
		"/api/v4/user": false,
	} {
		if got := QueryCredential([]byte(target)); got != want {
			t.Errorf("%.60s: got %v", target, got)
		}
	}
}
