// Package console is the web page on which people make, see, narrow, rotate and revoke tokens. It reads forms and writes
// HTML; what may be done, and what is done, is decided in admin/tokens.
//
// The page has no state but sessions. A session holds the signed-in user, the forge credential that searches the forge, and the
// outcome of each form. What gives power asks for the forge credential again.
package console

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"patgate/admin/console/guard"
	"patgate/admin/console/owners"
	"patgate/admin/console/pages"
	"patgate/admin/console/picker"
	"patgate/admin/console/session"
	"patgate/admin/export"
	"patgate/admin/learning"
	"patgate/admin/manifest"
	"patgate/admin/tokens"
	"patgate/admin/trustwatch"
	"patgate/forge"
	"patgate/forge/oauth"
	"patgate/store"
	"patgate/store/seal"
	"patgate/token"
)

// Options configure a Console. Tokens, SignIns, Keyring, Upstream, Origins and Forge are required.
type Options struct {
	Tokens *tokens.Service
	// SignIns keeps sessions, sealed under Keyring for the forge at the origin Upstream.
	SignIns  store.SignIns
	Keyring  *seal.Keyring
	Upstream string
	// Forge is what the forge is called in texts: GitLab.
	Forge string
	// Scopes says which scopes a token of the forge needs to sign in.
	Scopes string
	// Origins are the origins under which browsers reach the console, such as https://tokens.example.com: a request for another
	// host is refused. Links have the first.
	Origins []string
	// Path is the path below which the console is served; empty for the whole origin.
	Path string
	// Gateway is the address by which clients reach patgate, for the commands that are shown.
	Gateway string
	// Client gives the client's address, from that of the connection and the lines of X-Forwarded-For. Nil: the connection's.
	Client func(peer netip.Addr, forwardedFor []string) netip.Addr
	// MakeIt is the forge's page on which people make the token that they sign in with; empty when it is not known.
	MakeIt string
	// OAuth, when not nil, has people sign in through the forge too. It sends them back to /sign-in/back.
	OAuth *oauth.App
	// Attempts bounds the wrong credentials that one client address may present; nil is 10 within a minute.
	Attempts *forge.Attempts
	// IdleTimeout and SessionLifetime end sessions: 30 minutes without a request, 8 hours in any case.
	IdleTimeout, SessionLifetime time.Duration
	// Sessions bounds the sessions that are kept, SessionsPerUser those of one forge user: 1000 and 10. The oldest go.
	Sessions, SessionsPerUser int

	// Learning, when not nil, tells what tokens did, what was denied to them, which grant would have been enough, and which
	// rights are unused.
	Learning *learning.Service
	// Trusts, when not nil, gives trusts; Policies, when not nil, is what files of policy as code have in force.
	Trusts   *trustwatch.Service
	Policies *manifest.Mounted
	// Record, when not nil, is told who signed in and out, and of sign-ins that were refused.
	Record func(Event)
	// Report, when not nil, is called with failures of patgate's own.
	Report func(error)
	Now    func() time.Time
	Random io.Reader
}

// Event is something that happened at the console's door, for the log. It holds no secret.
type Event struct {
	What   string // signed_in, signed_out, sign_in_refused, sign_in_limited
	By     string // what said who it is: token or forge; empty when it is not about that
	UserID int64  // forge user id; 0 when it is not known
	Client netip.Addr
}

// Console is an http.Handler. It is safe for concurrent use.
type Console struct {
	o        Options
	cookies  session.Cookies
	sessions *session.Sessions
	guard    *guard.Guard
	mux      *http.ServeMux
	pages    *pages.Pages
	catalog  picker.Catalogue
}

// New makes a console.
func New(o Options) (*Console, error) {
	if o.Tokens == nil || o.SignIns == nil || o.Keyring == nil || o.Upstream == "" || len(o.Origins) == 0 || o.Forge == "" {
		return nil, errors.New("making the console: tokens, sign-ins, keyring, upstream, origins and forge are required")
	}
	o.setDefaults()
	c := &Console{o: o, guard: guard.New(o.Origins),
		cookies: session.Cookies{Secure: strings.HasPrefix(o.Origins[0], "https://")}}
	c.sessions = session.New(session.Options{
		Store:      o.SignIns,
		Keyring:    o.Keyring,
		Origin:     o.Upstream,
		Idle:       o.IdleTimeout,
		Lifetime:   o.SessionLifetime,
		Most:       o.Sessions,
		MostOfUser: o.SessionsPerUser,
		Now:        o.Now,
		Random:     o.Random,
		Report:     o.Report,
	})
	var err error
	if c.pages, err = pages.New(o.Path); err != nil {
		return nil, err
	}
	c.mux = c.routes()
	return c, nil
}

// Tend drops sessions that are over, until the context is done.
func (c *Console) Tend(ctx context.Context) { c.sessions.Tend(ctx) }

