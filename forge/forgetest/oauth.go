package forgetest

import (
	"net/http"
	"strings"
)

// serveTokenInfo (app/controllers/oauth/token_info_controller.rb) takes OAuth access tokens alone, as Bearer or in the query.
func (f *Forge) serveTokenInfo(w http.ResponseWriter, r *http.Request, rec *record) {
	secret := r.URL.Query().Get("access_token")
	place := "access_token"
	if scheme, rest, _ := strings.Cut(header(r, "Authorization"), " "); secret == "" && strings.EqualFold(scheme, "Bearer") {
		place, secret = "Bearer", strings.TrimSpace(rest)
	}
	rec.mu.Lock()
	rec.Credential, rec.Secret = place, secret
	rec.mu.Unlock()
	f.mu.Lock()
	defer f.mu.Unlock()
	t := f.world.tokens[secret]
	if t == nil || t.kind != "oauth" || t.revoked || !t.expires.IsZero() && !f.now().Before(t.expires) {
		answerOAuthError(http.StatusUnauthorized, "invalid_token", "The access token is invalid").write(w)
		return
	}
	if u := f.world.users[t.user]; u != nil {
		rec.mu.Lock()
		rec.User = u.username
		rec.mu.Unlock()
	}
	ok(object{"resource_owner_id": t.user, "scope": t.scopes, "scopes": t.scopes, "expires_in": nil, "expires_in_seconds": nil,
		"application": object{"uid": t.application}, "created_at": t.created.Unix()}).write(w)
}
