package console

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"

	"patgate/admin/console/draft"
	"patgate/admin/console/guard"
	"patgate/admin/console/session"
	"patgate/admin/console/words"
	"patgate/admin/tokens"
	"patgate/forge"
	"patgate/store"
)

// page is what every page has.
type page struct {
	Title string
	Nav   string // which tab is the present one
	Slim  bool   // a page of one narrow column
	// Set by render.
	User, Forge, Notice  string
	SignedIn, Admin      bool
	Watches              bool   // who is signed in looks, pauses and revokes
	CSRF, Form           string // Form is new for each page: what makes a secret is done once for each
	Style, Script, Image string
	Body                 any
}

// render writes a page. What fails while it is made leaves nothing half-written.
func (q *request) render(name string, status int, p page, body any) {
	p.Forge, p.Body = q.o.Forge, body
	p.Style, p.Script, p.Image = q.pages.Address("console.css"), q.pages.Address("console.js"), q.pages.Address("icon.svg")
	if q.session != nil {
		p.SignedIn, p.User, p.CSRF, p.Notice = true, q.caller.Username(), q.session.CSRF, q.session.Heard()
		p.Form, _ = session.Random(q.o.Random)
		p.Admin, p.Watches = q.o.Tokens.Administrates(q.caller), q.caller.Watches()
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

// errNoPage: there is no such page.
var errNoPage = errors.New("no such page")

// words gives the status of an error, and what a person is told of it.
func (q *request) words(err error) (int, string) {
	var tooLong *http.MaxBytesError
	switch {
	case errors.Is(err, session.ErrUnknown), errors.Is(err, session.ErrStore), errors.Is(err, store.ErrUnreachable):
		if q.ctx().Err() == nil || errors.Is(err, session.ErrUnknown) { // the browser has not gone, or a token may be there
			q.o.Report(err)
		}
		q.w.Header().Set("Retry-After", "1")
		return http.StatusServiceUnavailable, session.Unanswered(err)
	case errors.Is(err, guard.ErrForm), errors.Is(err, store.ErrUnknownSignIn):
		return http.StatusForbidden, "The form was not one of this session, or too old. Go back, load the page again and repeat " +
			"what you did."
	case errors.Is(err, errScopes):
		return http.StatusUnprocessableEntity, words.Plural(draft.MostScopes, "scope is", "scopes are") +
			" all that the form can show, and this token has more. Use the API, or patgate token edit."
	case errors.Is(err, guard.ErrForeign):
		return http.StatusForbidden, "The form came from another site, and was not carried out."
	case errors.As(err, &tooLong):
		return http.StatusRequestEntityTooLarge, "The form is longer than patgate takes."
	case errors.Is(err, errNoPage), errors.Is(err, tokens.ErrNotFound) && err == tokens.ErrNotFound:
		return http.StatusNotFound, "There is no such page or token, or it is not yours."
	case errors.Is(err, tokens.ErrUnknownCaller):
		return http.StatusUnauthorized, q.o.Forge + " does not accept this access token any more."
	case errors.Is(err, tokens.ErrForbidden):
		return http.StatusForbidden, words.Sentence(err.Error())
	case errors.Is(err, tokens.ErrConflict):
		return http.StatusConflict, words.Sentence(err.Error())
	case errors.Is(err, tokens.ErrContainer):
		return http.StatusUnprocessableEntity, words.Sentence(err.Error())
	case errors.Is(err, tokens.ErrNotFound):
		return http.StatusNotFound, words.Sentence(err.Error())
	case errors.Is(err, forge.ErrBudget):
		return http.StatusTooManyRequests, words.Sentence(forge.BudgetOf(err).Error()) + " Try again in a moment."
	case errors.Is(err, forge.ErrCredential):
		return http.StatusForbidden, q.o.Forge + " no longer accepts the credential that the token is bound to."
	case errors.Is(err, forge.ErrTimeout), errors.Is(err, context.DeadlineExceeded):
		return http.StatusGatewayTimeout, q.o.Forge + " did not answer in time. Nothing was changed."
	case errors.Is(err, forge.ErrUnavailable):
		return http.StatusBadGateway, q.o.Forge + " could not be reached. Nothing was changed."
	case errors.Is(err, store.ErrNoRoom):
		q.o.Report(err)
		return http.StatusInsufficientStorage, words.Sentence(store.NoRoomText)
	}
	q.o.Report(err)
	return http.StatusInternalServerError, "patgate failed to do this. The log says why."
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
	q.render("error", status, page{Title: title}, text)
}
