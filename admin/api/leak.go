package api

import (
	"cmp"
	"context"
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net/http"
	"strings"

	"github.com/go-json-experiment/json"

	"patgate/admin/terms"
	"patgate/token"
)

// LeakType is what patgate's tokens are called in leak reports.
const LeakType = "patgate_token"

// Leaks takes reports of tokens that were found in public places, and revokes the tokens. It knows two forms: that of GitHub's
// secret scanning partners, whose reports are signed, and that of GitLab's Token Revocation API, whose sender shows a token
// agreed upon. A form whose field is empty is off.
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

// leakPaths gives the paths of leak reports, as far as they are on.
func (h *Handler) leakPaths() {
	l := h.o.Leaks
	if l != nil && l.GitHubKey != nil {
		h.handle("POST "+leaks+"github", l.signed, func(q *call) (*reply, error) {
			return q.take("github secret scanning", answer(http.StatusOK, []object{}))
		})
	}
	if l != nil && !l.GitLabToken.Empty() {
		h.handle("GET "+leaks+"gitlab/v1/revocable_token_types", l.shown, func(*call) (*reply, error) {
			return answer(http.StatusOK, object{"types": []string{LeakType}}), nil
		})
		h.handle("POST "+leaks+"gitlab/v1/revoke_tokens", l.shown, func(q *call) (*reply, error) {
			return q.take("gitlab token revocation", noContent())
		})
	}
}

// shown refuses who does not show GitLab's token.
func (l *Leaks) shown(q *call) (*reply, error) {
	sent := strings.TrimPrefix(q.Header.Get("Authorization"), "Bearer ")
	if subtle.ConstantTimeCompare([]byte(sent), []byte(l.GitLabToken.Reveal())) != 1 {
		return message(http.StatusUnauthorized, "401 Unauthorized"), nil
	}
	return nil, nil
}

// signed refuses what was not signed by GitHub: ECDSA over P-256 and SHA-256, in ASN.1 and base64.
func (l *Leaks) signed(q *call) (*reply, error) {
	id := q.Header.Get("Github-Public-Key-Identifier")
	signature, err := base64.StdEncoding.DecodeString(q.Header.Get("Github-Public-Key-Signature"))
	if err == nil && id != "" && len(id) <= 256 && len(signature) > 0 {
		key, err := l.GitHubKey(q.Context(), id)
		if err != nil {
			q.o.Report(err)
		}
		sum := sha256.Sum256(q.body)
		if err == nil && key != nil && ecdsa.VerifyASN1(key, sum[:], signature) {
			return nil, nil
		}
	}
	return message(http.StatusUnauthorized, "401 Unauthorized - the signature does not match"), nil
}

// take revokes what a report names. What is no token of patgate's is passed over: a report may hold both.
func (q *call) take(by string, taken *reply) (*reply, error) {
	var found []leak
	const most = 1000
	if err := json.Unmarshal(q.body, &found); err != nil || len(found) > most {
		return message(http.StatusBadRequest, "400 Bad request - the body must be a JSON list of found tokens"), nil
	}
	for i := range found {
		where := cmp.Or(found[i].URL, found[i].Location)
		_, err := q.o.Tokens.RevokeSecret(q.Context(), by, []byte(found[i].Token), leaked(where))
		if err != nil && !unknownSecret(err) {
			return nil, err
		}
	}
	return taken, nil
}

// leaked says, to the owner, where the token was found.
func leaked(where string) string {
	const longest = 200
	invisible := func(r rune) bool { return r <= ' ' || r > '~' }
	plain := where != "" && len(where) <= longest && !strings.ContainsFunc(where, invisible) && !token.Find([]byte(where))
	if !plain {
		return terms.Leaked + "it was found in public"
	}
	return terms.Leaked + "it was found at " + where
}
