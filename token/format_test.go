package token

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"math/big"
	mathrand "math/rand/v2"
	"regexp"
	"strings"
	"testing"
	"testing/iotest"
)

// sample is a token whose checksum was computed by another program (Python's zlib).
const sample = "patgate_0123456789ABCDEFGHIJKLMNOPQRST2E5dOg"

func mint(t testing.TB) string {
	t.Helper()
	s, err := Mint(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return s.Reveal()
}

func TestMint(t *testing.T) {
	published := regexp.MustCompile(Pattern)
	seen := map[string]bool{}
	for range 1000 {
		text := mint(t)
		if len(text) != 44 || published.FindString("a "+text+".") != text {
			t.Fatalf("minted %q", text)
		}
		if seen[text] {
			t.Fatalf("minted %q twice", text)
		}
		seen[text] = true
		hash, err := Parse([]byte(text))
		if err != nil || hash != sha256.Sum256([]byte(text)) {
			t.Fatalf("%q is read as %v (%v)", text, hash, err)
		}
	}
	t.Run("has at least 160 random bits", func(t *testing.T) {
		if bits := randomLength * math.Log2(float64(len(digits))); bits < 160 {
			t.Errorf("%f bits", bits)
		}
	})
	t.Run("fails with its source", func(t *testing.T) {
		broken := errors.New("broken")
		if s, err := Mint(iotest.ErrReader(broken)); !errors.Is(err, broken) || !s.Empty() {
			t.Errorf("minted %q (%v)", s.Reveal(), err)
		}
	})
	t.Run("fails with a short source", func(t *testing.T) {
		if s, err := Mint(bytes.NewReader(make([]byte, 40))); !errors.Is(err, io.ErrUnexpectedEOF) || !s.Empty() {
			t.Errorf("minted %q (%v)", s.Reveal(), err)
		}
	})
	t.Run("fails with a source of one byte that is always thrown away", func(t *testing.T) {
		if s, err := Mint(always(0xff)); err == nil || !s.Empty() {
			t.Errorf("minted %q", s.Reveal())
		}
	})
	t.Run("draws again for what it throws away", func(t *testing.T) {
		s, err := Mint(io.MultiReader(bytes.NewReader(bytes.Repeat([]byte{250}, 60)), always(61)))
		if err != nil || !strings.HasPrefix(s.Reveal(), Prefix+strings.Repeat("z", randomLength)) {
			t.Errorf("minted %q (%v)", s.Reveal(), err)
		}
	})
}

type always byte

func (b always) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(b)
	}
	return len(p), nil
}

// TestMintIsUnbiased feeds each byte value equally often: each character must come out equally often. Taking a byte
// modulo 62 would give eight of them five times out of 256 instead of four.
func TestMintIsUnbiased(t *testing.T) {
	counts := map[byte]int{}
	for b := range 256 {
		source := io.MultiReader(bytes.NewReader(append([]byte{byte(b)}, bytes.Repeat([]byte{255}, 59)...)), always(0))
		s, err := Mint(source)
		if err != nil {
			t.Fatal(err)
		}
		if b < 248 {
			counts[s.Reveal()[len(Prefix)]]++
		} else if s.Reveal()[len(Prefix):len(Prefix)+randomLength] != strings.Repeat("0", randomLength) {
			t.Errorf("byte %d was used", b)
		}
	}
	if len(counts) != len(digits) {
		t.Errorf("%d different characters", len(counts))
	}
	for c, n := range counts {
		if n != 4 {
			t.Errorf("%q comes from %d bytes", c, n)
		}
	}
}

func TestChecksumIsCRC32InBase62(t *testing.T) {
	for range 200 {
		text := mint(t)
		n := new(big.Int)
		for _, c := range text[Length-checksumLength:] {
			n.Mul(n, big.NewInt(62))
			n.Add(n, big.NewInt(int64(strings.IndexRune(digits, c))))
		}
		if want := crc32.ChecksumIEEE([]byte(text[:Length-checksumLength])); n.Cmp(big.NewInt(int64(want))) != 0 {
			t.Fatalf("%q has checksum %v, want %d", text, n, want)
		}
	}
}

