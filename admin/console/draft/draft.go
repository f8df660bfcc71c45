package draft

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"patgate/admin/catalogue"
	"patgate/admin/console/picker"
	"patgate/admin/console/rows"
	"patgate/admin/console/words"
	"patgate/admin/names"
	"patgate/admin/terms"
	"patgate/admin/tokens"
	"patgate/policy"
	"patgate/routes"
	"patgate/token/limits"
)

// Draft is a token that is being described in a form, as it was typed.
type Draft struct {
	Name, Description string
	Expires, Renew    string
	ReportUntil       string // end of report mode
	Limits            string // one a line
	unlimited         bool   // the form has no field for limits: it is older than they are
	Enforce           bool   // report mode ends
	Template          string
	Seal              bool
	After             int64 // the token whose job the new one is to do; 0 for none
	Revision          int64 // of the token that is edited, when the form began; 0 for a new one
	Scopes            []Scope
	Problems          map[string][]string // by field: name, description, expires_at, renew_until and the like
	General           []string            // problems of no field
	Cut               bool                // the form had more scopes than are read
}

// Scope is one scope of it.
type Scope struct {
	Index                   int
	Access                  string
	Projects, Groups        string // one a line
	Permissions             []string
	Refs                    string // one pattern a line
	NoDeletes, NoTagChanges bool
	Problems                map[string][]string // permission, project, group, access, constraint, scope
	Unknown                 []string            // permissions that the catalogue does not have
	has                     map[string]bool
}

// Has tells whether a permission is chosen.
func (s Scope) Has(name string) bool { return s.has[name] }

// CountIn tells how many permissions of a category are chosen.
func (s Scope) CountIn(c picker.Category) (n int) {
	for _, r := range c.Resources {
		for _, v := range r.Verbs {
			if s.has[v.Permission] {
				n++
			}
		}
	}
	return n
}

// Shows tells whether there is something of a resource to choose: what is deprecated is shown only while it is chosen.
func (s Scope) Shows(r picker.Resource) bool {
	return slices.ContainsFunc(r.Verbs, func(v picker.Verb) bool { return !v.Deprecated || s.has[v.Permission] })
}

// MostScopes bounds the scopes of one form.
const MostScopes = 20

// Problem notes what is wrong with a field.
func (d *Draft) Problem(field, format string, args ...any) {
	if d.Problems == nil {
		d.Problems = map[string][]string{}
	}
	d.Problems[field] = append(d.Problems[field], words.Said(fmt.Sprintf(format, args...)))
}

// Finish makes what pages look up.
func (d *Draft) Finish(k *picker.Catalogue) {
	if len(d.Scopes) == 0 {
		d.Scopes = []Scope{{Access: policy.AccessSelectedMemberships.String()}}
	}
	for i := range d.Scopes {
		s := &d.Scopes[i]
		s.Index, s.has = i, map[string]bool{}
		s.Unknown = nil
		for _, name := range s.Permissions {
			s.has[name] = true
			if k.Verbs[name] == nil {
				s.Unknown = append(s.Unknown, name)
			}
		}
		if s.Access == "" {
			s.Access = policy.AccessSelectedMemberships.String()
		}
	}
}

// Read reads a form. Whatever scope indices it has, the scopes are numbered anew.
func Read(form url.Values) *Draft {
	d := &Draft{
		Name:        form.Get("name"),
		Description: form.Get("description"),
		Expires:     strings.TrimSpace(form.Get("expires_at")),
		Renew:       strings.TrimSpace(form.Get("renew_until")),
		ReportUntil: strings.TrimSpace(form.Get("report_until")),
		Limits:      strings.TrimSpace(form.Get("limits")),
		unlimited:   !form.Has("limits"),
		Enforce:     form.Get("enforce") != "",
		Template:    form.Get("template"),
		Seal:        form.Get("seal") != "",
	}
	d.After, _ = strconv.ParseInt(form.Get("after"), 10, 64)
	d.Revision, _ = strconv.ParseInt(form.Get("revision"), 10, 64)
	var indices []int
	for name := range form {
		rest, ok := strings.CutPrefix(name, "scope-")
		number, field, both := strings.Cut(rest, "-")
		n, err := strconv.Atoi(number)
		if ok && both && field == "access" && err == nil && n >= 0 {
			indices = append(indices, n)
		}
	}
	slices.Sort(indices)
	if len(indices) > MostScopes {
		d.Cut = true
		d.General = append(d.General,
			fmt.Sprintf("The form takes at most %d scopes and had %d: the rest was not read.", MostScopes, len(indices)))
	}
	for _, n := range indices[:min(len(indices), MostScopes)] {
		get := func(field string) string { return form.Get(fmt.Sprintf("scope-%d-%s", n, field)) }
		s := Scope{
			Index:        n,
			Access:       get("access"),
			Projects:     get("projects"),
			Groups:       get("groups"),
			Refs:         get("refs"),
			NoDeletes:    get("no-deletes") != "",
			NoTagChanges: get("no-tag-changes") != "",
		}
		for _, name := range form[fmt.Sprintf("scope-%d-permission", n)] {
			if !slices.Contains(s.Permissions, name) {
				s.Permissions = append(s.Permissions, name)
			}
		}
		d.Scopes = append(d.Scopes, s)
	}
	return d
}

