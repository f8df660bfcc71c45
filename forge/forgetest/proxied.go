package forgetest

import (
	"crypto/ecdsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"math/big"
	"net/http"
	"strings"
	"time"
)

// ServeDependencyProxy makes the forge answer below /v2/ as GitLab's dependency proxy does (app/controllers/groups/
// dependency_proxy_for_containers_controller.rb, 19.3), with the images of the registry at an origin. With a storage origin
// it redirects there for blobs, as GitLab does to object storage. ServeRegistryTokens must have been called.
func (f *Forge) ServeDependencyProxy(registry, storage string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.proxied = &proxied{registry, storage}
}

// proxied is where the dependency proxy has its images from.
type proxied struct{ registry, storage string }

// serveV2 answers below /v2/. The token names the user, and holds the very credential that bought it.
func (f *Forge) serveV2(w http.ResponseWriter, r *http.Request, rec *record, path string) {
	claims, valid := f.verified(r.Header.Get("Authorization"))
	secret, _ := claims["personal_access_token"].(string)
	rec.mu.Lock()
	rec.Credential, rec.Secret = "Bearer", secret
	rec.mu.Unlock()
	f.mu.Lock()
	var u *user
	if t := f.world.tokens[secret]; valid && t != nil && !t.revoked {
		u = f.world.users[t.user]
	}
	f.mu.Unlock()
	if u == nil {
		w.Header().Set("WWW-Authenticate", `Bearer realm="`+f.external+`/jwt/auth",service="dependency_proxy"`)
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	if path == "/v2" || path == "/v2/" {
		return
	}
	group, image, found := strings.Cut(strings.TrimPrefix(path, "/v2/"), "/dependency_proxy/containers/")
	f.mu.Lock()
	g := f.world.groupByPath(group)
	readable := found && g != nil && f.world.groupLevel(g.id, u.id) >= Guest
	f.mu.Unlock()
	if !readable {
		http.NotFound(w, r)
		return
	}
	target := f.proxied.registry + "/v2/" + image
	if f.proxied.storage != "" && strings.Contains(image, "/blobs/") {
		http.Redirect(w, r, f.proxied.storage+"/v2/"+image+"?X-Amz-Signature=0123456789abcdef", http.StatusFound)
		return
	}
	request, err := http.NewRequestWithContext(r.Context(), r.Method, target, nil)
	if err != nil {
		panic("forgetest: " + err.Error())
	}
	request.Header["Accept"] = r.Header["Accept"]
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		http.Error(w, "the registry is away", http.StatusServiceUnavailable)
		return
	}
	defer response.Body.Close()
	for _, name := range []string{"Content-Type", "Content-Length", "Docker-Content-Digest",
		"Docker-Distribution-Api-Version", "Etag"} {
		if v := response.Header.Get(name); v != "" {
			w.Header().Set(name, v)
		}
	}
	w.WriteHeader(response.StatusCode)
	_, _ = io.Copy(w, response.Body)
}

// verified gives the claims of a bearer token that the forge has signed and that is not over.
func (f *Forge) verified(authorization string) (claims map[string]any, ok bool) {
	text, found := strings.CutPrefix(authorization, "Bearer ")
	parts := strings.Split(text, ".")
	if !found || len(parts) != 3 || f.signer == nil {
		return nil, false
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	signature, err2 := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil || err2 != nil || len(signature) != 64 || json.Unmarshal(payload, &claims) != nil {
		return nil, false
	}
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	expires, _ := claims["exp"].(float64)
	ok = ecdsa.Verify(&f.signer.key.PublicKey, sum[:], new(big.Int).SetBytes(signature[:32]),
		new(big.Int).SetBytes(signature[32:])) &&
		time.Now().Unix() < int64(expires)
	return claims, ok
}
