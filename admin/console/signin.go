package console

import (
	"cmp"
	"context"
	"crypto/hmac"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"patgate/admin/console/away"
	"patgate/admin/console/guard"
	"patgate/admin/console/session"
	"patgate/admin/console/snippet"
	"patgate/admin/tokens"
	"patgate/forge"
	"patgate/token"
)

// signInPage is what the sign-in page shows.
type signInPage struct {
	Next    string
	Form    string // the form's token, which belongs to a cookie
	Problem string
	Scopes  string
	OAuth   bool   // users may also sign in through the forge
	Typed   string // a form that came without a session, for after the sign-in
}

// onward leads on to an address by itself, and says why.
func (q *request) onward(address, why string) {
	q.w.Header().Set("Refresh", "0; url="+address)
	q.render("onward", http.StatusOK, page{Title: "One moment"}, struct{ Where, Text string }{address, why})
}

// signInToo gives where somebody who is signed in to look signs in with a token for what was refused; empty when that is not why.
func (q *request) signInToo(err error) string {
	if !errors.Is(err, tokens.ErrAgain) || q.caller == nil || !q.caller.Watches() || q.o.Tokens.MayMake(q.caller) != nil {
		return ""
	}
	return away.SignIn(away.CameFrom(q.r))
}

// formToken gives the token of a sign-in form for its cookie.
func formToken(cookie string) string { return session.FormToken(cookie, "sign-in") }

// sendToSignIn shows the way in, and back to what was asked for.
func (q *request) sendToSignIn() {
	if q.r.Header.Get("Accept") == "application/json" {
		http.Error(q.w, "signed out", http.StatusUnauthorized)
		return
	}
	next := away.CameFrom(q.r)
	if typed := away.Typed(q.r); typed != "" {
		if err := q.signInForm(http.StatusUnauthorized, q.r.URL.Path, "", typed); err != nil {
			q.fail(err)
		}
		return
	}
	if q.r.Method == http.MethodGet {
		// A link on another site brings no cookie (SameSite=Strict); one more step from here does.
		if site := q.r.Header.Get("Sec-Fetch-Site"); (site == "cross-site" || site == "same-site") &&
			q.r.Header.Get("Sec-Fetch-Mode") == "navigate" {
			q.onward(q.o.Path+next, "This link came from another site.")
			return
		}
	}
	http.Redirect(q.w, q.r, q.o.Path+away.SignIn(next), http.StatusSeeOther)
}

func (q *request) showSignIn() error {
	if q.session != nil && !q.caller.Watches() { // who only looks may sign in with a token
		return q.redirect(away.Local(q.r.URL.Query().Get("next")))
	}
	return q.signInForm(http.StatusOK, away.Local(q.r.URL.Query().Get("next")), "")
}

func (q *request) signInForm(status int, next, problem string, typed ...string) error {
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
		OAuth:   q.o.OAuth != nil,
		Next:    next,
		Form:    formToken(cookie),
		Problem: problem,
		Typed:   strings.Join(typed, ""),
	})
	return nil
}

// fromSignIn tells whether a form is one of the sign-in page that this browser was shown.
func (q *request) fromSignIn() bool {
	cookie := q.cookies.Get(q.r, formCookie)
	return cookie != "" && hmac.Equal([]byte(q.r.PostForm.Get("csrf")), []byte(formToken(cookie)))
}

// tooOld says that a form belongs to no cookie.
const tooOld = "The form was too old. Please try again. If this happens again, allow cookies for this page."

// signIn asks the forge whose credential was typed, and begins a session.
func (q *request) signIn() error {
	form := q.r.PostForm
	next := away.Local(form.Get("next"))
	if !q.fromSignIn() {
		return q.signInForm(http.StatusForbidden, next, tooOld)
	}
	credential, typed := q.credential(), form.Get("typed")
	if credential.Empty() {
		return q.signInForm(http.StatusUnprocessableEntity, next, "Enter your "+q.o.Forge+" access token.", typed)
	}
	caller, problem, status := q.identify(credential, nil)
	if caller == nil {
		return q.signInForm(status, next, problem, typed)
	}
	if err := q.begin(caller, credential, "token"); err != nil {
		return err
	}
	q.cookies.Set(q.w, formCookie, "")
	if typed != "" {
		return q.goOn(http.StatusOK, next, typed)
	}
	return q.redirect(next)
}

// begin begins a session and ends the one before, if any. by is how the user was identified: token or forge.
func (q *request) begin(caller *tokens.Owner, credential token.Secret, by string) error {
	if err := q.sessions.End(q.ctx(), q.cookies.Get(q.r, sessionCookie)); err != nil {
		return err
	}
	value, err := q.sessions.Begin(q.ctx(), caller, credential)
	if err != nil {
		return err
	}
	q.cookies.Set(q.w, sessionCookie, value)
	if q.session, err = q.sessions.Find(q.ctx(), value); q.session == nil {
		return cmp.Or(err, guard.ErrForm)
	}
	q.caller = caller
	q.o.Record(Event{What: "signed_in", By: by, UserID: caller.UserID(), Client: q.client(q.r)})
	return nil
}

// tooMany says, in words for the form, that an address must wait before it may try another credential.
func (q *request) tooMany(client netip.Addr, print forge.Fingerprint) string {
	wait := q.o.Attempts.Begin(client, print)
	if wait <= 0 {
		return ""
	}
	q.o.Record(Event{What: "sign_in_limited", Client: client})
	q.w.Header().Set("Retry-After", fmt.Sprint(int((wait+time.Second-1)/time.Second)))
	return fmt.Sprintf("Too many wrong credentials came from your address (limit: limits.failed_credentials). Try again in %s.",
		snippet.Span(wait))
}

// identify asks the forge about a typed credential, as often as one client may try. as, when not nil, is the user that it must
// belong to. Without a caller it gives a problem in words for the form, and a status.
func (q *request) identify(credential token.Secret, as *tokens.Owner) (c *tokens.Owner, problem string, status int) {
	client := q.client(q.r)
	attempts := q.o.Attempts
	print := attempts.Fingerprint([]byte(credential.Reveal()))
	if problem := q.tooMany(client, print); problem != "" {
		return nil, problem, http.StatusTooManyRequests
	}
	var err error
	ctx := context.WithoutCancel(q.ctx()) // a wrong one counts, also when the browser goes meanwhile
	if as != nil {
		c, err = q.o.Tokens.Again(ctx, as, credential)
	} else {
		c, err = q.o.Tokens.SignIn(ctx, credential)
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
