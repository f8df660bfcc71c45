package console

import (
	"crypto/hmac"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"patgate/admin/console/session"
	"patgate/admin/console/snippet"
	"patgate/admin/tokens"
	"patgate/token"
)

// signInPage is what the sign-in page shows.
type signInPage struct {
	Next    string
	Form    string // the form's token, which belongs to a cookie
	Problem string
	Scopes  string
}

// formToken gives the token of a sign-in form for its cookie.
func formToken(cookie string) string { return session.FormToken(cookie, "sign-in") }

// sendToSignIn shows the way in, and back to what was asked for.
func (q *request) sendToSignIn() {
	if q.r.Header.Get("Accept") == "application/json" {
		http.Error(q.w, "signed out", http.StatusUnauthorized)
		return
	}
	next := "/"
	if q.r.Method == http.MethodGet {
		next = q.r.URL.RequestURI()
		// A link on another site brings no cookie (SameSite=Strict); one more step from here does.
		if site := q.r.Header.Get("Sec-Fetch-Site"); (site == "cross-site" || site == "same-site") &&
			q.r.Header.Get("Sec-Fetch-Mode") == "navigate" {
			q.w.Header().Set("Refresh", "0; url="+q.o.Path+next)
			q.render("onward", http.StatusOK, page{Title: "One moment"}, q.o.Path+next)
			return
		}
	}
	http.Redirect(q.w, q.r, q.o.Path+"/sign-in?next="+url.QueryEscape(next), http.StatusSeeOther)
}

// local gives a path of the console, and nothing that a browser would take for an address elsewhere.
func local(next string) string {
	u, err := url.Parse(next)
	if err != nil || u.IsAbs() || u.Host != "" || u.User != nil || !strings.HasPrefix(next, "/") || strings.HasPrefix(next, "//") ||
		strings.ContainsAny(next, "\\\r\n\t") || len(next) > 8192 || path.Clean(u.Path) != u.Path {
		return "/"
	}
	return next
}

func (q *request) showSignIn() error {
	if q.session != nil {
		return q.redirect(local(q.r.URL.Query().Get("next")))
	}
	return q.signInForm(http.StatusOK, local(q.r.URL.Query().Get("next")), "")
}

func (q *request) signInForm(status int, next, problem string) error {
	cookie := q.cookies.Get(q.r, formCookie)
	if cookie == "" {
		var err error
		if cookie, err = session.Random(q.o.Random); err != nil {
			return err
		}
		q.cookies.Set(q.w, formCookie, cookie)
	}
	q.render("sign-in", status, page{Title: "Sign in"}, signInPage{
		Scopes:  q.o.Scopes,
		Next:    next,
		Form:    formToken(cookie),
		Problem: problem,
	})
	return nil
}

// signIn asks the forge whose credential was typed, and begins a session.
func (q *request) signIn() error {
	form := q.r.PostForm
	next := local(form.Get("next"))
	cookie := q.cookies.Get(q.r, formCookie)
	if cookie == "" || !hmac.Equal([]byte(form.Get("csrf")), []byte(formToken(cookie))) {
		return q.signInForm(http.StatusForbidden, next, "The form was too old. Please try again; if this comes again, allow cookies "+
			"for this page.")
	}
	credential := q.credential()
	if credential.Empty() {
		return q.signInForm(http.StatusUnprocessableEntity, next, "Enter your "+q.o.Forge+" access token.")
	}
	caller, problem, status := q.identify(credential, nil)
	if caller == nil {
		return q.signInForm(status, next, problem)
	}
	if err := q.sessions.End(q.ctx(), q.cookies.Get(q.r, sessionCookie)); err != nil {
		return err
	}
	value, err := q.sessions.Begin(q.ctx(), caller, credential)
	if err != nil {
		return err
	}
	q.cookies.Set(q.w, sessionCookie, value)
	q.cookies.Set(q.w, formCookie, "")
	q.o.Record(Event{What: "signed_in", UserID: caller.UserID(), Client: q.client(q.r)})
	return q.redirect(next)
}

// identify asks the forge about a credential that was typed, within what one client may try. as, when not nil, is whose it
// must be. Without a caller there is a problem in words for the form, and a status.
func (q *request) identify(credential token.Secret, as *tokens.Owner) (c *tokens.Owner, problem string, status int) {
	client := q.client(q.r)
	attempts := q.o.Attempts
	print := attempts.Fingerprint([]byte(credential.Reveal()))
	if wait := attempts.Begin(client, print); wait > 0 {
		q.o.Record(Event{What: "sign_in_limited", Client: client})
		q.w.Header().Set("Retry-After", fmt.Sprint(int((wait+time.Second-1)/time.Second)))
		problem := fmt.Sprintf("Too many wrong credentials came from your address (limit: limits.failed_credentials). "+
			"Try again in %s.", snippet.Span(wait))
		return nil, problem, http.StatusTooManyRequests
	}
	var err error
	if as != nil {
		c, err = q.o.Tokens.Again(q.ctx(), as, credential)
	} else {
		c, err = q.o.Tokens.Owner(q.ctx(), credential)
	}
	if err == nil {
		attempts.End(client, print)
		attempts.Accepted(print)
		return c, "", 0
	}
	if !errors.Is(err, tokens.ErrUnknownCaller) && !errors.Is(err, tokens.ErrForbidden) {
		attempts.End(client, print) // the forge did not say that it was wrong
	} else {
		if attempts.WasAccepted(print) {
			attempts.Wrong(client, print) // Begin did not count it
		}
		q.o.Record(Event{What: "sign_in_refused", Client: client})
	}
	if errors.Is(err, tokens.ErrUnknownCaller) {
		return nil, q.o.Forge + " does not accept this access token. Check that it was copied whole, and is neither expired " +
			"nor revoked.", http.StatusUnauthorized
	}
	status, text := q.words(err)
	return nil, text, status
}

func (q *request) signOut() error {
	if err := q.sessions.End(q.ctx(), q.cookies.Get(q.r, sessionCookie)); err != nil {
		return err
	}
	q.cookies.Set(q.w, sessionCookie, "")
	q.o.Record(Event{What: "signed_out", UserID: q.session.UserID, Client: q.client(q.r)})
	return q.redirect("/sign-in")
}
