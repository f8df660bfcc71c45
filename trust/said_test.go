package trust_test

import (
	"fmt"
	"strings"
	"testing"

	"patgate/trust"
)

const known = "https://git.example.com"

func isKnown(issuer []byte) bool { return string(issuer) == known }

// TestSaid: issuer and audience are read in one way, or not at all.
func TestSaid(t *testing.T) {
	for claims, want := range map[string]string{
		`{"iss":"https://git.example.com","aud":"a"}`:                                     "a",
		`{"aud":"a","x":{"iss":"b","y":[{"aud":1}]},"iss":"https://git.example.com"}`:     "a",
		`{"\u0069ss":"https:\/\/git.example.com","aud":["a"],"x":null,"y":[1,[2]]}`:       "a",
		`{"iss":"https://git.example.com","aud":["a","b"]}`:                               "",
		`{"iss":"https://git.example.com","aud":["a",["b"]]}`:                             "",
		`{"iss":"https://git.example.com","aud":[1,"a"]}`:                                 "",
		`{"iss":"https://git.example.com","aud":[["a"]]}`:                                 "",
		`{"iss":"https://git.example.com","aud":[]}`:                                      "",
		`{"iss":"https://git.example.com","aud":{"x":"a"}}`:                               "",
		`{"iss":"https://git.example.com","aud":7}`:                                       "",
		`{"iss":"https://git.example.com"}`:                                               "",
		`{"aud":"a"}`:                                                                     "",
		`{"iss":["https://git.example.com"],"aud":"a"}`:                                   "",
		`{"iss":"https://git.example.com/","aud":"a"}`:                                    "",
		`{"iss":"https://git.example.com","aud":"a","iss":"https://git.example.com"}`:     "",
		`{"iss":"https://evil.example.com","aud":"a","iss":"https://git.example.com"}`:    "",
		`{"iss":"https://git.example.com","aud":"a","\u0061ud":"a"}`:                      "",
		`{"iss":"https://git.example.com","aud":"a"}{}`:                                   "",
		`{"iss":"https://git.example.com","aud":"a"`:                                      "",
		`{"iss":"https://git.example.com","aud":"a",}`:                                    "",
		`{"iss":"https://git.example.com","aud":["a"`:                                     "",
		`["iss","https://git.example.com","aud","a"]`:                                     "",
		`{"iss":"https://git.example.com","aud":"a","x":` + strings.Repeat("[", 3000):     "",
		`{"iss":"https://git.example.com","aud":"a","x":` + strings.Repeat(`{"x":`, 3000): "",
		``: "",
	} {
		issuer, audience, ok := trust.Said([]byte(claims), isKnown)
		if ok != (want != "") || ok && (audience != want || issuer != known) {
			t.Errorf("%.90s: %q %q %v", claims, issuer, audience, ok)
		}
	}
}

// garbage gives claims of some KiB, most of which nobody needs.
func garbage(last string) []byte {
	var b strings.Builder
	b.WriteString(`{"aud":"a"`)
	for n := range 550 {
		fmt.Fprintf(&b, `,"c%d":1`, n)
	}
	return []byte(b.String() + last + "}")
}

// TestGarbageCostsLittle: claims that somebody made up make no work by how many they are.
func TestGarbageCostsLittle(t *testing.T) {
	for what, claims := range map[string][]byte{"an unknown issuer": garbage(`,"iss":"https://nobody"`), "none": garbage(""),
		"a known one": garbage(`,"iss":"` + known + `"`)} {
		if n := testing.AllocsPerRun(100, func() { trust.Said(claims, isKnown) }); n > 10 {
			t.Errorf("%s: %d bytes take %v allocations", what, len(claims), n)
		}
	}
}

func BenchmarkSaid(b *testing.B) {
	claims := garbage(`,"iss":"https://nobody"`)
	b.ReportAllocs()
	for b.Loop() {
		trust.Said(claims, isKnown)
	}
}
