package terms

import (
	"slices"
	"strconv"
	"strings"

	"patgate/routes"
	"patgate/token"
)

// OnlyReads warns when the scopes of the forge credential only let a token read that may write: the forge refuses what the token
// may do.
func OnlyReads(scopes []string, r *token.Record, t *routes.Table) []string {
	if len(scopes) == 0 || slices.ContainsFunc(scopes, func(s string) bool { return !strings.HasPrefix(s, "read") }) {
		return nil
	}
	reads := map[string]bool{} // by permission: whether every row that needs it reads
	for _, row := range t.Routes() {
		for _, name := range t.Catalogue().Names(row.Needs) {
			before, seen := reads[name]
			reads[name] = (before || !seen) && !row.Writes()
		}
	}
	var writing []string
	for i := range r.Scopes {
		for _, name := range r.Scopes[i].Permissions {
			if only, known := reads[name]; known && !only && !slices.Contains(writing, name) {
				writing = append(writing, name)
			}
		}
	}
	if len(writing) == 0 {
		return nil
	}
	const most = 5
	if more := len(writing) - most; more > 0 {
		writing = append(writing[:most:most], strconv.Itoa(more)+" more")
	}
	return []string{"the owner's forge token only reads (" + strings.Join(scopes, ", ") + "), so that the forge will " +
		"refuse what this token " +
		"may write: " + strings.Join(writing, ", ") + "; replace it by one that writes (patgate owner replace)"}
}
