package proxy

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"strings"
	"time"

	"patgate/proxy/header"
	"patgate/token"
)

// seals makes what patgate gives out where the forge would give out a token: an opaque text that is of use at patgate
// alone, and says there for which patgate token it was made, until when it holds, and what the forge gave, if anything.
// The patgate token is looked up at each request, so that it does not outlive it. The key lives as long as the process:
// clients of an earlier one are sent for a new text.
type seals struct{ aead cipher.AEAD }

// sealKind is what a sealed text is good for, and how it begins.
type sealKind string

const (
	sealNone     sealKind = ""
	sealRegistry sealKind = "pgr." // below /v2/
	sealConan    sealKind = "pgc." // on Conan's rows
	sealTicket   sealKind = "pgt." // on rows where the forge takes nothing but a token of its own answer
)

// sealKindOf gives the kind that a text says it is.
func sealKindOf(text []byte) sealKind {
	for _, k := range [...]sealKind{sealRegistry, sealConan, sealTicket} {
		if hasPrefix(text, string(k)) {
			return k
		}
	}
	return sealNone
}

func newSeals() (seals, error) {
	var key [32]byte
	_, _ = rand.Read(key[:]) // never fails (crypto/rand)
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return seals{}, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	return seals{aead}, err
}

// sealHead is the hash and the time in front of what the forge gave.
const sealHead = len(token.Hash{}) + 8

// seal makes the text. inner may be empty.
func (s *seals) seal(kind sealKind, hash token.Hash, until time.Time, inner string) string {
	plain := binary.BigEndian.AppendUint64(append(make([]byte, 0, sealHead+len(inner)), hash[:]...), uint64(until.Unix()))
	return string(kind) + base64.RawURLEncoding.EncodeToString(s.aead.Seal(nil, nil, append(plain, inner...), []byte(kind)))
}

// open is the reverse of seal; ok is false for anything else, and for what is over.
func (s *seals) open(kind sealKind, text []byte, now time.Time) (hash token.Hash, inner []byte, ok bool) {
	encoded, found := bytes.CutPrefix(text, []byte(kind))
	if !found || bytes.ContainsAny(encoded, "\r\n") { // which the decoder skips
		return hash, nil, false
	}
	raw, err := base64.RawURLEncoding.Strict().AppendDecode(nil, encoded)
	if err != nil {
		return hash, nil, false
	}
	plain, err := s.aead.Open(nil, nil, raw, []byte(kind))
	if err != nil || len(plain) < sealHead || now.Unix() >= int64(binary.BigEndian.Uint64(plain[len(hash):])) {
		return hash, nil, false
	}
	copy(hash[:], plain)
	return hash, plain[sealHead:], true
}

// sealedRequest is what an exchange keeps of a sealed text that came in the place of a patgate token.
type sealedRequest struct {
	kind   sealKind // none: the token itself came, or something else
	hash   token.Hash
	ticket []byte // of the forge, in the query
}

var (
	refuseBearer = refusal401("The registry needs a token of the token service.", challengeMissing)
	refuseSealed = refusal401("The token is over, was not made here, or is not good for this.", challengeToken)
)

func refusal401(message string, c challenge) *refusal {
	return &refusal{status: 401, reason: "no_credential", message: message, challenge: c}
}

// openSealed finds out whose sealed text a request carries. It is looked for where one is good for something, and refused
// everywhere else. Below /v2/ nothing else counts: only the token service is told the patgate token itself. A registry that
// the forge serves itself takes Basic, too.
func (x *exchange) openSealed() *refusal {
	registry, own := x.surface == surfaceRegistry && below(x.path, "/v2"), x.toOwnRegistry()
	if registry && !own && x.cred.caller == callerPatgate {
		return refuseBearer
	}
	if x.cred.caller != callerLegacy {
		return nil
	}
	if r, found := x.openTicket(); found {
		return r
	}
	scheme, text, _ := bytes.Cut(x.fields.Get(header.Authorization), []byte{' '})
	text = header.TrimSpace(text)
	kind := sealKindOf(text)
	if kind == sealNone {
		return nil
	}
	refused := refuseSealed
	if registry {
		refused = refuseBearer
	}
	if !header.EqualFold(scheme, "bearer") || registry != (kind == sealRegistry) || kind == sealTicket || kind == sealConan && x.surface != surfaceAPI {
		return refused
	}
	if x.cred.found > 1 || queryCredential(x.target) {
		return refuseSeveralCredentials
	}
	hash, inner, ok := x.h.seals.open(kind, text, time.Now())
	if !ok || x.toRegistry() && len(inner) == 0 && !x.isProbe() {
		return refused
	}
	x.sealed = sealedRequest{kind: kind, hash: hash}
	x.cred.caller, x.cred.place = callerPatgate, placeBearer
	switch {
	case kind == sealConan:
		x.cred.place = placeBasic // the forge's own Conan token is not to be had
	case len(inner) > 0:
		x.registry.jwt = inner
	}
	return nil
}

// misused refuses a sealed text on a row that it is not good for.
func (x *exchange) misused() *refusal {
	if x.sealed.kind == sealConan && (x.op.Route == nil || !strings.Contains(x.op.Route.Path, "/packages/conan/")) {
		return refuseSealed
	}
	switch {
	case x.sealed.kind == sealTicket && !ticketed(x.op.Route):
		return refuseSealed
	case x.sealed.kind != sealTicket && ticketed(x.op.Route):
		return refuseTicket
	}
	return nil
}
