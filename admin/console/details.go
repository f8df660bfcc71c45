package console

import (
	"errors"
	"net/http"
	"strconv"

	"patgate/admin/console/asking"
	"patgate/admin/console/details"
	"patgate/admin/console/guard"
	"patgate/admin/console/recipes"
	"patgate/admin/console/rows"
	"patgate/admin/console/session"
	"patgate/admin/console/words"
	"patgate/admin/terms"
	"patgate/admin/tokens"
	"patgate/store"
)

// tokenID reads the token of the path.
func (q *request) tokenID() (int64, error) {
	id, err := strconv.ParseInt(q.r.PathValue("id"), 10, 64)
	if err != nil || id < store.FirstTokenID {
		return 0, tokens.ErrNotFound
	}
	return id, nil
}

func (q *request) one() (*tokens.Inspected, error) {
	id, err := q.tokenID()
	if err != nil {
		return nil, err
	}
	return q.o.Tokens.InspectOne(q.ctx(), q.caller, id)
}

func (q *request) showDetails() error {
	t, err := q.one()
	if err != nil {
		return err
	}
	p, err := q.details(t)
	if err != nil {
		return err
	}
	if p.Replaced, err = q.replacedBy(t); err != nil {
		return err
	}
	nav := "tokens"
	if !p.Token.Own {
		nav = "everyone"
	}
	q.render("details", http.StatusOK, page{Title: t.Name, Nav: nav}, p)
	return nil
}

func (q *request) details(t *tokens.Inspected) (*details.Page, error) {
	p := details.Of(t, q.row(q.named(t)), q.o.Now())
	p.CanShrink = p.Token.Own && q.o.Learning != nil && !q.caller.Watches()
	p.CanConfirm = p.CanConfirm && t.TableVersion < q.o.Tokens.Table().Version()
	if q.o.Tokens.ReportsNow(&t.Listed) {
		p.ReportsUntil = q.instant(t.ReportEnd())
	}
	if err := q.found(t, p); err != nil {
		return nil, err
	}
	var err error
	p.Denials, err = q.denials(t)
	return p, err
}

// asking says what is asked before an action.
func (q *request) asking(action string, t *tokens.Inspected) asking.Page {
	p := asking.Of(action)
	p.Token, p.Children = q.row(q.named(t)), t.Children
	p.MaxGrace, p.MaxLifetime = terms.WriteSpan(q.o.Tokens.MaxGrace()), terms.WriteSpan(q.o.Tokens.MaxLifetime())
	if action == "rotate" {
		p.Values["expires_at"] = asking.SameLife(&t.Record, q.o.Tokens.MaxLifetime())
	}
	return p
}

func (q *request) ask(action string) error {
	t, err := q.one()
	if err != nil {
		return err
	}
	p := q.asking(action, t)
	if action == "undo" {
		if p.Back, err = q.back(t); err != nil {
			return err
		}
	}
	return q.showAsk(http.StatusOK, p)
}

func (q *request) showAsk(status int, p asking.Page) error {
	q.render("ask", status, page{Title: p.Title, Nav: "tokens", Slim: true}, p)
	return nil
}

// do carries out an action that was asked for.
func (q *request) do(action string) error {
	t, err := q.one()
	if err != nil {
		return err
	}
	form := q.r.PostForm
	p := q.asking(action, t)
	for _, name := range []string{"reason", "grace", "expires_at"} {
		p.Values[name] = form.Get(name)
	}
	caller := q.caller
	if p.Credential {
		var status int
		if caller, status = q.again(p.Problems); caller == nil {
			return q.showAsk(status, p)
		}
	}
	if len([]rune(p.Values["reason"])) > terms.MaxDescription {
		p.Problems["reason"] = []string{"is too long: at most " + strconv.Itoa(terms.MaxDescription) + " characters"}
		return q.showAsk(http.StatusUnprocessableEntity, p)
	}
	service, done := q.o.Tokens, ""
	switch action {
	case "revoke":
		_, err = service.Revoke(q.ctx(), caller, t.ID, p.Values["reason"])
		done = "“" + t.Name + "” is revoked."
	case "pause":
		_, err = service.Pause(q.ctx(), caller, t.ID, p.Values["reason"])
		done = "“" + t.Name + "” is paused."
	case "resume":
		_, err = service.Resume(q.ctx(), caller, t.ID)
		done = "“" + t.Name + "” works again."
	case "confirm":
		_, err = service.Confirm(q.ctx(), caller, t.ID)
		done = "“" + t.Name + "” reaches the newer endpoints now."
	case "undo":
		_, err = q.o.Learning.Undo(q.ctx(), caller, t.ID)
		done = "“" + t.Name + "” can do again what it could before."
	case "rotate":
		return q.rotate(caller, t, p)
	}
	if err != nil {
		return err
	}
	q.session.Say(done)
	return q.redirect("/tokens/" + strconv.FormatInt(t.ID, 10))
}

