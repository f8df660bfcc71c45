package console

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"

	"patgate/admin/console/failure"
	"patgate/admin/console/session"
	"patgate/admin/console/words"
	"patgate/admin/tokens"
)

// page is what every page has.
type page struct {
	Title string
	Nav   string // which tab is the present one
	Slim  bool   // a page of one narrow column
	// SignIn is where to sign in for what was refused; empty when that would not help.
	SignIn string
	// Set by render.
	User, Forge, Notice  string
	SignedIn, Admin      bool
	Trusts               bool   // there may be some
	Watches              bool   // who is signed in looks, pauses and revokes
	Makes                bool   // who is signed in may make tokens
	CSRF, Form           string // Form is new for each page: what makes a secret is done once for each
	Style, Script, Image string
	MakeIt               string // the forge's page on which people make a token
	Body                 any
}

// render writes a page. What fails while it is made leaves nothing half-written.
func (q *request) render(name string, status int, p page, body any) {
	p.Forge, p.MakeIt, p.Body = q.o.Forge, q.o.MakeIt, body
	p.Style, p.Script, p.Image = q.pages.Address("console.css"), q.pages.Address("console.js"), q.pages.Address("icon.svg")
	if q.session != nil {
		p.SignedIn, p.User, p.CSRF, p.Notice = true, q.caller.Username(), q.session.CSRF, q.session.Heard()
		p.Form, _ = session.Random(q.o.Random)
		p.Trusts = q.o.Trusts != nil
		p.Admin, p.Watches = q.o.Tokens.Administrates(q.caller), q.caller.Watches()
		p.Makes = q.o.Tokens.MayMake(q.caller) == nil
	}
	var b bytes.Buffer
	if err := q.pages.Write(&b, name, p); err != nil {
		q.o.Report(fmt.Errorf("writing the page %s: %w", name, err))
		http.Error(q.w, "patgate failed to make this page.", http.StatusInternalServerError)
		return
	}
	q.w.Header().Set("Content-Type", "text/html; charset=utf-8")
	q.w.WriteHeader(status)
	if q.r.Method != http.MethodHead {
		_, _ = q.w.Write(b.Bytes())
	}
}

// words gives the status of an error, and its text for a person. Failures of patgate's own are reported.
func (q *request) words(err error) (int, string) {
	status, text, own := failure.Words(err, q.o.Forge)
	switch {
	case errors.Is(err, tokens.ErrAgain) && q.caller != nil && q.caller.Watches():
		if refused := q.o.Tokens.MayMake(q.caller); refused != nil {
			return status, words.Sentence(refused.Error())
		}
		return status, "You are signed in only to view, pause and revoke. To do this, sign in " +
			"with a " + q.o.Forge + " access token."
	case status == http.StatusServiceUnavailable:
		q.w.Header().Set("Retry-After", "1")
		own = q.ctx().Err() == nil || errors.Is(err, session.ErrUnknown) // the browser has not gone, or a token may be there
	}
	if own {
		q.o.Report(err)
	}
	return status, text
}

// fail shows an error as a page.
func (q *request) fail(err error) {
	status, text := q.words(err)
	title := map[int]string{
		http.StatusNotFound:           "Not found",
		http.StatusForbidden:          "Not allowed",
		http.StatusConflict:           "Not possible now",
		http.StatusServiceUnavailable: "The store did not answer",
	}[status]
	if title == "" {
		title = "That did not work"
	}
	q.render("error", status, page{Title: title, SignIn: q.signInToo(err)}, text)
}
