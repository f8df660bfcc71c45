package console

import (
	"errors"
	"net/http"
	"reflect"
	"slices"
	"strconv"

	"patgate/admin/console/details"
	"patgate/admin/console/draft"
	"patgate/admin/console/findings"
	"patgate/admin/console/guard"
	"patgate/admin/console/rows"
	"patgate/admin/console/table"
	"patgate/admin/console/words"
	"patgate/admin/learning"
	"patgate/admin/tokens"
	"patgate/learn/propose"
	"patgate/store"
)

// findingPage shows which rights of a token are unused, what goes and what stays.
type findingPage struct {
	Token   rows.Token
	Finding *learning.Finding
	Said    string
	Some    bool // something goes and something stays
	Nothing bool // nothing was used
	Windows []table.Choice
	Goes    []findings.Rows
	Stays   []findings.Rows
	Names   map[findings.Place]rows.Place
	Problem string
}

// windows are the days that the page offers to judge by.
var windows = []int{30, 60, 89}

// showUnused shows the page.
func (q *request) showUnused() error {
	t, err := q.editable()
	if err != nil {
		return err
	}
	return q.unusedPage(http.StatusOK, t, q.r.URL.Query().Get("since"), "")
}

func (q *request) unusedPage(status int, t *tokens.Inspected, since, problem string) error {
	days, _ := strconv.Atoi(since)
	f, err := q.o.Learning.Find(q.ctx(), q.caller, t.ID, max(days, 0))
	if err != nil {
		return err
	}
	p := &findingPage{Token: q.row(q.named(t)), Finding: f, Said: words.Sentence(f.Text), Problem: problem}
	p.Some, p.Nothing = f.Standing == learning.SomeUnused, f.Standing == learning.NothingUsed
	p.Names = map[findings.Place]rows.Place{}
	for _, n := range windows {
		label := words.Plural(n, "day", "days")
		p.Windows = append(p.Windows, table.Choice{Value: strconv.Itoa(n), Label: label, Chosen: n == f.Days})
	}
	if f.Rights != nil {
		p.Goes, p.Stays = q.rights(t, f.Rights.Goes), q.rights(t, f.Rights.Stays)
	}
	for _, s := range p.Token.Scopes {
		for _, place := range slices.Concat(s.Places, s.MorePlaces) {
			p.Names[findings.Place{Kind: place.Kind, ID: place.ID}] = place
		}
	}
	q.render("unused", status, page{Title: "Unused rights of “" + t.Name + "”", Nav: "tokens"}, p)
	return nil
}

// rights puts rights into words, scope by scope.
func (q *request) rights(t *tokens.Inspected, all []propose.Right) []findings.Rows {
	k := q.catalog.Load(q.o.Tokens.Table())
	return findings.Rights(all, func(name string) (title, label string) {
		if v := k.Verbs[name]; v != nil {
			return k.Of[name].Title, v.Label
		}
		return name, ""
	}, func(n int) int {
		s := &t.Scopes[n-1]
		return len(s.Permissions) + len(s.ProjectIDs) + len(s.GroupIDs)
	})
}

// narrow takes from a token what the page has shown as unused.
func (q *request) narrow() error {
	t, err := q.editable()
	if err != nil {
		return err
	}
	form := q.r.PostForm
	days, err := strconv.Atoi(form.Get("since"))
	if err != nil || form.Get("digest") == "" {
		return guard.ErrForm
	}
	edited, err := q.o.Learning.Narrow(q.ctx(), q.caller, t.ID, days, form.Get("digest"))
	if errors.Is(err, tokens.ErrConflict) {
		return q.unusedPage(http.StatusConflict, t, form.Get("since"), words.Sentence(err.Error())+" Nothing was changed.")
	}
	if err != nil {
		return err
	}
	q.session.Say("It is narrowed to what was used." + findings.EndedBelow(len(edited.Revoked)) + q.nextAfterNarrowing(t, edited))
	return q.redirect("/tokens/" + strconv.FormatInt(t.ID, 10))
}

// nextAfterNarrowing says what to do next when an edit has taken something from a token that an undo can give back.
func (q *request) nextAfterNarrowing(before *tokens.Inspected, e *tokens.Edited) string {
	if q.o.Learning == nil || e.Widened || reflect.DeepEqual(before.Scopes, e.Scopes) {
		return ""
	}
	if _, err := q.o.Learning.Undoable(q.ctx(), q.caller, e.ID); err != nil {
		return "" // nothing was taken, or for good
	}
	return " Let its jobs run, and look here for denials: for 14 days you can undo this if they need more."
}

// found puts what is known about a token's use into the page of its details.
func (q *request) found(t *tokens.Inspected, p *details.Page) error {
	if q.o.Learning == nil || !p.Token.Own {
		return nil
	}
	uses, err := q.o.Learning.Uses(q.ctx(), q.caller, t.ID)
	if err != nil {
		return err
	}
	holders := map[string]int{}
	for i := range t.Scopes {
		for _, name := range t.Scopes[i].Permissions {
			holders[name]++
		}
	}
	for i := range p.Token.Scopes {
		for row := range p.Token.Scopes[i].Every() {
			if holders[row.Permission] < 2 {
				continue // every use was this scope's
			}
			u := uses[i][row.Permission]
			row.Uses, row.Last, row.Unused = u.Uses, q.instant(u.Last), u.Uses == 0
		}
	}
	if !p.CanEdit || len(t.Scopes) > draft.MostScopes {
		return nil
	}
	f, err := q.o.Learning.Find(q.ctx(), q.caller, t.ID, 0)
	if err != nil {
		return err
	}
	if f.Standing != learning.NotActive && f.Standing != learning.NotKept {
		p.Finding, p.ToNarrow = words.Sentence(f.Text), f.Standing == learning.SomeUnused || f.Standing == learning.NothingUsed
	}
	if u, err := q.o.Learning.Undoable(q.ctx(), q.caller, t.ID); err == nil {
		p.Narrowed, p.NarrowedBy, p.UndoUntil = q.instant(u.At), u.By, q.instant(u.Until)
	} else if !errors.Is(err, tokens.ErrConflict) && !errors.Is(err, tokens.ErrForbidden) {
		return err
	}
	return nil
}

// back shows the scopes that an undo would give a token back.
func (q *request) back(t *tokens.Inspected) ([]rows.Scope, error) {
	u, err := q.o.Learning.Undoable(q.ctx(), q.caller, t.ID)
	if err != nil {
		return nil, err
	}
	before := *t
	before.Scopes = u.Scopes
	if t.Owner.UserID == q.caller.UserID() {
		before.Names = q.called(store.PlacesOf(u.Scopes))
	}
	return q.scopes(q.named(&before)), nil
}
