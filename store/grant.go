package store

import (
	"errors"
	"slices"

	"patgate/policy"
)

// CompileStored compiles the scopes of a stored token. A token of an older table may name permissions that the current catalogue
// no longer has, or no longer allows there. These grant nothing any more, and the rest of the token goes on working. A grant
// without scopes allows nothing.
func CompileStored(ownerUserID int64, tableVersion int, specs []policy.ScopeSpec,
	catalogue policy.Permissions) (*policy.Grant, error) {
	catalogue = terse{catalogue}
	grant, err := policy.Compile(ownerUserID, tableVersion, specs, catalogue)
	var problems *policy.SpecError
	if err == nil || !errors.As(err, &problems) {
		return grant, err
	}
	var kept []policy.ScopeSpec
	for _, spec := range specs {
		spec.Permissions = slices.DeleteFunc(slices.Clone(spec.Permissions), func(name string) bool {
			one := spec
			one.Permissions = []string{name}
			_, err := policy.Compile(ownerUserID, tableVersion, []policy.ScopeSpec{one}, catalogue)
			return err != nil
		})
		if len(spec.Permissions) > 0 {
			kept = append(kept, spec)
		}
	}
	if len(kept) == 0 {
		return &policy.Grant{Owner: ownerUserID, TableVersion: tableVersion}, nil
	}
	return policy.Compile(ownerUserID, tableVersion, kept, catalogue)
}

// terse is a catalogue that suggests no names: nobody reads what is wrong with a stored token, and looking for the
// nearest of all names takes milliseconds.
type terse struct{ policy.Permissions }

// Nearest gives none.
func (terse) Nearest(string, int) []string { return nil }
