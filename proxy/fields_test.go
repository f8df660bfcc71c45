package proxy

import (
	cryptorand "crypto/rand"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"patgate/routes/memo"
	"patgate/token"
)

// A header block of which lines are remembered is read as one of which none are, and so is the credential in it.
func TestRememberedLinesAreReadAlike(t *testing.T) {
	minted, err := token.Mint(cryptorand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	secret := minted.Reveal()
	lines := []string{"Host: gitlab.example", "Host:gitlab.example", "host: other", "Accept: */*", "accept: */*", "Accept:\t*/* \t", "User-Agent: x/1", "User_Agent: x/1",
		"Connection: close", "Connection: X-Total", "Content-Length: 5", "Content-Length: 6", "Transfer-Encoding: chunked", "Transfer-Encoding: gzip", "Sudo: root",
		"PRIVATE-TOKEN: " + secret, "Private_Token: " + secret, "Authorization: Bearer " + secret, "Authorization: Basic dTpw", "Proxy-Authorization: Basic dTpw", "Cookie: _gitlab_session=1",
		"User-Agent: " + secret, "Accept: " + secret + "," + secret, secret + ": x", "X-Own: " + secret, "X-Own: y", "X-Forwarded-For: 192.0.2.1", "Accept", ": x", " folded",
		"Acc\rept: x", "Accept: a\rb", "Bad Name: x", "If-Match: " + strings.Repeat("x", memo.MaxText), "X-Request-Id: 1"}
	const rounds = 100_000
	random := rand.New(rand.NewPCG(3, 4))
	var remembered memo.Of[fieldLine]
	one, other := fields{known: &remembered}, fields{}
	known, good := 0, 0
	for range rounds {
		var block strings.Builder
		for range random.IntN(6) {
			block.WriteString(lines[random.IntN(len(lines))] + "\r\n")
		}
		block.WriteString("\r\n")
		raw := []byte(block.String())
		got, want := one.parse(raw), other.parse(raw)
		if got != want {
			t.Fatalf("%q: %q, want %q", raw, got, want)
		}
		if got != "" {
			continue
		}
		good++
		for i := range one.list {
			f := one.list[i]
			if f.known {
				known++
				f.known = false
			}
			if a, b := fmt.Sprintf("%q", []any{f.name, f.value, f.fieldRule, f.alias}), fmt.Sprintf("%q", []any{other.list[i].name, other.list[i].value, other.list[i].fieldRule, other.list[i].alias}); a != b {
				t.Fatalf("%q: got %s, want %s", raw, a, b)
			}
		}
		if len(one.list) != len(other.list) || one.size != other.size || one.dup != other.dup || one.seen != other.seen {
			t.Fatalf("%q: got %v, want %v", raw, one, other)
		}
		var a, b credential
		target := []byte("/api/v4/user")
		if a.find(&one, target) != b.find(&other, target) || a.caller != b.caller || a.place != b.place || string(a.secret) != string(b.secret) || a.found != b.found {
			t.Fatalf("%q: got %v, want %v", raw, a, b)
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
