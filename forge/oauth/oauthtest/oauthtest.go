// Package oauthtest is the part of a stand-in forge by which applications come by access tokens: the authorization code grant
// with PKCE, as GitLab's Doorkeeper has it.
package oauthtest

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
)

// Application is an application that is registered. A public one has no secret.
type Application struct{ ID, Secret, Redirect string }

// Server answers POST /oauth/token and /oauth/revoke for one application, and leaves everything else to Forge. Issue makes an
// access token, Revoke ends it. A Fault that is not zero is the status of every answer about tokens.
type Server struct {
	Application
	Forge  http.Handler
	Issue  func(user int64, scopes []string) string
	Revoke func(secret string)
	Fault  int

	mu    sync.Mutex
	codes map[string]agreed
}

// agreed is what a user has let the application have; the verifier opens it.
type agreed struct {
	user           int64
	challenge, may string
}

// Agree is a user who follows an address to the authorization page and agrees. It gives where the browser is sent then.
func (s *Server) Agree(user int64, address string) (back string, err error) {
	u, err := url.Parse(address)
	if err != nil {
		return "", err
	}
	in := u.Query()
	switch {
	case !strings.HasSuffix(u.Path, "/oauth/authorize") || in.Get("response_type") != "code":
		return "", fmt.Errorf("%s asks for no code", address)
	case s.ID != in.Get("client_id") || s.Redirect != in.Get("redirect_uri"):
		return "", fmt.Errorf("%s is for no application that is registered", address)
	case in.Get("code_challenge_method") != "S256" || in.Get("code_challenge") == "":
		return "", fmt.Errorf("%s has no challenge", address)
	}
	code := rand.Text()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.codes == nil {
		s.codes = map[string]agreed{}
	}
	s.codes[code] = agreed{user, in.Get("code_challenge"), in.Get("scope")}
	return s.Redirect + "?" + url.Values{"code": {code}, "state": {in.Get("state")}}.Encode(), nil
}

// ServeHTTP answers a request. A code is good once.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/oauth/token" && r.URL.Path != "/oauth/revoke" {
		s.Forge.ServeHTTP(w, r)
		return
	}
	answer := func(status int, body any) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(body)
	}
	if r.Method != http.MethodPost || r.ParseForm() != nil {
		answer(http.StatusBadRequest, map[string]string{"error": "invalid_request"})
		return
	}
	in := r.PostForm
	if s.Fault != 0 {
		answer(s.Fault, map[string]string{"error": "invalid_client"})
		return
	}
	if r.URL.Path == "/oauth/revoke" {
		if s.ID == in.Get("client_id") && s.Secret == in.Get("client_secret") {
			s.Revoke(in.Get("token"))
		}
		answer(http.StatusOK, map[string]string{})
		return
	}
	s.mu.Lock()
	code, known := s.codes[in.Get("code")]
	delete(s.codes, in.Get("code"))
	s.mu.Unlock()
	sum := sha256.Sum256([]byte(in.Get("code_verifier")))
	switch {
	case s.ID != in.Get("client_id") || s.Secret != in.Get("client_secret"):
		answer(http.StatusUnauthorized, map[string]string{"error": "invalid_client"})
	case !known || in.Get("grant_type") != "authorization_code" || s.Redirect != in.Get("redirect_uri") ||
		code.challenge != base64.RawURLEncoding.EncodeToString(sum[:]):
		answer(http.StatusBadRequest, map[string]string{"error": "invalid_grant"})
	default:
		answer(http.StatusOK, map[string]any{"access_token": s.Issue(code.user, strings.Fields(code.may)), "token_type": "Bearer",
			"expires_in": 7200, "scope": code.may})
	}
}