func (o *Options) setDefaults() {
	if o.Client == nil {
		o.Client = func(peer netip.Addr, _ []string) netip.Addr { return peer }
	}
	if o.IdleTimeout == 0 {
		o.IdleTimeout = 30 * time.Minute
	}
	if o.SessionLifetime == 0 {
		o.SessionLifetime = 8 * time.Hour
	}
	if o.Sessions == 0 {
		o.Sessions = 1000
	}
	if o.SessionsPerUser == 0 {
		o.SessionsPerUser = 10
	}
	if o.Record == nil {
		o.Record = func(Event) {}
	}
	if o.Report == nil {
		o.Report = func(error) {}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Attempts == nil {
		o.Attempts = forge.NewAttempts(forge.AttemptOptions{Now: o.Now})
	}
	if o.Random == nil {
		o.Random = rand.Reader
	}
}

// request is one request of somebody who may be signed in.
type request struct {
	*Console
	w       http.ResponseWriter
	r       *http.Request
	session *session.Session // nil when nobody is signed in
	caller  *tokens.Owner
}

// ctx is the request's context.
func (q *request) ctx() context.Context { return q.r.Context() }

// action answers a request; what it returns as an error becomes an error page.
type action func(q *request) error

// routes gives every page. A page that is not open needs a session.
func (c *Console) routes() *http.ServeMux {
	mux := http.NewServeMux()
	open := func(pattern string, f action) { mux.Handle(pattern, c.handle(f, false)) }
	page := func(pattern string, f action) { mux.Handle(pattern, c.handle(f, true)) }
	mux.HandleFunc("GET /assets/{file}", c.pages.Asset)
	open("GET /sign-in", (*request).showSignIn)
	open("POST /sign-in", (*request).signIn)
	if c.o.OAuth != nil {
		open("POST /sign-in/forge", (*request).goToForge)
		open("GET "+Back, (*request).comeBack)
	}
	page("POST /sign-out", (*request).signOut)
	page("GET /{$}", func(q *request) error { return q.redirect("/tokens") })
	page("GET /tokens", (*request).showList)
	for _, format := range export.Formats() {
		page("GET /tokens."+format, func(q *request) error { return q.download(false, format) })
		page("GET /everyone."+format, func(q *request) error { return q.download(true, format) })
	}
	page("GET /bulk", func(q *request) error { return q.several(q.r.URL.Query(), false) })
	page("POST /bulk", func(q *request) error { return q.several(q.r.PostForm, true) })
	page("GET /tokens/new", (*request).showCreate)
	page("POST /tokens", (*request).create)
	page("POST /tokens/preview", (*request).preview)
	page("GET /tokens/{id}", (*request).showDetails)
	for _, a := range []string{"revoke", "pause", "resume", "confirm", "rotate", "undo"} {
		page("GET /tokens/{id}/"+a, func(q *request) error { return q.ask(a) })
		page("POST /tokens/{id}/"+a, func(q *request) error { return q.do(a) })
	}
	page("GET /tokens/{id}/edit", (*request).showEdit)
	page("POST /tokens/{id}/edit", (*request).edit)
	if c.o.Learning != nil {
		page("GET /tokens/{id}/smaller", (*request).smaller)
		page("POST /tokens/{id}/smaller", (*request).smaller)
		page("GET /forge-tokens/{id}/smaller", (*request).replaceForgeToken)
		page("POST /forge-tokens/{id}/smaller", (*request).replaceForgeToken)
		page("GET /tokens/{id}/unused", (*request).showUnused)
		page("POST /tokens/{id}/unused", (*request).narrow)
	}
	page("GET /tokens/{id}/grant", (*request).showGrant)
	page("POST /tokens/{id}/grant", (*request).grant)
	page("GET /forge-tokens", (*request).showForgeTokens)
	page("GET /everyone", (*request).showEveryone)
	page("GET "+owners.Path, (*request).showOwners)
	if c.o.Trusts != nil {
		page("GET /trusts", (*request).showTrusts)
		page("GET /trusts/{name}", func(q *request) error { return q.showTrust(false, http.StatusOK, "") })
		page("GET /trusts/{name}/revoke", func(q *request) error { return q.showTrust(true, http.StatusOK, "") })
		page("POST /trusts/{name}/revoke", (*request).revokeTrust)
		page("GET /policies", (*request).showPolicies)
	}
	page("GET /search", (*request).search)
	return mux
}

// handle wraps an action with what every request goes through: the session, its form token, and errors.
func (c *Console) handle(f action, signedIn bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := &request{Console: c, w: w, r: r}
		if err := q.recognize(); err != nil {
			q.fail(err)
			return
		}
		if signedIn && q.session == nil {
			q.sendToSignIn()
			return
		}
		if signedIn && r.Method == http.MethodPost && !q.session.SameForm(r.PostForm.Get("csrf")) {
			if err := q.foreignForm(); err != nil {
				q.fail(err)
			}
			return
		}
		if err := f(q); err != nil {
			q.fail(err)
		}
	})
}

// redirect sends the browser on to a path of the console, by GET.
func (q *request) redirect(path string) error {
	http.Redirect(q.w, q.r, q.o.Path+path, http.StatusSeeOther)
	return nil
}

// credential reads the forge credential of a form. It is not kept anywhere else.
func (q *request) credential() token.Secret {
	return token.NewSecret(strings.TrimSpace(q.r.PostForm.Get("credential")))
}