func TestParse(t *testing.T) {
	change := func(at int, c byte) string {
		b := []byte(sample)
		b[at] = c
		return string(b)
	}
	cases := []struct {
		name, text string
		want       error
	}{
		{"a token", sample, nil},
		{"nothing", "", ErrNotOurs},
		{"a token of GitLab", "glpat-0123456789abcdefghij", ErrNotOurs},
		{"half the prefix", "patgate", ErrNotOurs},
		{"the prefix in upper case", strings.ToUpper(sample[:8]) + sample[8:], ErrNotOurs},
		{"a token after a space", " " + sample, ErrNotOurs},
		{"the prefix alone", Prefix, ErrMalformed},
		{"a token without its last character", sample[:Length-1], ErrMalformed},
		{"a token with one more character", sample + "0", ErrMalformed},
		{"a token before a newline", sample + "\n", ErrMalformed},
		{"a token with a newline in place of its last character", change(Length-1, '\n'), ErrMalformed},
		{"an underscore among the characters", change(20, '_'), ErrMalformed},
		{"a dash among the characters", change(20, '-'), ErrMalformed},
		{"a byte that is no text", change(20, 0xff), ErrMalformed},
		{"a zero byte", change(20, 0), ErrMalformed},
		{"another random character", change(20, 'z'), ErrChecksum},
		{"another character of the checksum", change(Length-1, '0'), ErrChecksum},
		{"two characters that changed places", sample[:10] + "32" + sample[12:], ErrChecksum},
		{"another case", strings.Replace(sample, "ABC", "ABc", 1), ErrChecksum},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			hash, err := Parse([]byte(c.text))
			if !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
				t.Fatalf("error is %v, want %v", err, c.want)
			}
			if hash.IsZero() != (err != nil) {
				t.Errorf("hash is %v with error %v", hash, err)
			}
			if err != nil && len(c.text) > 8 && strings.Contains(err.Error(), c.text[8:]) {
				t.Errorf("the error quotes the text: %v", err)
			}
			if got, want := HasPrefix([]byte(c.text)), c.want != ErrNotOurs; got != want {
				t.Errorf("HasPrefix is %v", got)
			}
		})
	}
}

func TestEveryTypoIsNoticed(t *testing.T) {
	token := []byte(mint(t))
	for at := len(Prefix); at < Length; at++ {
		was := token[at]
		for _, c := range []byte(digits) {
			token[at] = c
			if _, err := Parse(token); (err == nil) != (c == was) {
				t.Fatalf("character %d as %q: %v", at, c, err)
			}
		}
		token[at] = was
	}
}

func TestFind(t *testing.T) {
	cases := []struct {
		name, text string
		want       bool
	}{
		{"a token alone", sample, true},
		{"a token in a sentence", "use " + sample + ", please", true},
		{"a token in an address", "https://x:" + sample + "@gitlab.example.com/", true},
		{"a token in JSON", `{"token":"` + sample + `"}`, true},
		{"a token with more behind it", sample + "abc", true},
		{"a token with a wrong checksum", sample[:Length-1] + "0", true},
		{"a token right after another word", "x" + sample, true},
		{"a token after the prefix", Prefix + sample, true},
		{"a token after half a token", sample[:20] + "-" + sample, true},
		{"nothing", "", false},
		{"other text", "glpat-0123456789abcdefghij", false},
		{"the prefix in a name", "patgate_requests_total", false},
		{"the prefix at the end", "see " + Prefix, false},
		{"a token that is cut", sample[:Length-1], false},
		{"a token with a space in it", sample[:20] + " " + sample[20:], false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if got := Find([]byte(c.text)); got != c.want {
				t.Errorf("found is %v", got)
			}
			if regexp.MustCompile(Pattern).MatchString(c.text) && !Find([]byte(c.text)) {
				t.Error("the published pattern finds what Find does not")
			}
		})
	}
}

// However a text is put together, what is found is what a search for the form finds, and so is what is
// found twice.
func TestFindIsASearchForTheForm(t *testing.T) {
	form := regexp.MustCompile(Prefix + `[0-9A-Za-z]{36}`)
	parts := []string{sample, Prefix, sample[:20], sample[len(Prefix):], "_", "patgate", "atgate_", "__", "p", " ", "x", "", "patgatepatgate_"}
	random := mathrand.New(mathrand.NewPCG(1, 2))
	found := 0
	for range 20_000 {
		var text []byte
		for range random.IntN(10) {
			text = append(text, parts[random.IntN(len(parts))]...)
		}
		all := form.FindAllIndex(text, -1)
		if got := Find(text); got != (len(all) > 0) {
			t.Fatalf("%q: found is %v", text, got)
		}
		if got := Repeats(text); got != (len(all) > 1) {
			t.Fatalf("%q: repeated is %v", text, got)
		}
		found += min(len(all), 2) / 2
	}
	if found < 1000 {
		t.Errorf("only %d texts hold two tokens", found)
	}
}

