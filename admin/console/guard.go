package console

import (
	"cmp"
	"errors"
	"net/http"
	"net/netip"
	"path"
	"slices"
	"strings"

	"patgate/admin/console/pages"
	"patgate/admin/console/session"
)

// What is refused before anything is looked at.
var (
	errForm    = errors.New("the form is not one of this session")
	errForeign = errors.New("the form came from another site")
	errScopes  = errors.New("the token has more scopes than the form shows")
)

// maxForm bounds a form, in bytes: a token of a thousand projects with every permission fits.
const maxForm = 1 << 20

// ServeHTTP answers a request: security headers, host, path, method, where a form comes from, then the page.
func (c *Console) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	pages.Protect(w.Header())
	if !slices.Contains(c.hosts, strings.ToLower(r.Host)) {
		http.Error(w, "The console is not reached under this name: "+c.o.Origins[0]+c.o.Path+"/", http.StatusMisdirectedRequest)
		return
	}
	at, below := strings.CutPrefix(r.URL.Path, c.o.Path)
	if !below || at != "" && at != "/" && (at[0] != '/' || path.Clean(at) != at) {
		http.NotFound(w, r)
		return
	}
	q := &request{Console: c, w: w, r: r}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		if err := c.checkForm(w, r); err != nil {
			q.fail(err)
			return
		}
	}
	inner := r.Clone(r.Context())
	inner.URL.Path, inner.URL.RawPath = cmp.Or(at, "/"), ""
	if _, pattern := c.mux.Handler(inner); pattern == "" {
		if err := q.recognize(); err != nil {
			q.fail(err)
			return
		}
		q.fail(errNoPage)
		return
	}
	c.mux.ServeHTTP(w, inner)
}

// checkForm refuses forms of other sites, and reads the form. A browser says with every form where it comes from: by
// Sec-Fetch-Site, by Origin, or by both. With Referrer-Policy: no-referrer Origin is null (Fetch, "append a request Origin
// header"), so that null counts for nothing and Sec-Fetch-Site must be there. The library lets through what no browser sends
// and what comes from an address bar; a form is neither.
func (c *Console) checkForm(w http.ResponseWriter, r *http.Request) error {
	site, origin := r.Header.Values("Sec-Fetch-Site"), r.Header.Values("Origin")
	named := len(origin) == 1 && origin[0] != "null"
	switch {
	case c.foreign.Check(r) != nil, len(site) > 1, len(origin) > 1,
		len(site) == 0 && !named,
		len(site) == 1 && site[0] != "same-origin",
		named && !slices.Contains(c.o.Origins, origin[0]):
		return errForeign
	}
	if r.Header.Get("Content-Type") != "application/x-www-form-urlencoded" &&
		!strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded;") {
		return errForm
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	var tooLong *http.MaxBytesError
	if err := r.ParseForm(); err != nil && !errors.As(err, &tooLong) {
		return errForm
	} else if err != nil {
		return err
	}
	return nil
}

// client gives the address that a request comes from. Who comes over a Unix socket has none, but what a trusted proxy says.
func (c *Console) client(r *http.Request) netip.Addr {
	return c.o.Client(session.Remote(r.RemoteAddr), r.Header.Values("X-Forwarded-For"))
}
