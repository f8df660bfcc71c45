package forgetest

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// Options says how a Forge presents itself.
type Options struct {
	// ExternalURL is the address that the forge believes to have and puts into links, redirects and Link headers,
	// whatever Host a request names. Default "https://gitlab.example".
	ExternalURL string
	// Version is what /version answers. Default "19.3.0-ee".
	Version string
	// Now is the clock for times in answers and for the expiry of tokens. Default time.Now.
	Now func() time.Time
	// KeepRequests bounds how many received requests are remembered. Default 10,000; the oldest are dropped first.
	KeepRequests int
}

// Forge is the stand-in. Its methods may be called from several goroutines, also while it serves.
type Forge struct {
	external string
	version  string
	now      func() time.Time
	routes   []route
	git      *gitServer      // nil: none is served
	signer   *registrySigner // nil: no registry's tokens are
	proxied  *proxied        // nil: there is no dependency proxy

	mu    sync.Mutex // guards world
	world world

	records records
	faults  faults
}

// New makes a forge with an empty world.
func New(o Options) *Forge {
	if o.ExternalURL == "" {
		o.ExternalURL = "https://gitlab.example"
	}
	if o.Version == "" {
		o.Version = "19.3.0-ee"
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.KeepRequests == 0 {
		o.KeepRequests = 10_000
	}
	f := &Forge{external: strings.TrimSuffix(o.ExternalURL, "/"), version: o.Version, now: o.Now}
	f.world.init()
	f.records.limit = o.KeepRequests
	f.routes = apiRoutes()
	return f
}

// ServeHTTP records the request, applies the fault that was planted for it, if any, and answers it.
func (f *Forge) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	rec := f.records.begin(r)
	out := &recordingWriter{ResponseWriter: w, record: rec}
	body := newHashingBody(r.Body, rec)
	r.Body = body
	defer body.finish()
	if f.faults.apply(out, r) {
		return
	}
	f.serve(out, r, rec)
}

// serve finds the surface that a request is for, by the path as it was sent.
func (f *Forge) serve(w http.ResponseWriter, r *http.Request, rec *record) {
	raw := rawPath(r)
	if name, suffix, isRepository := isGit(raw); isRepository && f.git != nil {
		f.git.serve(w, r, rec, name, suffix)
		return
	}
	if raw == "/jwt/auth" && f.signer != nil {
		f.serveJWT(w, r, rec)
		return
	}
	if raw == "/oauth/token/info" {
		f.serveTokenInfo(w, r, rec)
		return
	}
	if (raw == "/v2" || strings.HasPrefix(raw, "/v2/")) && f.proxied != nil {
		f.serveV2(w, r, rec, raw)
		return
	}
	segments, ok := pathSegments(raw)
	if !ok {
		answerError(400, "400 Bad request").write(w)
		return
	}
	switch {
	case len(segments) >= 2 && segments[0].raw == "api" && segments[1].raw == "v4":
		f.serveAPI(w, r, rec, segments[2:])
	case len(segments) >= 2 && segments[0].raw == "api" &&
		(segments[1].raw == "graphql" || strings.HasPrefix(segments[1].raw, "graphql.")):
		f.serveGraphQL(w, r, rec)
	case len(segments) == 2 && segments[0].raw == "-" && segments[1].raw == "cable":
		f.serveCable(w, r, rec)
	case f.serveWeb(w, r, rec, raw):
	default:
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.WriteHeader(http.StatusNotFound)
		_, _ = w.Write([]byte("<!DOCTYPE html><title>The page could not be found (404)</title>\n"))
	}
}

// rawPath is the path of the request target as it was sent, without the query.
func rawPath(r *http.Request) string {
	target := r.RequestURI
	if target == "" {
		target = r.URL.RequestURI()
	}
	if i := strings.Index(target, "://"); i > 0 && !strings.HasPrefix(target, "/") { // absolute form
		rest := target[i+3:]
		if j := strings.IndexByte(rest, '/'); j >= 0 {
			target = rest[j:]
		} else {
			target = "/"
		}
	}
	path, _, _ := strings.Cut(target, "?")
	return path
}

// segment is one part of a path, as sent and decoded once.
type segment struct{ raw, text string }

// pathSegments reads a path as GitLab does: repeated slashes are one, a trailing one is dropped, segments are decoded once.
func pathSegments(raw string) ([]segment, bool) {
	var out []segment
	for part := range strings.SplitSeq(raw, "/") {
		if part == "" {
			continue
		}
		text, err := url.PathUnescape(part)
		if err != nil || strings.ContainsRune(text, 0) || part == ".." {
			return nil, false
		}
		out = append(out, segment{part, text})
	}
	return out, true
}
