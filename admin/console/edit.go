package console

import (
	"errors"
	"net/http"
	"slices"
	"strconv"

	"patgate/admin/tokens"
)

func (q *request) showEdit() error {
	t, err := q.editable()
	if err != nil {
		return err
	}
	d := draftOf(t, q.names([]tokens.Inspected{*t}))
	if q.r.URL.Query().Get("drop") == "unused" {
		d.keepUsed(t)
	}
	return q.showEditForm(http.StatusOK, t, d)
}

// keepUsed leaves out of a form what its token was never seen to use. A scope that becomes empty is dropped, as long
// as there is another.
func (d *draft) keepUsed(t *tokens.Inspected) {
	unused := tokens.Unused(&t.Listed, t.Used)
	for i := range d.Scopes {
		s := &d.Scopes[i]
		s.Permissions = slices.DeleteFunc(s.Permissions, func(name string) bool { return slices.Contains(unused, name) })
	}
	some := slices.ContainsFunc(d.Scopes, func(s draftScope) bool { return len(s.Permissions) > 0 })
	d.Scopes = slices.DeleteFunc(d.Scopes, func(s draftScope) bool { return some && len(s.Permissions) == 0 })
}

// editable reads a token that the signed-in owner may edit.
func (q *request) editable() (*tokens.Inspected, error) {
	t, err := q.one()
	if err != nil {
		return nil, err
	}
	if t.Owner.UserID != q.caller.UserID() {
		return nil, tokens.ErrNotFound
	}
	if len(t.Scopes) > mostScopes {
		return nil, errScopes
	}
	return t, nil
}

func (q *request) showEditForm(status int, t *tokens.Inspected, d *draft) error {
	id := strconv.FormatInt(t.ID, 10)
	reports := moment{}
	if q.o.Tokens.ReportsNow(&t.Listed) {
		reports = q.instant(t.ReportEnd())
	}
	return q.form(status, d, formPage{
		ReportsUntil: reports,

		Heading:    "Edit token",
		Action:     "/tokens/" + id + "/edit",
		Button:     "Save changes",
		Cancel:     "/tokens/" + id,
		Editing:    true,
		Sealed:     true,
		ExpiresNow: q.instant(t.ExpiresAt),
		Credential: "Only needed when the token is to do more, reach further or live longer. Narrowing is free.",
	})
}

// edit changes a token. Without the forge credential only what narrows it is done.
func (q *request) edit() error {
	t, err := q.editable()
	if err != nil {
		return err
	}
	d := readDraft(q.r.PostForm)
	if steps(d, q.r.PostForm.Get("do")) {
		return q.showEditForm(http.StatusOK, t, d)
	}
	if d.cut {
		return q.showEditForm(http.StatusUnprocessableEntity, t, d)
	}
	caller := q.caller
	if !q.credential().Empty() {
		var status int
		if caller, status = q.presented(d); caller == nil {
			return q.showEditForm(status, t, d)
		}
	}
	scopes := d.scopes()
	change := tokens.Changes{Name: &d.Name, Description: &d.Description, Scopes: &scopes}
	if d.Expires != "" {
		change.ExpiresAt = &d.Expires
	}
	if d.Renew != "" {
		change.RenewUntil = &d.Renew
	}
	switch {
	case d.Enforce && d.ReportUntil != "":
		d.problem("report_until", "either ends now, or then")
		return q.showEditForm(http.StatusUnprocessableEntity, t, d)
	case d.Enforce, d.ReportUntil != "":
		change.ReportUntil = &d.ReportUntil
	}
	edited, err := q.o.Tokens.Edit(q.ctx(), caller, t.ID, change)
	if errors.Is(err, tokens.ErrAgain) {
		d.problem("credential", "This would widen the token, in what it may do or for how long: enter your %s access token", q.o.Forge)
		return q.showEditForm(http.StatusForbidden, t, d)
	}
	if err != nil {
		status, err := q.refusedDraft(d, err)
		if err != nil {
			return err
		}
		return q.showEditForm(status, t, d)
	}
	notice := "The changes are in force."
	if n := len(edited.Revoked); n > 0 {
		notice += " " + plural(n, "token", "tokens") + " made by this one held more than it, and " +
			map[bool]string{true: "is", false: "are"}[n == 1] + " revoked."
	}
	q.session.say(notice)
	return q.redirect("/tokens/" + strconv.FormatInt(t.ID, 10))
}
