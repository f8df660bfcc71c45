package console

import (
	"net/http"
	"net/url"

	"patgate/admin/console/away"
	"patgate/admin/console/guard"
)

// foreignForm answers a form that is not of this session: its own has ended, and another tab signed in. What was typed is shown,
// and nothing is done with it.
func (q *request) foreignForm() error {
	if typed := away.Typed(q.r); typed != "" {
		return q.goOn(http.StatusForbidden, q.r.URL.Path, typed)
	}
	return guard.ErrForm
}

// goOn shows a form as it was when its session had ended. Nothing is done with it before it is sent again.
func (q *request) goOn(status int, next, typed string) error {
	id, is := away.Edited(next)
	values, err := url.ParseQuery(typed)
	if err != nil || !is {
		return q.redirect(next)
	}
	q.r.PostForm = values
	d := q.read(values)
	d.General = append(d.General, "Your session had ended. This is what you had typed: nothing has been done with it yet.")
	if id == "" {
		return q.showForm(status, d, formPage{})
	}
	q.r.SetPathValue("id", id)
	t, err := q.editable()
	if err != nil {
		return err
	}
	return q.showEditForm(status, t, d, nil)
}
