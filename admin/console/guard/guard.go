// Package guard refuses what no page of the console has sent, before anything is looked at.
package guard

import (
	"errors"
	"net/http"
	"slices"
	"strings"
)

// What is refused.
var (
	ErrForm    = errors.New("the form is not one of this session")
	ErrForeign = errors.New("the form came from another site")
)

// maxForm bounds a form, in bytes: a token of a thousand projects with every permission fits.
const maxForm = 1 << 20

// Guard knows the origins under which browsers reach the console.
type Guard struct {
	origins, hosts []string
	foreign        http.CrossOriginProtection
}

// New makes a Guard.
func New(origins []string) *Guard {
	g := &Guard{origins: origins}
	for _, origin := range origins {
		_, host, _ := strings.Cut(origin, "://")
		g.hosts = append(g.hosts, host)
	}
	return g
}

// Named tells whether a host is one of those of the origins.
func (g *Guard) Named(host string) bool { return slices.Contains(g.hosts, strings.ToLower(host)) }

// Form refuses forms of other sites, and reads the form. A browser says with every form where it comes from: by
// Sec-Fetch-Site, by Origin, or by both. With Referrer-Policy: no-referrer Origin is null (Fetch, "append a request Origin
// header"), so null does not count, and Sec-Fetch-Site must be there. The library lets through requests that no browser sends,
// and requests from an address bar; a form is neither.
func (g *Guard) Form(w http.ResponseWriter, r *http.Request) error {
	site, origin := r.Header.Values("Sec-Fetch-Site"), r.Header.Values("Origin")
	named := len(origin) == 1 && origin[0] != "null"
	switch {
	case g.foreign.Check(r) != nil, len(site) > 1, len(origin) > 1,
		len(site) == 0 && !named,
		len(site) == 1 && site[0] != "same-origin",
		named && !slices.Contains(g.origins, origin[0]):
		return ErrForeign
	}
	if r.Header.Get("Content-Type") != "application/x-www-form-urlencoded" &&
		!strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded;") {
		return ErrForm
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	var tooLong *http.MaxBytesError
	if err := r.ParseForm(); err != nil && !errors.As(err, &tooLong) {
		return ErrForm
	} else if err != nil {
		return err
	}
	return nil
}