// Prefilled reads what an address asks for: name, description, template, access, project, group, permissions, expires_in.
// It only fills in a form: the signed-in user reads it and decides.
func Prefilled(in url.Values, templates []catalogue.Template) (d *Draft, any bool) {
	d = &Draft{Name: in.Get("name"), Description: in.Get("description"), Template: in.Get("template"),
		Expires: in.Get("expires_in")}
	accesses := words.Listed(in.Get("access"))
	s := Scope{Access: in.Get("access")}
	var more []string
	if isAccesses(accesses) {
		s.Access, more = accesses[0], accesses[1:]
	}
	s.Projects = d.linked(routes.RefProject, in["project"])
	s.Groups = d.linked(routes.RefGroup, in["group"])
	s.Permissions = words.Listed(strings.Join(in["permissions"], ","))
	if _, err := policy.ParseAccess(s.Access); err != nil {
		if s.Access != "" {
			d.General = append(d.General, words.Sentence(fmt.Sprintf("The link asks for the access %q, which does not "+
				"exist", s.Access)))
		}
		s.Access = policy.AccessSelectedMemberships.String()
	}
	for _, name := range []string{"name", "description", "template", "access", "project", "group", "permissions", "expires_in"} {
		any = any || in.Get(name) != ""
	}
	permissions := s.Permissions
	d.Scopes = []Scope{s}
	for _, access := range more {
		d.Scopes = append(d.Scopes, Scope{Access: access, Permissions: slices.Clone(permissions)})
	}
	if d.Template != "" && !d.apply(d.Template, templates) {
		d.General = append(d.General, words.Sentence(fmt.Sprintf("The link names the template %q, which does not "+
			"exist", d.Template)))
		d.Template = ""
	}
	for _, name := range permissions {
		if !slices.Contains(d.Scopes[0].Permissions, name) {
			d.Scopes[0].Permissions = append(d.Scopes[0].Permissions, name)
		}
	}
	return d, any
}

// isAccesses tells whether a link asks for more than one access: the permissions are then wanted under each.
func isAccesses(names []string) bool {
	return len(names) > 1 && !slices.ContainsFunc(names, func(name string) bool {
		_, err := policy.ParseAccess(name)
		return err != nil
	})
}

// start puts a template in the place of the choices: its name too, unless the name was changed from the last template's.
func (d *Draft) start(name string, all []catalogue.Template) {
	for _, t := range all {
		if t.Name == d.Template && d.Name == t.Title {
			d.Name = ""
		}
	}
	if slices.ContainsFunc(all, func(t catalogue.Template) bool { return t.Name == name }) {
		d.Expires = ""
		d.apply(name, all)
	}
}

// apply puts a template's permissions into the first scope, and its lifetime where none was typed.
func (d *Draft) apply(name string, all []catalogue.Template) bool {
	i := slices.IndexFunc(all, func(t catalogue.Template) bool { return t.Name == name })
	if i < 0 {
		return false
	}
	t := &all[i]
	if len(d.Scopes) == 0 {
		d.Scopes = []Scope{{}}
	}
	first := &d.Scopes[0]
	for j, s := range t.Scopes {
		if j == 0 {
			first.Permissions, first.Access = slices.Clone(s.Permissions), cmp.Or(first.Access, s.Access)
			continue
		}
		d.Scopes = append(d.Scopes, Scope{Access: s.Access, Permissions: slices.Clone(s.Permissions)})
	}
	d.Template = name
	d.Expires = cmp.Or(d.Expires, t.ExpiresIn)
	d.Name = cmp.Or(d.Name, t.Title)
	return true
}

// Terms gives the scopes as the service takes them.
func (d *Draft) Terms() (all []terms.Scope) {
	for i := range d.Scopes {
		s := &d.Scopes[i]
		one := terms.Scope{Access: s.Access, Permissions: s.Permissions}
		if s.Access == policy.AccessSelectedMemberships.String() {
			one.ProjectIDs, one.Projects = Placed(s.Projects)
			one.GroupIDs, one.Groups = Placed(s.Groups)
		}
		if s.Access != policy.AccessUser.String() && s.Access != policy.AccessInstance.String() {
			one.Constraints = policy.ConstraintSpec{
				RefPatterns:      words.Listed(s.Refs),
				ForbidRefDeletes: s.NoDeletes,
				ForbidTagChanges: s.NoTagChanges,
			}
		}
		all = append(all, one)
	}
	return all
}

// Creation gives the request for a new token.
func (d *Draft) Creation() tokens.Creation {
	return tokens.Creation{
		Name:        d.Name,
		Description: d.Description,
		ExpiresAt:   d.Expires,
		RenewUntil:  d.Renew,
		ReportUntil: d.ReportUntil,
		Scopes:      d.Terms(),
		Limits:      limits.ParseLines(d.Limits),
		Seal:        d.Seal,
	}
}

