package header

import (
	cryptorand "crypto/rand"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"patgate/routes/memo"
	"patgate/token"
)

// A header block of which lines are remembered is read as one of which none are.
func TestRememberedLinesAreReadAlike(t *testing.T) {
	minted, err := token.Mint(cryptorand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	secret := minted.Reveal()
	lines := []string{"Host: gitlab.example", "Host:gitlab.example", "host: other", "Accept: */*", "accept: */*",
		"Accept:\t*/* \t", "User-Agent: x/1", "User_Agent: x/1",
		"Connection: close", "Connection: X-Total", "Content-Length: 5", "Content-Length: 6",
		"Transfer-Encoding: chunked", "Transfer-Encoding: gzip", "Sudo: root",
		"PRIVATE-TOKEN: " + secret, "Private_Token: " + secret, "Authorization: Bearer " + secret, "Authorization: Basic dTpw", "Proxy-Authorization: Basic dTpw", "Cookie: _gitlab_session=1",
		"User-Agent: " + secret, "Accept: " + secret + "," + secret, secret + ": x", "X-Own: " + secret, "X-Own: y",
		"X-Forwarded-For: 192.0.2.1", "Accept", ": x", " folded",
		"Acc\rept: x", "Accept: a\rb", "Bad Name: x", "If-Match: " + strings.Repeat("x", memo.MaxText), "X-Request-Id: 1"}
	const rounds = 100_000
	random := rand.New(rand.NewPCG(3, 4))
	var remembered memo.Of[Line]
	one, other := Block{Memo: &remembered}, Block{}
	known, good := 0, 0
	for range rounds {
		var block strings.Builder
		for range random.IntN(6) {
			block.WriteString(lines[random.IntN(len(lines))] + "\r\n")
		}
		block.WriteString("\r\n")
		raw := []byte(block.String())
		got, want := one.Parse(raw), other.Parse(raw)
		if got != want {
			t.Fatalf("%q: %q, want %q", raw, got, want)
		}
		if got != "" {
			continue
		}
		good++
		for i := range one.List {
			f := one.List[i]
			if f.Known {
				known++
				f.Known = false
			}
			if a, b := fmt.Sprintf("%q", []any{f.Text, f.Value, f.Rule, f.Alias}),
				fmt.Sprintf("%q", []any{other.List[i].Text, other.List[i].Value, other.List[i].Rule, other.List[i].Alias}); a != b {
				t.Fatalf("%q: got %s, want %s", raw, a, b)
			}
		}
		if len(one.List) != len(other.List) || one.Size != other.Size || one.dup != other.dup || one.seen != other.seen {
			t.Fatalf("%q: got %v, want %v", raw, one, other)
		}
	}
	if good < rounds/10 || known < rounds/10 {
		t.Errorf("only %d blocks are well-formed, and %d lines were known", good, known)
	}
	for _, line := range lines {
		if remembered.Find([]byte(line)) != nil && (strings.Contains(line, secret) || strings.Contains(line, "Authorization") || strings.Contains(line, "Cookie")) {
			t.Errorf("a secret is remembered: %s", line)
		}
	}
}
