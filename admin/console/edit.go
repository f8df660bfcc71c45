package console

import (
	"errors"
	"net/http"
	"strconv"

	"patgate/admin/console/draft"
	"patgate/admin/console/failure"
	"patgate/admin/console/findings"
	"patgate/admin/console/rows"
	"patgate/admin/tokens"
)

func (q *request) showEdit() error {
	t, err := q.editable()
	if err != nil {
		return err
	}
	d := draft.Of(q.named(t), q.o.Now())
	return q.showEditForm(http.StatusOK, t, d, nil)
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
	if len(t.Scopes) > draft.MostScopes {
		return nil, failure.ErrScopes
	}
	return t, nil
}

func (q *request) showEditForm(status int, t *tokens.Inspected, d *draft.Draft, tried *findings.Tried) error {
	id := strconv.FormatInt(t.ID, 10)
	reports := rows.Moment{}
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
		Managed:    rows.ManagedBy(&t.Record),
		Sealed:     true,
		Tried:      tried,
		ForGood:    q.r.PostForm.Get("for_good") != "",
		ExpiresNow: q.instant(t.ExpiresAt),
		Credential: "Needed only to let the token do more, reach further or live longer, and not to narrow it.",
	})
}

// edit changes a token. Without the forge credential it only narrows. A change that would have denied something in the last 30
// days is made when it is asked for once more.
func (q *request) edit() error {
	t, err := q.editable()
	if err != nil {
		return err
	}
	form := q.r.PostForm
	d := q.read(form)
	if form.Get("do") == "try" && !d.Cut && !q.caller.Watches() {
		return q.showEditForm(http.StatusOK, t, d, q.try(q.caller, t, d))
	}
	if do := form.Get("do"); do != "try" && d.Step(do, q.o.Policies.Templates()) {
		return q.showEditForm(http.StatusOK, t, d, nil)
	}
	if d.Cut {
		return q.showEditForm(http.StatusUnprocessableEntity, t, d, nil)
	}
	if d.Revision != t.Revision {
		d.Meanwhile(q.named(t), q.catalog.Load(q.o.Tokens.Table()), q.o.Now())
		return q.showEditForm(http.StatusConflict, t, d, nil)
	}
	caller := q.caller
	if caller.Watches() || !q.credential().Empty() {
		var status int
		if caller, status = q.presented(d); caller == nil {
			return q.showEditForm(status, t, d, nil)
		}
	}
	if form.Get("do") == "try" {
		return q.showEditForm(http.StatusOK, t, d, q.try(caller, t, d))
	}
	if form.Get("seen") != d.Digest() {
		if tried := q.try(caller, t, d); tried != nil && tried.Kinds > 0 {
			tried.Asking = true
			return q.showEditForm(http.StatusOK, t, d, tried)
		}
	}
	scopes := d.Terms()
	change := tokens.Changes{Name: &d.Name, Description: &d.Description, Scopes: &scopes, Revision: t.Revision,
		ForGood: form.Get("for_good") != "", Limits: d.NewLimits(&t.Limits)}
	if d.Expires != "" {
		change.ExpiresAt = &d.Expires
	}
	if d.Renew != "" {
		change.RenewUntil = &d.Renew
	}
	switch {
	case d.Enforce && d.ReportUntil != "":
		d.Problem("report_until", "choose one: end it now, or set its end")
		return q.showEditForm(http.StatusUnprocessableEntity, t, d, nil)
	case d.Enforce, d.ReportUntil != "":
		change.ReportUntil = &d.ReportUntil
	}
	edited, err := q.o.Tokens.Edit(q.ctx(), caller, t.ID, change)
	if errors.Is(err, tokens.ErrAgain) {
		d.Problem("credential", "This would widen the token, in what it may do or for how long: enter your %s access "+
			"token", q.o.Forge)
		return q.showEditForm(http.StatusForbidden, t, d, nil)
	}
	if err != nil {
		status, err := q.refusedDraft(d, err)
		if err != nil {
			return err
		}
		return q.showEditForm(status, t, d, nil)
	}
	q.session.Say("The changes are in force." + findings.EndedBelow(len(edited.Revoked)) + q.nextAfterNarrowing(t, edited))
	return q.redirect("/tokens/" + strconv.FormatInt(t.ID, 10))
}
