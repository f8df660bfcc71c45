package forgetest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"net/http"
	"strings"
	"time"
)

// ServeRegistryTokens makes the forge answer /jwt/auth as GitLab does (app/services/auth/container_registry_
// authentication_service.rb, 19.3), for a registry that trusts the certificate that it gives, in PEM.
func (f *Forge) ServeRegistryTokens() ([]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "stand-in forge"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.signer = &registrySigner{key, base64.StdEncoding.EncodeToString(der)}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), nil
}

// registrySigner signs tokens for the registry.
type registrySigner struct {
	key         *ecdsa.PrivateKey
	certificate string
}

// serveJWT answers /jwt/auth: all values of scope count, in both spellings, and what the user may not do is left out.
func (f *Forge) serveJWT(w http.ResponseWriter, r *http.Request, rec *record) {
	u, known := f.basicUser(r, rec)
	fail := func(status int, code, message string) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(map[string]any{"errors": []any{map[string]string{"code": code, "message": message}}})
	}
	query := r.URL.Query()
	services := query["service"]
	switch {
	case !known:
		fail(http.StatusUnauthorized, "UNAUTHORIZED", "HTTP Basic: Access denied.")
		return
	case r.Method != http.MethodGet:
		http.NotFound(w, r)
		return
	case len(services) > 0 && services[len(services)-1] == "dependency_proxy":
		if u == nil {
			fail(http.StatusForbidden, "DENIED", "access forbidden")
			return
		}
		_, secret, _ := r.BasicAuth() // GitLab's token carries the credential itself
		end := time.Now().Add(5 * time.Minute).Unix()
		f.signed(w, map[string]any{"user_id": u.id, "personal_access_token": secret, "exp": end})
		return
	case len(services) == 0 || services[len(services)-1] != "container_registry":
		fail(http.StatusNotFound, "UNSUPPORTED", "The requested authentication service is not supported.")
		return
	}
	access := []any{}
	f.mu.Lock()
	for _, value := range query["scope"] {
		for _, scope := range strings.Fields(value) {
			parts := strings.SplitN(scope, ":", 3)
			if len(parts) != 3 || parts[0] != "repository" {
				continue
			}
			if actions := f.world.registryActions(parts[1], strings.Split(parts[2], ","), u); len(actions) > 0 {
				access = append(access, map[string]any{"type": "repository", "name": parts[1], "actions": actions})
			}
		}
	}
	f.mu.Unlock()
	subject := ""
	if u != nil {
		subject = u.username
	}
	now := time.Now()
	f.signed(w, map[string]any{
		"iss":    "gitlab-issuer",
		"aud":    "container_registry",
		"sub":    subject,
		"access": access,
		"jti":    now.String(),
		"iat":    now.Unix(),
		"nbf":    now.Add(-5 * time.Second).Unix(),
		"exp":    now.Add(5 * time.Minute).Unix(),
	})
}

// registryActions gives the asked actions that a user may do; the project is the longest of the three longest prefixes.
func (w *world) registryActions(name string, asked []string, u *user) []string {
	var p *project
	path := strings.ToLower(name)
	for range 3 {
		if p = w.projectByPath(path); p != nil {
			break
		}
		i := strings.LastIndexByte(path, '/')
		if i < 0 {
			return nil
		}
		path = path[:i]
	}
	if p == nil || u == nil {
		return nil
	}
	level := w.projectLevel(p, u.id)
	needed := map[string]int{"pull": Reporter, "push": Developer, "delete": Maintainer, "*": Maintainer}
	var actions []string
	for _, action := range asked {
		if least := needed[action]; least > 0 && level >= least {
			actions = append(actions, action)
		}
	}
	return actions
}

// signed answers with a token.
func (f *Forge) signed(w http.ResponseWriter, claims map[string]any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]string{"token": f.sign(claims)})
}

// sign makes a token: ES256, with the certificate of its key.
func (f *Forge) sign(claims map[string]any) string {
	encode := func(v any) string {
		data, _ := json.Marshal(v)
		return base64.RawURLEncoding.EncodeToString(data)
	}
	text := encode(map[string]any{"typ": "JWT", "alg": "ES256", "x5c": []string{f.signer.certificate}}) + "." + encode(claims)
	sum := sha256.Sum256([]byte(text))
	r, s, err := ecdsa.Sign(rand.Reader, f.signer.key, sum[:])
	if err != nil {
		panic("forgetest: " + err.Error())
	}
	signature := make([]byte, 2*crypto.SHA256.Size())
	r.FillBytes(signature[:32])
	s.FillBytes(signature[32:])
	return text + "." + base64.RawURLEncoding.EncodeToString(signature)
}
