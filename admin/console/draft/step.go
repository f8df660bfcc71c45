package draft

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"patgate/admin/catalogue"
	"patgate/admin/console/rows"
	"patgate/admin/console/words"
	"patgate/admin/names"
	"patgate/admin/tokens"
	"patgate/policy"
	"patgate/routes"
)

// Step carries out what a button of the form other than the last one asks for. again tells that the form is shown again.
func (d *Draft) Step(do string, templates []catalogue.Template) (again bool) {
	switch {
	case do == "" || do == "generate":
		return false
	case strings.HasPrefix(do, "template-"):
		d.start(do[len("template-"):], templates)
	case do == "add-scope":
		if len(d.Scopes) < MostScopes {
			d.Scopes = append(d.Scopes, Scope{Access: policy.AccessSelectedMemberships.String()})
		}
	case strings.HasPrefix(do, "remove-"):
		if n, err := strconv.Atoi(do[len("remove-"):]); err == nil {
			d.Scopes = slices.DeleteFunc(d.Scopes, func(s Scope) bool { return s.Index == n })
		}
	}
	return true
}

// Found puts the places into a draft that the service found by it, and tells whether the draft named just these.
func (d *Draft) Found(w *tokens.Widening) bool {
	same := true
	for i := range d.Scopes {
		s, n := &d.Scopes[i], names.Of(w.Names, time.Time{}) // all were seen just now
		before := *s
		s.Projects = rows.Lines(routes.RefProject, w.Added[i].ProjectIDs, n)
		s.Groups = rows.Lines(routes.RefGroup, w.Added[i].GroupIDs, n)
		for kind, text := range before.Places() {
			same = same && slices.Equal(words.Listed(*text), words.Listed(*s.Places()[kind]))
		}
	}
	return same
}
