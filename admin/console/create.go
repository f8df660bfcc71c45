package console

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"patgate/admin/console/asking"
	"patgate/admin/console/draft"
	"patgate/admin/console/failure"
	"patgate/admin/console/findings"
	"patgate/admin/console/picker"
	"patgate/admin/console/rows"
	"patgate/admin/console/session"
	"patgate/admin/console/table"
	"patgate/admin/console/words"
	"patgate/admin/terms"
	"patgate/admin/tokens"
	"patgate/policy"
	"patgate/routes"
	"patgate/token"
)

// formPage is the form that describes a token.
type formPage struct {
	Draft                            *draft.Draft
	Heading, Action, Button, Cancel  string
	Editing                          bool
	Tried                            *findings.Tried // what saving would have denied; nil when that was not asked
	ForGood                          bool            // a narrowing is not to be undone
	Prefilled                        bool
	From                             string // what the form was filled in from
	Sealed                           bool   // patgate holds a forge credential that the token can be bound to
	Categories                       []picker.Category
	Accesses                         []table.Choice
	Common                           []picker.Resource
	Templates                        []picker.Card
	Shortest, Standard, Longest      string
	MaxName, MaxDescription          int
	Presets                          []string
	Summary                          draft.Summary
	ExpiresNow                       rows.Moment
	Managed                          *rows.Managed // the file that keeps the token which is edited
	ReportMode                       bool          // it is allowed here
	ReportsUntil                     rows.Moment   // of a token that is in report mode
	LongestReport                    string
	Credential                       string // why the credential is asked for
	User                             string
	ScopesOfCredential, SearchTarget string
}

// showCreate is the empty form, or one that an address filled in, or one that describes a token like another.
func (q *request) showCreate() error {
	if err := q.o.Tokens.MayMake(q.caller); err != nil {
		return err
	}
	in := q.r.URL.Query()
	if like := in.Get("like"); like != "" {
		id, err := strconv.ParseInt(like, 10, 64)
		if err != nil {
			return tokens.ErrNotFound
		}
		t, err := q.o.Tokens.InspectOne(q.ctx(), q.caller, id)
		if err != nil {
			return err
		}
		if t.Owner.UserID != q.caller.UserID() {
			return tokens.ErrNotFound
		}
		if len(t.Scopes) > draft.MostScopes {
			return failure.ErrScopes
		}
		d := draft.Of(q.named(t), q.o.Now())
		d.Expires = asking.SameLife(&t.Record, q.o.Tokens.MaxLifetime())
		return q.showForm(http.StatusOK, d, formPage{From: "“" + t.Name + "”"})
	}
	d, filled := draft.Prefilled(in, q.o.Policies.Templates())
	d.CheckLink(q.catalog.Load(q.o.Tokens.Table()), q.o.Tokens.Table())
	q.nameLink(d)
	return q.showForm(http.StatusOK, d, formPage{Prefilled: filled})
}

// showForm shows the form for a new token.
func (q *request) showForm(status int, d *draft.Draft, p formPage) error {
	p.Heading, p.Action, p.Button, p.Cancel = "New token", "/tokens", "Generate token", "/tokens"
	p.Credential = "Making a token grants access, so being signed in is not enough."
	var err error
	if p.Sealed, err = q.o.Tokens.Sealed(q.ctx(), q.caller); err != nil {
		return err
	}
	return q.form(status, d, p)
}

// read reads a form that describes a token. In place of a path there may be the address of a page of the forge's, or of a clone.
func (q *request) read(form url.Values) *draft.Draft {
	d := draft.Read(form)
	for i := range d.Scopes {
		for kind, text := range d.Scopes[i].Places() {
			if strings.Contains(*text, ":") {
				unlinked := func(line string) string { return q.unlinked(kind, line) }
				*text = strings.Join(words.Each(words.Listed(*text), unlinked), "\n")
			}
		}
	}
	return d
}

// unlinked gives the path in an address of the forge or of the gateway; any other line is returned as it was.
func (q *request) unlinked(kind routes.RefKind, line string) string {
	return draft.Unlinked(line, kind, q.o.Tokens.Table().Named(), q.o.Upstream, q.o.MakeIt, q.o.Gateway)
}

// finish makes what pages look up, and puts in what the places of a form are called.
func (q *request) finish(d *draft.Draft) *picker.Catalogue {
	k := q.catalog.Load(q.o.Tokens.Table())
	d.Finish(k)
	q.relabel(d)
	return k
}

