package console

import (
	"cmp"
	"net/http"
	"net/netip"
	"path"
	"strings"

	"patgate/admin/console/failure"
	"patgate/admin/console/pages"
	"patgate/admin/console/session"
)

// ServeHTTP answers a request: security headers, host, path, method, where a form comes from, then the page.
func (c *Console) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	pages.Protect(w.Header())
	if !c.guard.Named(r.Host) {
		http.Error(w, "The console is not served under this name. Its "+
			"address is "+c.o.Origins[0]+c.o.Path+"/", http.StatusMisdirectedRequest)
		return
	}
	at, below := strings.CutPrefix(r.URL.Path, c.o.Path)
	if !below || at != "" && at != "/" && (at[0] != '/' || path.Clean(at) != at) {
		http.NotFound(w, r)
		return
	}
	q := &request{Console: c, w: w, r: r}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		if err := c.guard.Form(w, r); err != nil {
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
		q.fail(failure.ErrNoPage)
		return
	}
	c.mux.ServeHTTP(w, inner)
}

// client gives the address that a request comes from. A client on a Unix socket has only the one that a trusted proxy says.
func (c *Console) client(r *http.Request) netip.Addr {
	return c.o.Client(session.Remote(r.RemoteAddr), r.Header.Values("X-Forwarded-For"))
}
