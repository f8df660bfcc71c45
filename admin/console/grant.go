package console

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"patgate/admin/console/details"
	"patgate/admin/console/draft"
	"patgate/admin/console/picker"
	"patgate/admin/console/rows"
	"patgate/admin/console/session"
	"patgate/admin/console/words"
	"patgate/admin/terms"
	"patgate/admin/tokens"
	"patgate/policy"
	"patgate/routes"
	"patgate/store"
)

// grantPage shows what would be added to a token, and asks for it.
type grantPage struct {
	Token    rows.Token
	Fields   [][2]string // that say what is shown
	Where    string
	Wide     string // why that is wide; empty when it is not
	Added    []picker.Added
	Refused  string   // why nothing can be added
	SignIn   string   // where to sign in to add it; empty when that would not help
	General  []string // what is wrong with the link
	Newer    bool     // newer endpoints come into force with it
	New      string   // the query of the form for a token of its own
	Problems map[string][]string
}

// linkFields are those of an address that asks for a scope.
var linkFields = []string{"access", "permissions", "project", "group"}

// asked reads the scope that a link asks for. It decides nothing: the signed-in user reads what it would add.
func (q *request) asked(in url.Values) (d *draft.Draft, p *grantPage) {
	only := url.Values{}
	p = &grantPage{Problems: map[string][]string{}}
	for _, name := range linkFields {
		if len(in[name]) > 0 {
			only[name] = in[name]
		}
	}
	d, _ = draft.Prefilled(only, nil)
	d.CheckLink(q.catalog.Load(q.o.Tokens.Table()), q.o.Tokens.Table())
	p.General, p.New = d.General, only.Encode()
	return d, p
}

// showGrant shows what a link would add to a token. Nothing happens by it.
func (q *request) showGrant() error {
	t, err := q.granting()
	if err != nil {
		return err
	}
	d, p := q.asked(q.r.URL.Query())
	return q.grantForm(http.StatusOK, t, d, p)
}

// granting reads a token to which the signed-in owner may add.
func (q *request) granting() (*tokens.Inspected, error) {
	t, err := q.one()
	if err != nil {
		return nil, err
	}
	if t.Owner.UserID != q.caller.UserID() {
		return nil, tokens.ErrNotFound
	}
	return t, nil
}

// grantForm shows the page.
func (q *request) grantForm(status int, t *tokens.Inspected, d *draft.Draft, p *grantPage) error {
	p.Token = q.row(q.named(t))
	p.Newer = t.TableVersion < q.o.Tokens.Table().Version()
	switch {
	case t.State == "revoked" || t.RotatedTo != 0:
		p.Refused = "This token is revoked or rotated: nothing can be added to it."
	case t.ParentID != 0:
		p.Refused = "This token was made by another one and cannot hold more than that one: make a new token instead."
	case len(d.Scopes[0].Permissions) == 0:
		p.Refused = "The link names no permission that exists."
	default:
		if err := q.fillAdded(t, d, p); err != nil {
			return err
		}
	}
	q.render("grant", status, page{Title: "Add to “" + t.Name + "”?", Nav: "tokens"}, p)
	return nil
}

// where says what the scopes of a page name.
func (p *grantPage) where(d *draft.Draft) {
	var where []string
	for i := range d.Scopes {
		where = append(where, d.Scopes[i].Where())
		switch d.Scopes[i].Access {
		case policy.AccessAllMemberships.String(), policy.AccessInstance.String():
			p.Wide = "This is not one project or group: it reaches " + where[i] + "."
		}
	}
	p.Where = strings.Join(where, ", and on ")
}

// show makes the fields and the link of a page from the places that the service found.
func (q *request) show(d *draft.Draft, p *grantPage) {
	first := &d.Scopes[0]
	accesses := make([]string, len(d.Scopes))
	for i := range d.Scopes {
		accesses[i] = d.Scopes[i].Access
	}
	link := url.Values{"access": {strings.Join(accesses, ",")}, "permissions": {strings.Join(first.Permissions, ",")}}
	p.Fields = [][2]string{{"access", link.Get("access")}, {"permissions", link.Get("permissions")},
		{"projects", strings.Join(words.Listed(first.Projects), ",")}, {"groups", strings.Join(words.Listed(first.Groups), ",")}}
	for kind, text := range first.Places() {
		if places := draft.Outside(kind, *text, q.o.Tokens.Table()); len(places) > 0 {
			link[kind.String()] = places
		}
	}
	p.New = link.Encode()
	p.where(d)
}

