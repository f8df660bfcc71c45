package manifest

import (
	"path/filepath"
	"slices"

	"patgate/admin/catalogue"
	"patgate/admin/terms"
)

// Template is a set of permissions for a job that many have, beside those that patgate brings.
type Template struct {
	Permissions []string `json:"permissions" doc:"What a scope that names it may do."`
	Expires     string   `json:"expires,omitempty" doc:"A fitting lifetime: 12h, 30d."`
}

func templateKind() kind {
	return kind{"Template", func() any { return &Template{} }, func(c *checker, o *Object) {
		m := o.Spec.(*Template)
		for _, t := range catalogue.Templates() {
			if t.Name == o.Name {
				o.problem("name", "give it another name", "patgate brings a template of this name")
			}
		}
		if _, ok := terms.ParseSpan(m.Expires); m.Expires != "" && !ok {
			o.problem("expires", "write 12h or 30d", "%q is not a length of time", m.Expires)
		}
		s := terms.Scope{Access: "selected_memberships", Permissions: m.Permissions, ProjectIDs: []int64{1}, GroupIDs: []int64{1}}
		c.scopes(o, "permissions", []terms.Scope{s})
	}}
}

// Templates gives the templates that patgate brings and those of the files in force, with their patterns expanded by the present
// table. A nil Mounted has none of files.
func (m *Mounted) Templates() []catalogue.Template {
	all := m.Set().Templates()
	for i := range all {
		if all[i].File == "" {
			continue
		}
		s := &all[i].Scopes[0]
		if names, err := terms.Expand(s, m.table()); err == nil {
			s.Permissions = names
		}
	}
	return all
}

// Templates gives the templates of a set and those that patgate brings.
func (s *Set) Templates() []catalogue.Template {
	all := catalogue.Templates()
	for _, o := range Of[Template](s) {
		m := o.Spec.(*Template)
		all = append(all, catalogue.Template{Name: o.Name, Title: o.Name, Description: o.Description, ExpiresIn: m.Expires,
			File:   filepath.Base(o.Source.File),
			Scopes: []terms.Scope{{Access: "selected_memberships", Permissions: m.Permissions}}})
	}
	return all
}

// template gives the permissions of a template.
func (s *Set) template(name string) ([]string, bool) {
	all := s.Templates()
	i := slices.IndexFunc(all, func(t catalogue.Template) bool { return t.Name == name })
	if i < 0 {
		return nil, false
	}
	return all[i].Scopes[0].Permissions, true
}
