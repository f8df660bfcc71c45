package console

import (
	"net/http"
	"net/url"
	"regexp"

	"patgate/admin/console/draft"
)

// drafts are the addresses of forms that one spends a while on: a new token, and a token that is edited.
var drafts = regexp.MustCompile(`^/tokens(?:/([0-9]+)/edit)?$`)

// typed gives the part of a form without a session that is kept for after the sign-in: never a credential.
func (q *request) typed() string {
	if q.r.Method != http.MethodPost || !drafts.MatchString(q.r.URL.Path) {
		return ""
	}
	return draft.Kept(q.r.PostForm)
}

// goOn shows a form as it was when its session had ended. Nothing is done with it before it is sent again.
func (q *request) goOn(next, typed string) error {
	at := drafts.FindStringSubmatch(next)
	values, err := url.ParseQuery(typed)
	if err != nil || at == nil {
		return q.redirect(next)
	}
	q.r.PostForm = values
	d := q.read(values)
	d.General = append(d.General, "Your session had ended. This is what you had typed: nothing has been done with it yet.")
	if at[1] == "" {
		return q.showForm(http.StatusOK, d, formPage{})
	}
	q.r.SetPathValue("id", at[1])
	t, err := q.editable()
	if err != nil {
		return err
	}
	return q.showEditForm(http.StatusOK, t, d, nil)
}
