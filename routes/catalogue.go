package routes

import (
	"iter"
	"slices"

	"patgate/routes/nearest"
)

// Catalogue holds the permissions of one forge. It is immutable. A permission's number stays the same for as long as
// the process runs, also over reloads that add or remove permissions: see load.Options.
type Catalogue struct {
	infos  []PermissionInfo // by number; [0] is no permission, a nameless entry is a number that is no longer used
	names  []string         // by number; also those no longer used, so that they get their number back
	byName map[string]Permission
	order  []Permission // as in the files: by category, resource, action
}

// NewCatalogue numbers the permissions: those that known holds keep their numbers, new ones follow in the given order.
// It reports whether all of them fit below MaxPermissions.
func NewCatalogue(infos []PermissionInfo, known *Catalogue) (*Catalogue, bool) {
	c := &Catalogue{names: []string{""}, byName: make(map[string]Permission, len(infos))}
	numbers := make(map[string]Permission, len(infos))
	if known != nil {
		c.names = slices.Clone(known.names)
		for i, name := range c.names {
			numbers[name] = Permission(i)
		}
	}
	fits := true
	for _, info := range infos {
		if _, have := numbers[info.Name]; have {
			continue
		}
		if len(c.names) >= MaxPermissions {
			fits = false
			continue
		}
		numbers[info.Name] = Permission(len(c.names))
		c.names = append(c.names, info.Name)
	}
	c.infos = make([]PermissionInfo, len(c.names))
	for _, info := range infos {
		p, have := numbers[info.Name]
		if !have {
			continue
		}
		c.infos[p] = info
		c.byName[info.Name] = p
		c.order = append(c.order, p)
	}
	return c, fits
}

// Find gives the permission of that exact name.
func (c *Catalogue) Find(name string) (Permission, bool) {
	p, ok := c.byName[name]
	return p, ok
}

// Info describes a permission; the zero PermissionInfo when the catalogue has no such number.
func (c *Catalogue) Info(p Permission) PermissionInfo {
	if int(p) >= len(c.infos) {
		return PermissionInfo{}
	}
	return c.infos[p]
}

// Name gives a permission's identifier; empty when the catalogue has no such number.
func (c *Catalogue) Name(p Permission) string { return c.Info(p).Name }

// Names gives the identifiers of permissions, in the given order.
func (c *Catalogue) Names(ps []Permission) []string {
	names := make([]string, len(ps))
	for i, p := range ps {
		names[i] = c.Name(p)
	}
	return names
}

// NamesOf gives the names of the permissions of a set, in the catalogue's own order.
func (c *Catalogue) NamesOf(set *PermissionSet) (names []string) {
	for p, info := range c.All() {
		if set.Has(p) {
			names = append(names, info.Name)
		}
	}
	return names
}

// Len gives how many permissions the catalogue has.
func (c *Catalogue) Len() int { return len(c.order) }

// All gives every permission in the order of the files: by category, resource and action.
func (c *Catalogue) All() iter.Seq2[Permission, PermissionInfo] {
	return func(yield func(Permission, PermissionInfo) bool) {
		for _, p := range c.order {
			if !yield(p, c.infos[p]) {
				return
			}
		}
	}
}

// Nearest gives up to n names that the writer of an unknown name may have meant, the likeliest first; none when
// nothing is near.
func (c *Catalogue) Nearest(name string, n int) []string {
	candidates := make([]string, 0, len(c.order))
	for _, p := range c.order {
		candidates = append(candidates, c.infos[p].Name)
	}
	return nearest.Names(name, candidates, n)
}
