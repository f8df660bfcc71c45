package proof

import (
	"patgate/policy"
	"patgate/routes"
)

// Difference is what one grant opens on a representative that another does not.
type Difference struct {
	Where Representative
	// Permissions are those that only it holds there.
	Permissions []routes.Permission
	// Loosened are those that both hold, and that it holds with fewer constraints, for a ref or for all that writes.
	Loosened []routes.Permission
	// Rows are those of the table on which it allows a request there that the other does not.
	Rows []*routes.Route
}

// Differences gives everything that b opens and a does not; none means that b does no more than a, now and with whatever is
// made later. The grants are of one owner.
//
// Two grants that hold the same on a container, for reading, for writing and for each change of a ref, decide the same there
// about every act, of a row, a target, a text or an option. They differ besides by their version of the table, which the rows
// show.
func Differences(a, b *policy.Grant, t *routes.Table, facts Facts) (found []Difference) {
	all := Representatives(facts, nil, a, b)
	refs := refsOf(a, b)
	for i := range all {
		r := &all[i]
		d := Difference{Where: *r}
		for p, info := range t.Catalogue().All() {
			if info.Name == "" || !holds(b, p, r, reads, nil) {
				continue
			}
			switch {
			case !holds(a, p, r, reads, nil):
				d.Permissions = append(d.Permissions, p)
			case loosened(a, b, p, r, refs):
				d.Loosened = append(d.Loosened, p)
			}
		}
		if len(d.Permissions)+len(d.Loosened) > 0 || b.TableVersion > a.TableVersion {
			d.Rows = rowsBetween(a, b, t, r, all, refs)
		}
		if len(d.Permissions)+len(d.Loosened)+len(d.Rows) > 0 {
			found = append(found, d)
		}
	}
	return found
}

// loosened tells whether b uses a permission where constraints keep a from it.
func loosened(a, b *policy.Grant, p routes.Permission, r *Representative, refs []policy.RefUpdate) bool {
	if !r.Boundary.InContainer() {
		return false
	}
	if holds(b, p, r, writes, nil) && !holds(a, p, r, writes, nil) {
		return true
	}
	for i := range refs {
		if holds(b, p, r, pushes, &refs[i]) && !holds(a, p, r, pushes, &refs[i]) {
			return true
		}
	}
	return false
}

func rowsBetween(a, b *policy.Grant, t *routes.Table, r *Representative, all []Representative,
	refs []policy.RefUpdate) (rows []*routes.Route) {
	one := func(row *routes.Route, update *policy.RefUpdate) bool {
		return opens(b, row, r, all, update) && !opens(a, row, r, all, update)
	}
	for _, row := range t.Routes() {
		if row.Refs != routes.RefsListed {
			if one(row, nil) {
				rows = append(rows, row)
			}
			continue
		}
		for i := range refs {
			if one(row, &refs[i]) {
				rows = append(rows, row)
				break
			}
		}
	}
	return rows
}
