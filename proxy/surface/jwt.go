package surface

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"
)

// JWTLetters are what a JWT may hold (RFC 7519, 3).
const JWTLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_."

// IsJWT tells whether a text has only these.
func IsJWT(text string) bool { return text != "" && strings.Trim(text, JWTLetters) == "" }

// ExpiryOf reads when a JWT ends (RFC 7519, 4.1.4); the zero time when it does not say.
func ExpiryOf(jwt string) time.Time {
	parts := strings.Split(jwt, ".")
	if len(parts) != 3 {
		return time.Time{}
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	var claims struct {
		Expires int64 `json:"exp"`
	}
	if err != nil || json.Unmarshal(payload, &claims) != nil || claims.Expires <= 0 {
		return time.Time{}
	}
	return time.Unix(claims.Expires, 0)
}
