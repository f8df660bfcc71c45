package api

import (
	"context"
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net/http"
	"strings"

	"github.com/go-json-experiment/json"

	"patgate/token"
)

// LeakType is what patgate's tokens are called in leak reports.
const LeakType = "patgate_token"

// Leaks takes reports of tokens that were found where everybody can read them, and revokes them. Two forms are spoken: that
// of GitHub's secret scanning partners, whose reports are signed, and that of GitLab's Token Revocation API, whose sender
// shows a token agreed upon. A form whose field is empty is off.
type Leaks struct {
	// GitHubKey gives the public key of an identifier, from the list that GitHub publishes; nil when there is none.
	GitHubKey func(ctx context.Context, id string) (*ecdsa.PublicKey, error)
	// GitLabToken is what GitLab sends as Authorization.
	GitLabToken token.Secret
}

// leak is one found token, in either form.
type leak struct {
	Token    string `json:"token"`
	Type     string `json:"type"`
	URL      string `json:"url"`
	Source   string `json:"source"`
	Location string `json:"location"`
}

func (l *Leaks) answer(ctx context.Context, h *Handler, r *Request, path string) Answer {
	switch {
	case path == "github" && r.Method == http.MethodPost && l.GitHubKey != nil:
		if !l.signed(ctx, h, r) {
			return message(http.StatusUnauthorized, "401 Unauthorized - the signature does not fit")
		}
		return l.take(ctx, h, r, "github secret scanning", http.StatusOK)
	case path == "gitlab/v1/revocable_token_types" && r.Method == http.MethodGet && !l.GitLabToken.Empty():
		if !l.shown(r) {
			return message(http.StatusUnauthorized, "401 Unauthorized")
		}
		return answer(http.StatusOK, object{"types": []string{LeakType}})
	case path == "gitlab/v1/revoke_tokens" && r.Method == http.MethodPost && !l.GitLabToken.Empty():
		if !l.shown(r) {
			return message(http.StatusUnauthorized, "401 Unauthorized")
		}
		return l.take(ctx, h, r, "gitlab token revocation", http.StatusNoContent)
	}
	return message(http.StatusNotFound, "404 Not Found")
}

// shown tells whether GitLab's token was sent.
func (l *Leaks) shown(r *Request) bool {
	sent := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	return subtle.ConstantTimeCompare([]byte(sent), []byte(l.GitLabToken.Reveal())) == 1
}

// signed tells whether the body was signed by GitHub: ECDSA over P-256 and SHA-256, in ASN.1 and base64.
func (l *Leaks) signed(ctx context.Context, h *Handler, r *Request) bool {
	id := r.Header.Get("Github-Public-Key-Identifier")
	signature, err := base64.StdEncoding.DecodeString(r.Header.Get("Github-Public-Key-Signature"))
	if err != nil || id == "" || len(id) > 256 || len(signature) == 0 {
		return false
	}
	key, err := l.GitHubKey(ctx, id)
	if err != nil {
		h.o.Report(err)
		return false
	}
	sum := sha256.Sum256(r.Body)
	return key != nil && ecdsa.VerifyASN1(key, sum[:], signature)
}

// take revokes what a report names. What is no token of patgate's is passed over: a report may hold both.
func (l *Leaks) take(ctx context.Context, h *Handler, r *Request, by string, status int) Answer {
	var found []leak
	const most = 1000
	if err := json.Unmarshal(r.Body, &found); err != nil || len(found) > most {
		return message(http.StatusBadRequest, "400 Bad request - a JSON list of found tokens is wanted")
	}
	for i := range found {
		where := found[i].URL
		if where == "" {
			where = found[i].Location
		}
		_, err := h.o.Tokens.RevokeSecret(ctx, by, []byte(found[i].Token), leaked(where))
		if err != nil && !unknownSecret(err) {
			return h.failed(err)
		}
	}
	if status == http.StatusNoContent {
		return noContent()
	}
	return answer(status, []object{})
}

// leaked says, to the owner, where the token was found.
func leaked(where string) string {
	const longest = 200
	plain := where != "" && len(where) <= longest && !strings.ContainsFunc(where, func(r rune) bool { return r <= ' ' || r > '~' }) && !token.Find([]byte(where))
	if !plain {
		return "leaked: it was found in public"
	}
	return "leaked: it was found at " + where
}
