package console

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"patgate/admin/tokens"
	"patgate/audit"
	"patgate/policy"
	"patgate/routes"
)

// grantPage shows what would be added to a token, and asks for it.
type grantPage struct {
	Token    tokenRow
	Fields   [][2]string // that say what is asked for, as they came
	Where    string
	Wide     string // why that is wide; empty when it is not
	Added    []addedRow
	Refused  string   // why nothing can be added
	General  []string // what is wrong with the link
	Newer    bool     // newer endpoints come into force with it
	New      string   // the query of the form for a token of its own
	Problems map[string][]string
}

// addedRow is one permission that would be added.
type addedRow struct {
	Title, Label, Permission, About string
	Cautions                        []string
	Opens                           []string // endpoints
}

// linkFields are those of an address that asks for a scope.
var linkFields = []string{"access", "permissions", "project", "group"}

// asked reads the scope that an address or a form asks for. It decides nothing: whoever is signed in reads what it would add.
func (q *request) asked(in url.Values) (d *draft, p *grantPage) {
	only := url.Values{}
	p = &grantPage{Problems: map[string][]string{}}
	for _, name := range linkFields {
		for _, value := range in[name] {
			only.Add(name, value)
			p.Fields = append(p.Fields, [2]string{name, value})
		}
	}
	d, _ = prefilled(only)
	q.checkLink(d)
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
func (q *request) grantForm(status int, t *tokens.Inspected, d *draft, p *grantPage) error {
	p.Token = q.row(t, q.names([]tokens.Inspected{*t}))
	p.Newer = t.TableVersion < q.o.Tokens.Table().Version()
	q.nameLink(d)
	var where []string
	for i := range d.Scopes {
		where = append(where, d.Scopes[i].where())
		switch d.Scopes[i].Access {
		case policy.AccessAllMemberships.String(), policy.AccessInstance.String():
			p.Wide = "This is not one project or group: it reaches " + where[i] + "."
		}
	}
	p.Where = strings.Join(where, ", and on ")
	switch {
	case t.State == "revoked" || t.RotatedTo != 0:
		p.Refused = "This token is revoked or rotated: nothing can be added to it."
	case t.ParentID != 0:
		p.Refused = "This token was made by another one, and holds no more than that: make a token of its own instead."
	case len(d.Scopes[0].Permissions) == 0:
		p.Refused = "The link names no permission that there is."
	default:
		if err := q.fillAdded(t, d, p); err != nil {
			return err
		}
	}
	q.render("grant", status, page{Title: "Add to “" + t.Name + "”?", Nav: "tokens"}, p)
	return nil
}

// fillAdded asks the service what would be added, and puts it into words.
func (q *request) fillAdded(t *tokens.Inspected, d *draft, p *grantPage) error {
	w, err := q.o.Tokens.Widening(q.ctx(), q.caller, t.ID, d.scopes())
	var invalid *tokens.Invalid
	switch {
	case errors.As(err, &invalid):
		for _, one := range invalid.Problems {
			p.General = append(p.General, sentence(one.Message))
		}
		p.Refused = "What the link asks for cannot be granted."
		return nil
	case errors.Is(err, tokens.ErrContainer):
		p.Refused = "There is no such project or group, or " + q.caller.Username() + " cannot see it: " + p.Where + "."
		return nil
	case err != nil:
		return err
	}
	k := q.catalog.load(q.o.Tokens.Table())
	var added []string
	for i := range w.Added {
		added = append(added, w.Added[i].Permissions...)
	}
	for _, what := range k.group(added) {
		for i, name := range what.Permissions {
			row := addedRow{Title: what.Title, Label: what.Verbs[i], Permission: name}
			if v := k.verbs[name]; v != nil {
				row.About, row.Cautions, row.Opens = v.About, v.Effects, v.Rows
				if v.Mints {
					row.Cautions = append([]string{"Some of what it reaches makes another credential, or answers " +
						"with one"}, row.Cautions...)
				}
			}
			p.Added = append(p.Added, row)
		}
	}
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
	d, p := q.asked(q.r.PostForm)
	caller, status := q.again(p.Problems)
	if caller == nil {
		return q.grantForm(status, t, d, p)
	}
	add := d.scopes()
	if _, err = q.o.Tokens.Edit(q.ctx(), caller, t.ID, tokens.Changes{Add: &add}); err != nil {
		status, text := q.words(err)
		if status == http.StatusInternalServerError {
			return err
		}
		p.General = append(p.General, text)
		return q.grantForm(status, t, d, p)
	}
	q.session.say("The token may do that from now on. Nothing else of it has changed.")
	return q.redirect("/tokens/" + strconv.FormatInt(t.ID, 10))
}

// deniedRow is something that a token was denied, with the address on which it is granted.
type deniedRow struct {
	Endpoint, Reason string
	Permissions      []string
	Where            string
	Last             moment
	Count            int
	Grant            string // the query
}

// denials shows what a token was denied lately.
func (q *request) denials(t *tokens.Inspected) (rows []deniedRow) {
	if q.o.Denials == nil || t.Owner.UserID != q.caller.UserID() {
		return nil
	}
	kinds := map[routes.Boundary]routes.RefKind{routes.BoundaryProject: routes.RefProject, routes.BoundaryGroup: routes.RefGroup}
	list := q.o.Denials(t.ID)
	var places []tokens.Place
	for i := range list {
		if kind, is := kinds[list[i].Boundary]; is && list[i].BoundaryID > 0 {
			places = append(places, tokens.Place{Kind: kind, ID: list[i].BoundaryID})
		}
	}
	found := q.paths(places)
	for i := range list {
		d := &list[i]
		row := deniedRow{Reason: strings.ReplaceAll(d.Reason, "_", " "+
			""), Permissions: d.Permissions, Last: q.instant(d.Last), Count: d.Count}
		if d.Route != nil {
			row.Endpoint = d.Route.Method + " " + d.Route.Path
		}
		v := url.Values{"access": {d.Access}, "permissions": {strings.Join(d.Permissions, ",")}}
		kind, inContainer := kinds[d.Boundary]
		switch {
		case d.Access != policy.AccessSelectedMemberships.String():
			row.Where = accessWords(d.Access)
		case inContainer && d.BoundaryID > 0:
			row.Where = placeRow{kind.String(), d.BoundaryID, found[tokens.Place{Kind: kind, ID: d.BoundaryID}]}.Text()
			v.Set(kind.String(), strconv.FormatInt(d.BoundaryID, 10))
		default:
			row.Where, v = "a "+d.Boundary.String()+" that is not there, or that you cannot see", nil
		}
		if v != nil {
			row.Grant = v.Encode()
		}
		rows = append(rows, row)
	}
	return rows
}

// Denials gives the last denials of a token; see audit.Denials.
type Denials func(tokenID int64) []audit.Denial
