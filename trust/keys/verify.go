package keys

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-json-experiment/json"

	"patgate/trust"
)

const (
	// Longest is how many bytes an ID token may have.
	Longest = 8 << 10
	// Leeway is how far the clock of an issuer may be off.
	Leeway = 30 * time.Second
)

// Token is an ID token that its issuer has signed, that is not over, and that was made lately.
type Token struct {
	Issuer   string // by its name
	URL      string // of the issuer
	Keys     string // where its keys were read, as issuer.Issuer says it
	Audience string
	// ID is its jti; empty when it has none.
	ID string
	// Signed is the part that the signature is over.
	Signed string
	// Made is when it was, and Expires when it is over.
	Made, Expires time.Time
	Claims        trust.Claims
}

// Errors of Verify beside those of Find. What they say is for the operator's log.
var (
	ErrForm      = errors.New("it is not a signed ID token in compact form")
	ErrHeader    = errors.New("its header has something that is not accepted")
	ErrClaims    = errors.New("its claims cannot be read in one way")
	ErrSignature = errors.New("its signature is not that of the issuer's key")
	ErrTime      = errors.New("it is expired, not valid yet, or too old")
	ErrAudience  = errors.New("it does not have one audience")
)

// Verify reads an ID token. maxAge is how long ago it may have been made.
func (k *Keys) Verify(ctx context.Context, raw string, maxAge time.Duration) (*Token, error) {
	parts := strings.Split(raw, ".")
	if len(raw) > Longest || len(parts) != 3 {
		return nil, ErrForm
	}
	head, payload := decode(parts[0]), decode(parts[1])
	if head == nil || payload == nil || decode(parts[2]) == nil {
		return nil, ErrForm
	}
	algorithm, id, ok := headerOf(head)
	if !ok {
		return nil, ErrHeader
	}
	claims, err := trust.ParseClaims(payload)
	if err != nil {
		return nil, ErrClaims
	}
	// What the token says of its issuer chooses among those of the configuration, and nothing else.
	url := claims["iss"].Text()
	issuer := k.at(url)
	if issuer == nil {
		return nil, ErrIssuer
	}
	if !slices.Contains(issuer.Algorithms, algorithm) {
		return nil, ErrHeader
	}
	signed, err := jose.ParseSignedCompact(raw, issuer.Algorithms)
	if err != nil {
		return nil, ErrForm
	}
	t := &Token{Issuer: issuer.Name, URL: url, Keys: issuer.Keys(), ID: claims["jti"].Text(),
		Signed: parts[0] + "." + parts[1], Claims: claims}
	if err := t.readTimes(k.now(), maxAge); err != nil { // what is over is not worth a question to its issuer
		return nil, err
	}
	if t.Audience = oneOf(claims["aud"]); t.Audience == "" {
		return nil, ErrAudience
	}
	found, err := k.of(ctx, issuer, id, algorithm)
	if err != nil {
		return nil, err
	}
	for i := range found {
		if verified, err := signed.Verify(found[i].Key); err == nil && bytes.Equal(verified, payload) {
			return t, nil
		}
	}
	return nil, ErrSignature
}

// Shaped tells whether a text has the form of an ID token, by a glance. Issuers begin theirs with a header in JSON without
// blanks.
func Shaped(text []byte) bool {
	return len(text) <= Longest && bytes.HasPrefix(text, []byte("eyJ")) && bytes.Count(text, []byte{'.'}) == 2
}

// Says gives the URL of the configured issuer and the audience that a text which is Shaped names as its own. Nothing of that is
// verified, nobody is asked, and what is of another issuer costs next to nothing. Not ok: it is no token of such an issuer with
// one audience.
func (k *Keys) Says(raw string) (url, audience string, ok bool) {
	_, rest, _ := strings.Cut(raw, ".")
	part, _, _ := strings.Cut(rest, ".")
	return trust.Said(decode(part), func(issuer []byte) bool { return k.at(string(issuer)) != nil })
}

// decode reads a part of a token; nil when it is empty or not written in the one way.
func decode(part string) []byte {
	data, err := base64.RawURLEncoding.Strict().DecodeString(part)
	if err != nil || len(data) == 0 || strings.ContainsAny(part, "\r\n") {
		return nil
	}
	return data
}

// headerOf reads a header. It may name algorithm and key, and nothing that brings a key along or changes what is signed.
func headerOf(data []byte) (a jose.SignatureAlgorithm, id string, ok bool) {
	var header map[string]any
	if err := json.Unmarshal(data, &header); err != nil {
		return "", "", false
	}
	for name, value := range header {
		text, isText := value.(string)
		switch name {
		case "alg":
			a = jose.SignatureAlgorithm(text)
		case "kid":
			id = text
		case "typ":
			isText = isText && strings.EqualFold(text, "JWT")
		case "x5t", "x5t#S256": // fingerprints of certificates, beside kid
		default:
			return "", "", false
		}
		if !isText {
			return "", "", false
		}
	}
	return a, id, id != "" && slices.Contains(Algorithms(), a)
}

// oneOf gives the audience of a token that has one: whoever else a token is for could bring it here.
func oneOf(v trust.Value) string {
	if len(v.Texts) != 1 || v.Odd || v.Number {
		return ""
	}
	return v.Texts[0]
}

// LongestLife is how long an ID token may live at most: what was traded once is remembered for that long.
const LongestLife = 24 * time.Hour

// readTimes reads when a token was made and ends. Both must be said.
func (t *Token) readTimes(now time.Time, maxAge time.Duration) error {
	at := func(name string) (time.Time, bool) {
		v := t.Claims[name]
		seconds, err := strconv.ParseInt(v.Text(), 10, 64)
		return time.Unix(seconds, 0), err == nil && v.Number && seconds > 0 && seconds < 1<<40
	}
	expires, ok := at("exp")
	if !ok || !now.Before(expires.Add(Leeway)) {
		return ErrTime
	}
	made, ok := at("iat")
	if !ok || made.After(now.Add(Leeway)) || now.Sub(made) > maxAge+Leeway || expires.Sub(made) > LongestLife {
		return ErrTime
	}
	if _, has := t.Claims["nbf"]; has {
		if begins, ok := at("nbf"); !ok || begins.After(now.Add(Leeway)) {
			return ErrTime
		}
	}
	t.Made, t.Expires = made, expires
	return nil
}
