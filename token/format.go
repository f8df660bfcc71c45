package token

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

// A token is Prefix, then 30 random characters (178 bits), then 6 characters of checksum, all of [0-9A-Za-z]. The
// checksum is the CRC-32 (IEEE) of all before it, as a number of base 62 with the digits 0-9, A-Z, a-z in that order and
// leading zeros. So a scanner or patgate itself can tell a typo from an unknown token without asking anybody.
const (
	// Prefix begins every token, and nothing else that a forge hands out.
	Prefix = "patgate_"
	// Length is that of every token, in bytes.
	Length = len(Prefix) + randomLength + checksumLength
	// Pattern is the regular expression for secret scanners. What it finds should be checked by its checksum.
	Pattern = `\bpatgate_[0-9A-Za-z]{36}\b`

	randomLength   = 30
	checksumLength = 6
	bodyLength     = randomLength + checksumLength

	digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
)

// The errors of Parse for text that is no token.
var (
	// ErrNotOurs: it does not begin with Prefix, so it is some other credential.
	ErrNotOurs = errors.New("not a patgate token")
	// ErrMalformed: it begins with Prefix and has another length or other characters than a token.
	ErrMalformed = errors.New("malformed patgate token")
	// ErrChecksum: it has the form of a token and the checksum is wrong: mistyped, cut and mended, or made up.
	ErrChecksum = errors.New("patgate token with a wrong checksum")
)

// maxDraws bounds how often Mint reads. A good source needs a second draw once in 10^13 tokens.
const maxDraws = 16

// Mint makes a token from a source of random bytes, which must be crypto/rand.Reader but in tests. Every random character
// is equally likely: bytes that would favour some are thrown away.
func Mint(random io.Reader) (Secret, error) {
	text := make([]byte, len(Prefix), Length)
	copy(text, Prefix)
	var drawn [2 * randomLength]byte
	for range maxDraws {
		if _, err := io.ReadFull(random, drawn[:]); err != nil {
			return Secret{}, fmt.Errorf("reading random bytes: %w", err)
		}
		for _, b := range drawn {
			const unbiased = 256 - 256%len(digits)
			if int(b) < unbiased && len(text) < len(Prefix)+randomLength {
				text = append(text, digits[int(b)%len(digits)])
			}
		}
		if len(text) == len(Prefix)+randomLength {
			sum := checksum(text)
			return NewSecret(string(append(text, sum[:]...))), nil
		}
	}
	return Secret{}, errors.New("minting a token: the source of random bytes repeats itself")
}

// Parse checks the form of a token and gives its hash. The errors are ErrNotOurs, ErrMalformed and ErrChecksum, and the
// hash with them is zero. It allocates nothing and does not keep the text.
func Parse(text []byte) (Hash, error) {
	hash, err := Key(text)
	if err != nil {
		return Hash{}, err
	}
	const end = Length - checksumLength
	if checksum(text[:end]) != [checksumLength]byte(text[end:]) {
		return Hash{}, ErrChecksum
	}
	return hash, nil
}

// Key is Parse without the checksum, for a look-up among tokens that are known: theirs were right.
func Key(text []byte) (Hash, error) {
	if !HasPrefix(text) {
		return Hash{}, ErrNotOurs
	}
	if len(text) != Length {
		return Hash{}, ErrMalformed
	}
	for _, c := range text[len(Prefix):] {
		if !isDigit[c] {
			return Hash{}, ErrMalformed
		}
	}
	return sha256.Sum256(text), nil
}

// HasPrefix tells whether the text claims to be a token.
func HasPrefix(text []byte) bool {
	return len(text) >= len(Prefix) && string(text[:len(Prefix)]) == Prefix
}

// Find tells whether something with the form of a token stands anywhere in the text, whatever stands around it and
// whatever its checksum. The text must be decoded: percent escapes and base64 are not looked through.
func Find(text []byte) bool {
	_, found := next(text)
	return found
}

// Repeats tells whether two such things stand in the text, one behind the other.
func Repeats(text []byte) bool {
	if len(text) < 2*Length {
		return false
	}
	behind, _ := next(text)
	return Find(behind)
}

// next gives what stands behind the first one. It looks for the end of the prefix, which is rare.
func next(text []byte) (behind []byte, found bool) {
	const last = len(Prefix) - 1
	for len(text) >= Length {
		at := bytes.IndexByte(text[last:], Prefix[last])
		if at < 0 {
			break
		}
		if string(text[at:at+last]) != Prefix[:last] {
			text = text[at+1:]
			continue
		}
		text = text[at+len(Prefix):]
		n := 0
		for n < len(text) && n < bodyLength && isDigit[text[n]] {
			n++
		}
		if n == bodyLength {
			return text[n:], true
		}
	}
	return nil, false
}

// LastFour gives the last four characters of a token, which may be shown to tell tokens apart: they are part of the
// checksum. It gives nothing for anything shorter than a token.
func LastFour(s Secret) string {
	text := s.Reveal()
	if len(text) < Length {
		return ""
	}
	return text[len(text)-4:]
}

// isDigit are the characters of digits.
var isDigit = func() (is [256]bool) {
	for _, c := range []byte(digits) {
		is[c] = true
	}
	return is
}()

// checksum gives the CRC-32 in base 62; six digits hold every 32-bit number.
func checksum(text []byte) (sum [checksumLength]byte) {
	n := crc32.ChecksumIEEE(text)
	for i := len(sum) - 1; i >= 0; i-- {
		sum[i] = digits[n%uint32(len(digits))]
		n /= uint32(len(digits))
	}
	return sum
}