// Key gives what Parse gives, and looks at all but the checksum.
func TestKey(t *testing.T) {
	want, err := Parse([]byte(sample))
	if got, keyErr := Key([]byte(sample)); err != nil || keyErr != nil || got != want {
		t.Errorf("got %v, %v, %v", got, err, keyErr)
	}
	typo := []byte(sample[:Length-1] + "0")
	if got, err := Key(typo); err != nil || got == want {
		t.Errorf("with a wrong checksum: %v", err)
	}
	for text, want := range map[string]error{"glpat-x": ErrNotOurs, sample + "0": ErrMalformed, sample[:Length-1]: ErrMalformed, sample[:Length-1] + "-": ErrMalformed} {
		if got, err := Key([]byte(text)); err != want || got != (Hash{}) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestLastFour(t *testing.T) {
	if got := LastFour(NewSecret(sample)); got != sample[Length-4:] {
		t.Errorf("got %q", got)
	}
	for _, s := range []Secret{{}, NewSecret("abc"), NewSecret(sample[1:])} {
		if got := LastFour(s); got != "" {
			t.Errorf("got %q of what is no token", got)
		}
	}
}

func TestParsingAllocatesNothing(t *testing.T) {
	good, bad, other := []byte(sample), []byte(sample[:Length-1]+"0"), []byte("glpat-0123456789abcdefghij")
	for name, f := range map[string]func(){
		"Parse of a token":             func() { _, _ = Parse(good) },
		"Parse of a typo":              func() { _, _ = Parse(bad) },
		"Parse of another credential":  func() { _, _ = Parse(other) },
		"Find in text without a token": func() { _ = Find(other) },
		"Find in text with a token":    func() { _ = Find(good) },
	} {
		t.Run(name, func(t *testing.T) {
			if n := testing.AllocsPerRun(100, f); n != 0 {
				t.Errorf("%v allocations", n)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{sample, "", Prefix, sample[:Length-1], sample + "\n", sample[:Length-1] + "0", "glpat-x", Prefix + strings.Repeat("\xff", 36)} {
		f.Add([]byte(seed))
	}
	exact := regexp.MustCompile(`\A` + strings.Trim(Pattern, `\b`) + `\z`)
	f.Fuzz(func(t *testing.T, text []byte) {
		before := bytes.Clone(text)
		hash, err := Parse(text)
		if !bytes.Equal(before, text) {
			t.Fatal("the text was changed")
		}
		formed := exact.Match(text)
		switch {
		case err == nil:
			if !formed || hash != sha256.Sum256(text) || !Find(text) {
				t.Fatalf("%q is a token", text)
			}
			sum := crc32.ChecksumIEEE(text[:Length-checksumLength])
			if want := base62(sum); want != string(text[Length-checksumLength:]) {
				t.Fatalf("%q is a token, its checksum is %s", text, want)
			}
		case !hash.IsZero():
			t.Fatalf("%q has a hash and the error %v", text, err)
		case errors.Is(err, ErrNotOurs) == bytes.HasPrefix(text, []byte(Prefix)):
			t.Fatalf("%q: %v", text, err)
		case errors.Is(err, ErrChecksum) != formed:
			t.Fatalf("%q: %v", text, err)
		}
	})
}

// base62 is the checksum's text by another way than the one in use.
func base62(n uint32) string {
	text := ""
	for ; n > 0; n /= 62 {
		text = digits[n%62:n%62+1] + text
	}
	return fmt.Sprintf("%06s", text)
}

func BenchmarkParse(b *testing.B) {
	text := []byte(sample)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(text); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkFind(b *testing.B) {
	text := bytes.Repeat([]byte("some text with patgate_words in it "), 32)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if Find(text) {
			b.Fatal("found")
		}
	}
}