// fillAdded asks the service what would be added and where, and puts it into words.
func (q *request) fillAdded(t *tokens.Inspected, d *draft.Draft, p *grantPage) error {
	w, err := q.o.Tokens.Widening(q.ctx(), q.caller, t.ID, d.Terms())
	var invalid *terms.Invalid
	switch {
	case errors.As(err, &invalid):
		for _, one := range invalid.Problems {
			p.General = append(p.General, words.Sentence(one.Message))
		}
		p.Refused = "What the link asks for cannot be granted."
		return nil
	case errors.Is(err, tokens.ErrContainer):
		q.relabel(d)
		p.where(d)
		p.Refused = "There is no such project or group, or " + q.caller.Username() + " cannot see it: " + p.Where + "."
		return nil
	case errors.Is(err, tokens.ErrAgain):
		_, p.Refused = q.words(err)
		p.SignIn = q.signInToo(err)
		return nil
	case err != nil:
		return err
	}
	d.Found(w)
	q.show(d, p)
	var added []string
	for i := range w.Added {
		added = append(added, w.Added[i].Permissions...)
	}
	p.Added = q.catalog.Load(q.o.Tokens.Table()).Added(added)
	if len(p.Added) == 0 {
		p.Refused = "This token holds all of that already. What was denied may have been granted since."
	}
	return nil
}

// grant adds to a token what the form shows, with the forge credential of its owner.
func (q *request) grant() error {
	t, err := q.granting()
	if err != nil {
		return err
	}
	form := q.r.PostForm
	d, p := q.asked(url.Values{"access": form["access"], "permissions": form["permissions"]})
	d.Scopes[0].Projects, d.Scopes[0].Groups = form.Get("projects"), form.Get("groups")
	caller, status := q.again(p.Problems)
	if caller == nil {
		return q.grantForm(status, t, d, p)
	}
	w, err := q.o.Tokens.Widening(q.ctx(), caller, t.ID, d.Terms())
	if err == nil && !d.Found(w) {
		p.General = append(p.General, "The path of what was shown has changed since, so nothing was added. "+
			"Read again what is asked for.")
		return q.grantForm(http.StatusConflict, t, d, p)
	}
	if err == nil {
		add := d.Terms()
		_, err = q.o.Tokens.Edit(q.ctx(), caller, t.ID, tokens.Changes{Add: &add})
	}
	var invalid *terms.Invalid
	if w == nil && errors.As(err, &invalid) {
		return q.grantForm(http.StatusUnprocessableEntity, t, d, p) // which says what is wrong
	}
	if err != nil {
		status, text := q.words(err)
		if status == http.StatusInternalServerError {
			return err
		}
		p.General = append(p.General, text)
		return q.grantForm(status, t, d, p)
	}
	q.session.Say("The token may do that from now on. Nothing else about it has changed.")
	return q.redirect("/tokens/" + strconv.FormatInt(t.ID, 10))
}

// denials shows what a token was denied lately.
func (q *request) denials(t *tokens.Inspected) (all []details.Denied, err error) {
	if q.o.Learning == nil || t.Owner.UserID != q.caller.UserID() {
		return nil, nil
	}
	list, err := q.o.Learning.Denials(q.ctx(), q.caller, t.ID, 0)
	if err != nil {
		return nil, err
	}
	kinds := map[string]routes.RefKind{routes.BoundaryProject.String(): routes.RefProject,
		routes.BoundaryGroup.String(): routes.RefGroup}
	var places []store.Place
	for i := range list {
		if kind, is := kinds[list[i].Boundary]; is && list[i].Container > 0 {
			places = append(places, store.Place{Kind: kind, ID: list[i].Container})
		}
	}
	for _, kind := range kinds {
		for _, id := range rows.Selected(t, kind) {
			places = append(places, store.Place{Kind: kind, ID: id})
		}
	}
	found := q.paths(places)
	fresh := found.Since(q.o.Now().Add(-session.NameAge)) // what was called so long ago may be another's by now
	for i := range list {
		d := &list[i]
		row := details.Denied{
			Reason:      strings.ReplaceAll(d.Reason, "_", " "),
			Permissions: d.Permissions,
			Last:        q.instant(d.Last),
			Count:       d.Requests,
			Endpoint:    d.Method + " " + d.Route,
		}
		v := url.Values{"access": {d.Access}, "permissions": {strings.Join(d.Permissions, ",")}}
		kind, inContainer := kinds[d.Boundary]
		switch {
		case d.Access != policy.AccessSelectedMemberships.String():
			row.Where = words.Access(d.Access)
		case inContainer && d.Container > 0:
			place := store.Place{Kind: kind, ID: d.Container}
			row.Where = found.Short(place)
			if fresh.Path(place) == "" && !draft.ByID(kind, q.o.Tokens.Table()) {
				v = nil // only its name would say which it is
				break
			}
			v[kind.String()] = draft.Outside(kind, rows.Line(place, fresh), q.o.Tokens.Table())
		case inContainer && d.Reason == policy.ReasonPermissionMissing.String():
			// What the request named was not looked at, because no scope would have allowed it anywhere.
			row.Where = "anywhere: no scope of this token has it"
			for _, kind := range rows.Within(d.Boundary) {
				v[kind.String()] = draft.Outside(kind, rows.Lines(kind, rows.Selected(t, kind), fresh), q.o.Tokens.Table())
			}
			if len(v["project"])+len(v["group"]) == 0 {
				v = nil
			}
		default:
			row.Where, v = "a "+d.Boundary+" that is not there, or that you cannot see", nil
		}
		if v != nil {
			row.Grant = v.Encode()
		}
		all = append(all, row)
	}
	return all, nil
}