// again takes the forge credential that a form asks for once more. Without a caller its problem is in problems.
func (q *request) again(problems map[string][]string) (*tokens.Owner, int) {
	credential := q.credential()
	if credential.Empty() {
		problems["credential"] = []string{"Enter your " + q.o.Forge +
			" access token again: this grants access, so being signed in is not enough."}
		return nil, http.StatusUnprocessableEntity
	}
	caller, problem, status := q.identify(credential, q.caller)
	if caller == nil {
		problems["credential"] = []string{problem}
	}
	return caller, status
}

// rotate puts a new secret in the place of a token's, and shows it.
func (q *request) rotate(caller *tokens.Owner, t *tokens.Inspected, p asking.Page) error {
	form, stop, err := q.onlyOnce()
	if stop {
		return err
	}
	ctx, cancel := session.Through(q.ctx())
	defer cancel()
	asked := tokens.Rotation{ExpiresAt: p.Values["expires_at"], Grace: p.Values["grace"]}
	made, err := q.o.Tokens.Rotate(ctx, caller, t.ID, asked)
	err = q.session.Ended(ctx, form, made, err)
	var invalid *terms.Invalid
	if errors.As(err, &invalid) {
		for _, one := range invalid.Problems {
			p.Problems[one.Field] = append(p.Problems[one.Field], words.Sentence(one.Message))
		}
		return q.showAsk(http.StatusUnprocessableEntity, p)
	}
	if err != nil {
		return err
	}
	return q.showSecret(made, "The token is rotated", p.Values["grace"], nil)
}

// onlyOnce begins what a form that makes a secret asks for. stop tells that the same form came before: it was answered.
func (q *request) onlyOnce() (form string, stop bool, err error) {
	form = q.r.PostForm.Get("form")
	if form == "" || len(form) > 100 {
		return "", true, guard.ErrForm
	}
	id, before, err := q.session.Once(q.ctx(), form)
	if err != nil {
		return "", true, err
	}
	if !before {
		return form, false, nil
	}
	q.session.Say(session.Before(id))
	if id == 0 {
		return "", true, q.redirect("/tokens")
	}
	return "", true, q.redirect("/tokens/" + strconv.FormatInt(id, 10))
}

// secretPage shows a secret, once.
type secretPage struct {
	ID                                  int64
	Name, Secret, Gateway, Title, Grace string
	Expires                             rows.Moment
	Warnings                            []string
	Next                                *nextSteps
	Recipes                             []recipes.Recipe
}

// showSecret answers a form with the secret of the token that it made. The secret stands in this one answer and nowhere else.
func (q *request) showSecret(made *tokens.Created, title, grace string, next *nextSteps) error {
	var warnings []string
	for _, w := range made.Warnings {
		warnings = append(warnings, words.Sentence(w))
	}
	q.render("secret", http.StatusOK, page{Title: title, Nav: "tokens", Slim: true}, secretPage{
		ID:       made.ID,
		Name:     made.Name,
		Secret:   made.Secret.Reveal(),
		Gateway:  q.o.Gateway,
		Title:    title,
		Expires:  q.instant(made.ExpiresAt),
		Warnings: warnings,
		Grace:    grace,
		Next:     next,
		Recipes:  recipes.For(q.o.Gateway, q.o.Tokens.Table().Forge(), q.o.Forge, made.Scopes, q.project),
	})
	return nil
}
