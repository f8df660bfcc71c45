package store

import (
	"slices"
	"time"
)

// Unused gives the permissions of a token that it was not seen to use since an instant.
func Unused(l *Listed, uses []PermissionUse, since time.Time) []string {
	unused := []string{}
	for i := range l.Scopes {
		for _, name := range l.Scopes[i].Permissions {
			used := slices.ContainsFunc(uses, func(u PermissionUse) bool {
				return u.Permission == name && u.Uses > 0 && !u.LastUsedAt.Before(since)
			})
			if !used && !slices.Contains(unused, name) {
				unused = append(unused, name)
			}
		}
	}
	return unused
}
