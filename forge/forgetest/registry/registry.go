// Package registry is a container registry in memory, for the demo: images can be pushed and pulled, with tokens that the
// stand-in forge signs.
package registry

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// largest is the size of the largest blob or manifest.
const largest = 256 << 20

// Registry implements http.Handler with what the Distribution specification says of pushing and pulling.
type Registry struct {
	realm string
	key   *ecdsa.PublicKey

	mu        sync.Mutex
	blobs     map[string][]byte   // by image and digest
	manifests map[string]manifest // by image, and tag or digest
	uploads   map[string][]byte   // by path
	begun     int                 // uploads ever
}

type manifest struct {
	mediaType string
	data      []byte
}

// New gives an empty registry, which sends its clients to a token service (realm) and believes what the holder of a
// certificate, in PEM, signs.
func New(realm string, certificate []byte) (*Registry, error) {
	block, _ := pem.Decode(certificate)
	if block == nil {
		return nil, errors.New("reading the certificate: it is not in PEM")
	}
	parsed, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("reading the certificate: %w", err)
	}
	key, ok := parsed.PublicKey.(*ecdsa.PublicKey)
	if !ok {
		return nil, errors.New("reading the certificate: its key is not for ECDSA")
	}
	return &Registry{realm: realm, key: key, blobs: map[string][]byte{}, manifests: map[string]manifest{},
		uploads: map[string][]byte{}}, nil
}

var paths = regexp.MustCompile(`^/v2/([a-z0-9/._-]+)/(blobs|blobs/uploads|manifests|tags)/([A-Za-z0-9:._-]*)$`)

// ServeHTTP implements http.Handler.
func (g *Registry) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	part := paths.FindStringSubmatch(r.URL.Path)
	if part == nil && r.URL.Path != "/v2/" {
		http.NotFound(w, r)
		return
	}
	action, scope := "pull", ""
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		action = "push"
	}
	if part != nil {
		scope = fmt.Sprintf(",scope=%q", "repository:"+part[1]+":"+action)
	}
	if !g.permits(r, part, action) {
		w.Header().Set("WWW-Authenticate", fmt.Sprintf("Bearer realm=%q,service=%q", g.realm, "container_registry")+scope)
		fail(w, http.StatusUnauthorized, "UNAUTHORIZED")
		return
	}
	if part == nil {
		w.WriteHeader(http.StatusOK)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, largest))
	if err != nil {
		fail(w, http.StatusRequestEntityTooLarge, "SIZE_INVALID")
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	switch image, name := part[1], part[3]; part[2] {
	case "blobs/uploads":
		g.upload(w, r, image, body)
	case "blobs":
		blob, found := g.blobs[image+"@"+name]
		answer(w, r, found, name, "application/octet-stream", blob)
	case "tags":
		tags := []string{}
		for key := range g.manifests {
			if tag, of := strings.CutPrefix(key, image+"@"); of && !strings.Contains(tag, ":") {
				tags = append(tags, tag)
			}
		}
		slices.Sort(tags)
		data, _ := json.Marshal(map[string]any{"name": image, "tags": tags})
		answer(w, r, len(tags) > 0, "", "application/json", data)
	case "manifests":
		if r.Method == http.MethodPut {
			digest := digestOf(body)
			m := manifest{r.Header.Get("Content-Type"), body}
			g.manifests[image+"@"+name], g.manifests[image+"@"+digest] = m, m
			created(w, "/v2/"+image+"/manifests/"+digest, digest)
			return
		}
		m, found := g.manifests[image+"@"+name]
		answer(w, r, found, digestOf(m.data), m.mediaType, m.data)
	}
}

// upload begins an upload, takes a part of it, or ends it.
func (g *Registry) upload(w http.ResponseWriter, r *http.Request, image string, body []byte) {
	place := r.URL.Path
	if r.Method == http.MethodPost {
		g.begun++
		place = fmt.Sprintf("/v2/%s/blobs/uploads/%d", image, g.begun)
	} else if _, begun := g.uploads[place]; !begun {
		fail(w, http.StatusNotFound, "BLOB_UPLOAD_UNKNOWN")
		return
	}
	g.uploads[place] = append(g.uploads[place], body...)
	data, digest := g.uploads[place], r.URL.Query().Get("digest")
	switch {
	case digest == "" && r.Method != http.MethodPut:
		w.Header().Set("Location", place)
		w.Header().Set("Range", fmt.Sprintf("0-%d", max(len(data)-1, 0)))
		w.WriteHeader(http.StatusAccepted)
	case digest != digestOf(data):
		fail(w, http.StatusBadRequest, "DIGEST_INVALID")
	default:
		delete(g.uploads, place)
		g.blobs[image+"@"+digest] = data
		created(w, "/v2/"+image+"/blobs/"+digest, digest)
	}
}

// permits says whether the request has a token of the forge's for what it does.
func (g *Registry) permits(r *http.Request, part []string, action string) bool {
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	signed, err := jwt.ParseSigned(token, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		return false
	}
	var claims struct {
		jwt.Claims
		Access []struct {
			Name    string   `json:"name"`
			Actions []string `json:"actions"`
		} `json:"access"`
	}
	if signed.Claims(g.key, &claims) != nil || claims.Expiry == nil ||
		claims.ValidateWithLeeway(jwt.Expected{AnyAudience: jwt.Audience{"container_registry"}, Time: time.Now()}, 0) != nil {
		return false
	}
	if part == nil {
		return true
	}
	for _, a := range claims.Access {
		if a.Name == part[1] && slices.Contains(a.Actions, action) {
			return true
		}
	}
	return false
}

func digestOf(data []byte) string { return fmt.Sprintf("sha256:%x", sha256.Sum256(data)) }

func created(w http.ResponseWriter, place, digest string) {
	w.Header().Set("Location", place)
	w.Header().Set("Docker-Content-Digest", digest)
	w.WriteHeader(http.StatusCreated)
}

// answer answers with what is there.
func answer(w http.ResponseWriter, r *http.Request, found bool, digest, mediaType string, data []byte) {
	if !found {
		fail(w, http.StatusNotFound, "UNKNOWN")
		return
	}
	w.Header().Set("Docker-Content-Digest", digest)
	w.Header().Set("Content-Type", mediaType)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
}

func fail(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"errors": []any{map[string]string{"code": code, "message": code}}})
}
