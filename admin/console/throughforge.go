package console

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"patgate/admin/console/away"
	"patgate/admin/tokens"
	"patgate/forge"
	"patgate/token"
)

// Back is the path below the console's address to which the forge sends people back.
const Back = "/sign-in/back"

// goToForge sends a browser to the forge, which says who it is.
func (q *request) goToForge() error {
	next := away.Local(q.r.PostForm.Get("next"))
	if !q.fromSignIn() {
		return q.signInForm(http.StatusForbidden, next, tooOld)
	}
	if origin := q.o.Origins[0]; !strings.HasSuffix(origin, "://"+strings.ToLower(q.r.Host)) { // it sends people back there
		q.onward(origin+q.o.Path+away.SignIn(next), "Signing in goes on at the console’s own address.")
		return nil
	}
	if err := q.sessions.End(q.ctx(), q.cookies.Get(q.r, sessionCookie)); err != nil { // the returning browser does not bring it
		return err
	}
	address, err := (&away.Trip{App: q.o.OAuth, Cookies: q.cookies, Random: q.o.Random}).Leave(q.w, next)
	if err != nil {
		return err
	}
	q.onward(address, "You are on your way to "+q.o.Forge+".") // a redirection of a form is held to form-action
	return nil
}

// comeBack begins a session for the user that the forge names.
func (q *request) comeBack() error {
	code, verifier, next, ok := (&away.Trip{Cookies: q.cookies}).Return(q.w, q.r)
	switch next = away.Local(next); {
	case !ok:
		return q.notIn(http.StatusForbidden, "/", "This sign-in did not begin in this browser, or was completed before.")
	case code == "":
		return q.notIn(http.StatusForbidden, next, q.o.Forge+" did not let you sign in here.")
	}
	client, print := q.client(q.r), q.o.Attempts.Fingerprint([]byte(code))
	if problem := q.tooMany(client, print); problem != "" {
		return q.notIn(http.StatusTooManyRequests, next, problem)
	}
	id, err := q.o.OAuth.Who(q.ctx(), code, verifier)
	switch {
	case errors.Is(err, forge.ErrCredential):
		q.o.Record(Event{What: "sign_in_refused", By: "forge", Client: client})
		return q.notIn(http.StatusForbidden, next, q.o.Forge+" does not say who you are.")
	case err != nil:
		q.o.Attempts.End(client, print)
		q.o.Report(fmt.Errorf("signing in through the forge: %w", err))
		return q.notIn(http.StatusBadGateway, next, q.o.Forge+" did not say who you are. The log says why.")
	}
	q.o.Attempts.End(client, print)
	if err := q.begin(tokens.Watcher(id), token.Secret{}, "forge"); err != nil {
		return err
	}
	q.onward(q.o.Path+next, "You are signed in.") // the session's cookie comes with no redirection that began at another site
	return nil
}

// notIn says why nobody was signed in, and leads to another try, and from there to where the first was to lead.
func (q *request) notIn(status int, next, why string) error {
	q.render("error", status, page{Title: "Not signed in", SignIn: away.SignIn(next)}, why)
	return nil
}
