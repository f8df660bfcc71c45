package inspect

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"patgate/routes"
	"patgate/routes/graphql"
	"patgate/routes/graphql/description"
)

// SchemaCoverage compares what documents may ask for with the GraphQL schema of a forge. Names are Type.field, or Type for all of
// its fields.
type SchemaCoverage struct {
	Mapped   []string `json:"mapped"`   // fields that a token can be given
	Unmapped []string `json:"unmapped"` // what is refused: it is unknown, has no permission, or is given to no token
	Stale    []string `json:"stale"`    // what the forge does not show: it is another version, or hides it from this caller
}

// CoverSchema reads a schema, as GraphQL writes it or as the answer to an introspection, and compares. Inputs, enums and scalars
// are left out.
func CoverSchema(r *graphql.Reader, spec routes.File) (*SchemaCoverage, error) {
	types, err := description.Read(spec.Name, spec.Data)
	if err != nil {
		return nil, fmt.Errorf("%s is not a GraphQL schema: %w", spec.Name, err)
	}
	c := &SchemaCoverage{Mapped: []string{}, Unmapped: []string{}, Stale: []string{}}
	for _, name := range slices.Sorted(maps.Keys(types)) {
		switch {
		case strings.HasPrefix(name, "__"): // introspection
			continue
		case !r.Reads(name):
			c.Unmapped = append(c.Unmapped, name)
			continue
		}
		for _, field := range slices.Sorted(maps.Keys(types[name])) {
			list := &c.Unmapped
			if r.Gives(name, field) {
				list = &c.Mapped
			}
			*list = append(*list, name+"."+field)
		}
	}
	for name, fields := range r.Types() {
		if types[name] == nil {
			c.Stale = append(c.Stale, name)
			continue
		}
		for _, field := range fields {
			if !types[name][field] {
				c.Stale = append(c.Stale, name+"."+field)
			}
		}
	}
	slices.Sort(c.Stale)
	return c, nil
}
