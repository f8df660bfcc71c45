package routes

import "slices"

// Entries says how the entries of an answer name their containers, so that those which a grant does not reach can be left out.
// The answer is a list of objects, or an object that holds one.
type Entries struct {
	At     string      // key of the list; empty: the answer itself is the list
	Total  string      // beside At, key of the number of entries; empty: the forge says "ok" there
	Of     []EntryName // an entry must have one of these at least, and what each of them names must be reached
	Param  string      // parameter that chooses these entries; empty: nothing has to
	Values []string    // those of Param
	Pages  *Pages
}

// EntryName says where an entry names a container. Members are keys with dots between them: namespace.id.
type EntryName struct {
	Ref   RefKind // RefProject, RefGroup or RefUser
	ID    string  // member with the numeric id
	Path  string  // member that begins with the full path; empty: there is none
	Above string  // member with the id of the group that the container lies in; empty: there is none
	// Alone is a member that must be a null, or the entry does not name the container; empty: nothing must.
	Alone string
	// Row is what the permission is asked on: as if a request named the container itself.
	Row *Route
}

// Pages says how the forge cuts lists into pages.
type Pages struct {
	Page, Size    string   // parameters: the number of a page, from 1, and how many entries it has
	Default, Most int      // of Size, where the client says nothing, and at most
	Without       []string // parameters that ask for pages of another kind
}

// Says tells whether two say the same.
func (p *Pages) Says(o *Pages) bool {
	return p.Page == o.Page && p.Size == o.Size && p.Default == o.Default && p.Most == o.Most &&
		slices.Equal(p.Without, o.Without)
}

// Names gives the parameters that have to do with pages.
func (p *Pages) Names() []string { return append([]string{p.Page, p.Size}, p.Without...) }

// Says tells whether a list is described by two in the same way, the rows that are asked for it aside.
func (e *Entries) Says(o *Entries) bool {
	same := func(a, b EntryName) bool {
		return a.Ref == b.Ref && a.ID == b.ID && a.Path == b.Path && a.Above == b.Above && a.Alone == b.Alone
	}
	return e.At == o.At && e.Total == o.Total && e.Param == o.Param && slices.Equal(e.Values, o.Values) &&
		slices.EqualFunc(e.Of, o.Of, same)
}

// Spanned tells whether the answer may hold entries of other containers when the request has these parameters. value gives
// that of a parameter of the query; empty when it has none.
func (r *Route) Spanned(value func(name string) string) *Entries {
	for _, e := range r.Entries {
		if e.Param == "" || slices.Contains(e.Values, value(e.Param)) {
			return e
		}
	}
	return nil
}

// Chooses tells whether a value of a parameter chooses entries, which are then judged one by one.
func (r *Route) Chooses(name, value []byte) bool {
	return slices.ContainsFunc(r.Entries, func(e *Entries) bool {
		return e.Param == string(name) && slices.Contains(e.Values, string(value))
	})
}

// AddEntries gives a row entries while its table is made. Each container that an entry names is asked for on a row of its own.
func (r *Route) AddEntries(e Entries) {
	e.Of = slices.Clone(e.Of)
	for i := range e.Of {
		boundary := BoundaryProject
		switch e.Of[i].Ref {
		case RefGroup:
			boundary = BoundaryGroup
		case RefUser:
			boundary = BoundaryUser
		}
		row := &Route{Kind: KindPermission, Method: r.Method, Path: r.Path, Source: r.Source, Named: r.Named, Needs: r.Needs,
			NeedSet: r.NeedSet, Category: r.Category, Resource: r.Resource, Action: r.Action, Boundaries: []Boundary{boundary}}
		row.Find = Find{From: FindByLookup, Ref: e.Of[i].Ref}
		e.Of[i].Row = row
	}
	r.Entries, r.Asked = append(r.Entries, &e), true
}
