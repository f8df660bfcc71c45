package console

import (
	"errors"
	"net/http"

	"patgate/admin/console/away"
	"patgate/admin/tokens"
	"patgate/forge"
	"patgate/token"
)

// Back is the path below the console's address to which the forge sends people back.
const Back = "/sign-in/back"

func (q *request) trip() *away.Trip {
	return &away.Trip{App: q.o.OAuth, Cookies: q.cookies, Random: q.o.Random}
}

// goToForge sends a browser to the forge, which says who it is.
func (q *request) goToForge() error {
	next := away.Local(q.r.PostForm.Get("next"))
	if !q.fromSignIn() {
		return q.signInForm(http.StatusForbidden, next, tooOld)
	}
	address, err := q.trip().Leave(q.w, next)
	if err != nil {
		return err
	}
	q.onward(address, "You are sent to "+q.o.Forge+".") // a redirection of a form is held to form-action
	return nil
}

// comeBack begins a session for whom the forge names.
func (q *request) comeBack() error {
	code, verifier, next, ok := q.trip().Return(q.w, q.r)
	switch next = away.Local(next); {
	case !ok:
		return q.signInForm(http.StatusForbidden, "/", tooOld)
	case code == "":
		return q.signInForm(http.StatusForbidden, next, q.o.Forge+" did not let you sign in here.")
	}
	client, print := q.client(q.r), q.o.Attempts.Fingerprint([]byte(code))
	if problem := q.tooMany(client, print); problem != "" {
		return q.signInForm(http.StatusTooManyRequests, next, problem)
	}
	id, err := q.o.OAuth.Who(q.ctx(), code, verifier)
	switch {
	case errors.Is(err, forge.ErrCredential):
		q.o.Record(Event{What: "sign_in_refused", Client: client})
		return q.signInForm(http.StatusForbidden, next, q.o.Forge+" does not say who you are: "+err.Error()+".")
	case err != nil:
		q.o.Attempts.End(client, print)
		status, text := q.words(err)
		return q.signInForm(status, next, text)
	}
	q.o.Attempts.End(client, print)
	if err := q.begin(tokens.Watcher(id), token.Secret{}); err != nil {
		return err
	}
	q.onward(q.o.Path+next, "You are signed in.") // the session's cookie comes with no redirection that began at another site
	return nil
}
