package draft

import (
	"slices"

	"patgate/admin/console/picker"
	"patgate/admin/console/words"
	"patgate/routes"
)

// CheckLink takes out of a draft that a link filled in the permissions that there are not, and tells which these are.
func (d *Draft) CheckLink(k *picker.Catalogue, t *routes.Table) {
	s := &d.Scopes[0]
	s.Permissions = slices.DeleteFunc(s.Permissions, func(name string) bool {
		if k.Verbs[name] != nil {
			return false
		}
		text := "The link asks for the permission “" + words.Short(name) + "”, which does not exist."
		if near := t.Catalogue().Nearest(name, 1); len(near) > 0 {
			text += " The nearest is " + near[0] + "."
		}
		d.General = append(d.General, text)
		return true
	})
	unknown := func(name string) bool { return k.Verbs[name] == nil }
	for i := range d.Scopes {
		d.Scopes[i].Permissions = slices.DeleteFunc(d.Scopes[i].Permissions, unknown)
	}
}