func (q *request) form(status int, d *draft.Draft, p formPage) error {
	catalog := q.finish(d)
	p.Draft, p.Categories, p.Common, p.Templates = d, catalog.All, catalog.Common(), catalog.Cards(q.o.Policies.Templates())
	for _, a := range []policy.Access{policy.AccessSelectedMemberships, policy.AccessPersonalProjects,
		policy.AccessAllMemberships, policy.AccessUser, policy.AccessInstance} {
		p.Accesses = append(p.Accesses, table.Choice{Value: a.String(), Label: words.Access(a.String())})
	}
	s := q.o.Tokens
	p.Shortest, p.Standard = terms.WriteSpan(terms.Shortest), terms.WriteSpan(s.StandardLifetime())
	p.Longest = terms.WriteSpan(s.MaxLifetime())
	p.ReportMode, p.LongestReport = s.AllowsReportMode(), terms.WriteSpan(token.LongestReport)
	p.MaxName, p.MaxDescription, p.User = terms.MaxName, terms.MaxDescription, q.caller.Username()
	for _, preset := range []string{"1h", "12h", "7d", "30d", "90d", "365d"} {
		if d, _ := terms.ParseSpan(preset); d <= s.MaxLifetime() {
			p.Presets = append(p.Presets, preset)
		}
	}
	p.ScopesOfCredential = strings.Join(q.caller.Scopes(), ", ")
	p.Summary = q.summarize(d, catalog)
	q.render("form", status, page{Title: p.Heading, Nav: "tokens"}, &p)
	return nil
}

// create makes the token that the form describes, and shows its secret; or shows the form again with its problems.
func (q *request) create() error {
	d := q.read(q.r.PostForm)
	if d.Step(q.r.PostForm.Get("do"), q.o.Policies.Templates()) {
		return q.showForm(http.StatusOK, d, formPage{})
	}
	if d.Cut {
		return q.showForm(http.StatusUnprocessableEntity, d, formPage{})
	}
	caller, status := q.presented(d)
	if caller == nil {
		return q.showForm(status, d, formPage{})
	}
	form, stop, err := q.onlyOnce()
	if stop {
		return err
	}
	ctx, cancel := session.Through(q.ctx())
	defer cancel()
	made, err := q.o.Tokens.Create(ctx, caller, d.Creation())
	if err = q.session.Ended(ctx, form, made, err); err != nil {
		return q.refusedCreation(d, caller, err)
	}
	return q.showSecret(made, "Your new token", "", q.next(d.After, made.ID))
}

// refusedCreation shows the form again with its problems. When there is no sealed credential that the token could be bound to, it
// says so at the box that seals one.
func (q *request) refusedCreation(d *draft.Draft, caller *tokens.Owner, err error) error {
	if errors.Is(err, tokens.ErrForbidden) && !d.Seal {
		if sealed, unknown := q.o.Tokens.Sealed(q.ctx(), caller); unknown == nil && !sealed {
			d.Problem("seal", "patgate holds no %s access token of yours yet that this token could act with: tick this, or "+
				"have one added (patgate owner add)", q.o.Forge)
			return q.showForm(http.StatusForbidden, d, formPage{})
		}
	}
	status, err := q.refusedDraft(d, err)
	if err != nil {
		return err
	}
	return q.showForm(status, d, formPage{})
}

// presented takes the forge credential of a form that describes a token.
func (q *request) presented(d *draft.Draft) (*tokens.Owner, int) {
	problems := map[string][]string{}
	caller, status := q.again(problems)
	for _, text := range problems["credential"] {
		d.Problem("credential", "%s", text)
	}
	return caller, status
}

// refusedDraft puts what the service says is wrong with a draft at its fields.
func (q *request) refusedDraft(d *draft.Draft, err error) (int, error) {
	var invalid *terms.Invalid
	switch {
	case errors.As(err, &invalid):
		d.Refused(invalid, nil)
	case errors.Is(err, tokens.ErrContainer) && err != tokens.ErrContainer:
		d.Refused(nil, strings.Split(err.Error(), "\n"))
	default:
		status, text := q.words(err)
		if status == http.StatusInternalServerError || status == http.StatusServiceUnavailable { // the outcome is not known
			return 0, err
		}
		d.General = append(d.General, text)
		return status, nil
	}
	return http.StatusUnprocessableEntity, nil
}

// preview answers the script with what the form describes, in words and as commands.
func (q *request) preview() error {
	d := q.read(q.r.PostForm)
	catalog := q.finish(d)
	q.w.Header().Set("Content-Type", "application/json")
	return json.NewEncoder(q.w).Encode(q.summarize(d, catalog))
}

// summarize puts a draft into words, and into the forms that other places take.
func (q *request) summarize(d *draft.Draft, k *picker.Catalogue) draft.Summary {
	s, t := d.Summarize(k), d.Elsewhere(q.o.Tokens.Table())
	s.JSON, s.Command, s.Terraform = t.JSON(q.o.Gateway, q.o.Forge), t.Command(q.o.Gateway), t.Terraform(q.o.Gateway)
	return s
}