// NewLimits gives the limits that an edit asks for; nil when they are what they were.
func (d *Draft) NewLimits(were *limits.Spec) *limits.Spec {
	if s := limits.ParseLines(d.Limits); !d.unlimited && !s.Equal(were) {
		return &s
	}
	return nil
}

// Of describes an existing token, for editing and for another one like it.
func Of(t *tokens.Inspected, now time.Time) *Draft {
	return &Draft{Name: t.Name, Description: t.Description, Revision: t.Revision, Limits: t.Limits.Lines(),
		Scopes: Scopes(t.Scopes, names.Of(t.Names, now).ForForm())}
}

// Scopes describes scopes.
func Scopes(scopes []policy.ScopeSpec, n names.Book) (all []Scope) {
	for i := range scopes {
		s := &scopes[i]
		one := Scope{
			Access:       s.Access,
			Permissions:  slices.Clone(s.Permissions),
			Refs:         strings.Join(s.Constraints.RefPatterns, "\n"),
			NoDeletes:    s.Constraints.ForbidRefDeletes,
			NoTagChanges: s.Constraints.ForbidTagChanges,
		}
		one.Projects = rows.Lines(routes.RefProject, s.ProjectIDs, n)
		one.Groups = rows.Lines(routes.RefGroup, s.GroupIDs, n)
		all = append(all, one)
	}
	return all
}

// Refused takes over what the service says is wrong, each at its field. missing are lines of field and message.
func (d *Draft) Refused(invalid *terms.Invalid, missing []string) {
	add := func(field, message string) {
		rest, ok := strings.CutPrefix(field, "granular_scopes[")
		number, inner, closed := strings.Cut(rest, "]")
		n, numberErr := strconv.Atoi(number)
		if !ok || !closed || numberErr != nil || n >= len(d.Scopes) {
			if field == "granular_scopes" {
				d.General = append(d.General, words.Said(message))
				return
			}
			if rest, is := strings.CutPrefix(field, "limits."); is {
				field, message = "limits", rest+" "+message
			}
			d.Problem(field, "%s", message)
			return
		}
		s := &d.Scopes[n]
		if s.Problems == nil {
			s.Problems = map[string][]string{}
		}
		name := strings.TrimPrefix(inner, ".")
		name, _, _ = strings.Cut(strings.TrimSuffix(strings.TrimSuffix(name, "_ids"), "s"), ".")
		switch name {
		case "permission", "project", "group", "access", "constraint":
		default:
			name = "scope"
		}
		if name == "scope" && s.Access == policy.AccessSelectedMemberships.String() && s.Projects+s.Groups == "" {
			name, message = "project", "Choose at least one project or group"
		}
		for i := range d.Scopes { // people count from one, and pages say so
			message = strings.Replace(message, fmt.Sprintf("scopes[%d]", i), fmt.Sprintf("scope %d", i+1), 1)
		}
		s.Problems[name] = append(s.Problems[name], words.Said(message))
	}
	if invalid != nil {
		for _, p := range invalid.Problems {
			add(p.Field, p.Message)
		}
	}
	for _, line := range missing {
		field, message, ok := strings.Cut(line, ": ")
		if !ok {
			d.General = append(d.General, words.Sentence(line))
			continue
		}
		add(field, message)
	}
}

// Fault is a problem in the list over the form, with the field that it is about.
type Fault struct {
	Anchor, Label, Text string
}

// Faults are all problems in the order of the form.
func (d *Draft) Faults() (all []Fault) {
	for _, text := range d.General {
		all = append(all, Fault{Text: text})
	}
	for _, f := range []struct{ name, label string }{
		{"name", "Name"},
		{"description", "Description"},
		{"expires_at", "Expires"},
		{"renew_until", "Rotates itself until"},
		{"report_until", "Report mode"},
		{"limits", "Limits"},
	} {
		for _, text := range d.Problems[f.name] {
			all = append(all, Fault{f.name, f.label, text})
		}
	}
	for i := range d.Scopes {
		s := &d.Scopes[i]
		for _, f := range []struct{ name, anchor, label string }{
			{"scope", "title", "Scope"},
			{"access", "title", "Where"},
			{"project", "title", "Where"},
			{"group", "title", "Where"},
			{"permission", "title", "What"},
			{"constraint", "refs", "Limits"},
		} {
			for _, text := range s.Problems[f.name] {
				all = append(all, Fault{fmt.Sprintf("scope-%d-%s", s.Index, f.anchor), f.label, text})
			}
		}
	}
	for _, f := range []struct{ name, label string }{{"credential", "Access token"}, {"seal", "Keep it sealed"}} {
		for _, text := range d.Problems[f.name] {
			all = append(all, Fault{f.name, f.label, text})
		}
	}
	return all
}

// Digest stands for the scopes of a form.
func (d *Draft) Digest() string {
	text, err := json.Marshal(d.Terms())
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:16])
}
