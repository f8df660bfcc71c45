package surface

import (
	"net/http"
	"testing"

	"patgate/proxy/header"
	"patgate/routes"
	"patgate/token"
)

// FuzzBasic reads an Authorization field as the gateway does and as net/http does. Where both find a password it is the
// same, and a patgate token that net/http finds is not missed. The gateway reads more leniently, as the forge does: padding may
// be absent, and what is not in the alphabet is skipped.
func FuzzBasic(f *testing.F) {
	const secret = "patgate_0123456789012345678901234567890000"
	for _, value := range []string{"Basic dTpw", "basic OnBhdGdhdGVf", "Basic ", "Basic dTpw dTpw", "Basic dQ==", "Bearer " + secret, secret,
		"Basic dTpwYXRnYXRlXzAxMjM0NTY3ODkwMTIzNDU2Nzg5MDEyMzQ1Njc4OTAwMDA="} {
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, value string) {
		raw := []byte("Host: h\r\nAuthorization: " + value + "\r\n\r\n")
		var head header.Block
		if head.Parse(raw) != "" {
			return
		}
		c := Credential{Dialect: DialectOf("")}
		refused := c.Find(&head, []byte("/api/v4/user"))
		request := http.Request{Header: http.Header{"Authorization": {string(head.Get(header.Authorization))}}}
		_, password, ok := request.BasicAuth()
		if refused == nil && c.Kind == KindPatgate && c.Auth == routes.AuthBasic && ok && password != string(c.Secret) {
			t.Fatalf("%q: found %d bytes, net/http finds ok=%v", value, len(c.Secret), ok)
		}
		if ok && token.HasPrefix([]byte(password)) && refused == nil && c.Kind != KindPatgate {
			t.Fatalf("%q: a token in a Basic password passed as %v", value, c.Kind)
		}
	})
}
