package surface

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"time"

	"patgate/proxy/header"
	"patgate/token"
)

// Seals makes what patgate gives out where the forge would give out a token: an opaque text that is of use at patgate
// alone, and says there for which patgate token it was made, until when it holds, and what the forge gave, if anything.
// The patgate token is looked up at each request, so that it does not outlive it.
type Seals struct{ By Sealer }

// Sealer makes texts that only it, or another with the same keys, can read or make. About is what a text is for: it opens for
// nothing else.
type Sealer interface {
	Seal(plain, about []byte) []byte
	Open(sealed, about []byte) (plain []byte, ok bool)
}

// SealKind is what a sealed text is good for, and how it begins.
type SealKind string

// The kinds.
const (
	SealNone     SealKind = ""
	SealRegistry SealKind = "pgr." // below /v2/
	SealConan    SealKind = "pgc." // on Conan's rows
	SealTicket   SealKind = "pgt." // on rows where the forge takes nothing but a token of its own answer
	SealFile     SealKind = "pgf." // beside the token itself, in the address of a file: see FileTicket
	SealIDToken  SealKind = "eyJ"  // anywhere: an ID token that stands for a token, and was not made here
)

// KindOf gives the kind that a text says it is.
func KindOf(text []byte) SealKind {
	for _, k := range [...]SealKind{SealRegistry, SealConan, SealTicket, SealFile} {
		if header.HasPrefix(text, string(k)) {
			return k
		}
	}
	return SealNone
}

// SealLife is how long a sealed text holds at most.
const SealLife = 24 * time.Hour

// clocksApart is how far the clock of the node that made a text may be ahead.
const clocksApart = time.Minute

// sealHead is the hash and the time in front of what the forge gave.
const sealHead = len(token.Hash{}) + 8

// Seal makes the text. inner is a JWT, or empty, but for SealFile.
func (s *Seals) Seal(kind SealKind, hash token.Hash, until time.Time, inner string) string {
	plain := binary.BigEndian.AppendUint64(append(make([]byte, 0, sealHead+len(inner)), hash[:]...), uint64(until.Unix()))
	return string(kind) + base64.RawURLEncoding.EncodeToString(s.By.Seal(append(plain, inner...), []byte(kind)))
}

// Open is the reverse of Seal. ok is false for any other text, for one that has ended, and for one that would hold longer than
// Seal's do.
func (s *Seals) Open(kind SealKind, text []byte, now time.Time) (sealed Sealed, ok bool) {
	encoded, found := bytes.CutPrefix(text, []byte(kind))
	if !found || bytes.ContainsAny(encoded, "\r\n") { // which the decoder skips
		return Sealed{}, false
	}
	raw, err := base64.RawURLEncoding.Strict().AppendDecode(nil, encoded)
	if err != nil {
		return Sealed{}, false
	}
	plain, ok := s.By.Open(raw, []byte(kind))
	if !ok || len(plain) < sealHead {
		return Sealed{}, false
	}
	sealed = Sealed{Kind: kind, Inner: plain[sealHead:]}
	sealed.Until = time.Unix(int64(binary.BigEndian.Uint64(plain[len(sealed.Hash):])), 0)
	copy(sealed.Hash[:], plain)
	left := sealed.Until.Sub(now)
	if left <= 0 || left > SealLife+clocksApart || kind != SealFile && len(sealed.Inner) > 0 && !IsJWT(string(sealed.Inner)) {
		return Sealed{}, false
	}
	return sealed, true
}
