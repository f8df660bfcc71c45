package routes

import (
	"slices"
	"sync"

	"patgate/routes/pattern"
)

// Table is a whole route table. It is immutable: a reload makes a new one.
type Table struct {
	forge       string
	named       bool
	base        string
	version     int
	catalogue   *Catalogue
	routes      []*Route
	commands    *Commands
	pushOptions *PushOptions
	tries       [methodCount]pattern.Trie
	surfaces    map[string]*Route // rows of other surfaces by METHOD PATH
	minting     []*Route          // that hand out what they mint
	documents   *Documents
	reader      any // of documents, made once
	reading     sync.Once
	again       sync.Pool // *Operation, for confirm
}

// Base is the path below which the forge's REST API lives: /api/v4.
func (t *Table) Base() string { return t.base }

// Forge is whose API the table describes: "gitlab" or "gitea".
func (t *Table) Forge() string { return t.forge }

// Named tells whether the forge names containers by names and never by ids: a project is "owner/name". It says nothing else
// about the forge.
func (t *Table) Named() bool { return t.named }

// ParseReference reads a reference as the forge does: an id or a full path, or a name where it knows no ids.
func (t *Table) ParseReference(kind RefKind, value []byte) (Reference, bool) {
	if t.named {
		return ParseName(kind, value)
	}
	return ParseReference(kind, value)
}

// Version numbers the table; rows and grants carry it, so that an upgrade does not widen a token.
func (t *Table) Version() int { return t.version }

// Catalogue holds the permissions that the rows name.
func (t *Table) Catalogue() *Catalogue { return t.catalogue }

// Routes gives every row in the order of its files. The caller must not change the slice.
func (t *Table) Routes() []*Route { return t.routes }

// Minting gives the rows that hand out a credential to whoever holds their permissions. The caller must not change the slice.
func (t *Table) Minting() []*Route { return t.minting }

// Commands are what the forge carries out when it finds it in a text: see Route.Texts.
func (t *Table) Commands() *Commands { return t.commands }

// PushOptions are what the forge does besides when a push asks for it: see Route.PushOptions.
func (t *Table) PushOptions() *PushOptions { return t.pushOptions }

// Documents are the rules by which GraphQL documents are read; nil where the forge has none.
func (t *Table) Documents() *Documents { return t.documents }

// DocumentReader gives the result of make, which is called once and takes tens of milliseconds. All callers give the same make,
// that of routes/graphql.
func (t *Table) DocumentReader(make func(*Table) any) any {
	t.reading.Do(func() { t.reader = make(t) })
	return t.reader
}

// SurfaceRow gives the row of another surface than the REST API by its name, "METHOD PATH" with the path as it stands in
// the table; nil when there is none.
func (t *Table) SurfaceRow(name []byte) *Route { return t.surfaces[string(name)] }

// Parts are what a table is made of.
type Parts struct {
	Forge       string // see Table.Forge
	Named       bool   // see Table.Named
	Base        string // see Table.Base
	Version     int    // see Table.Version
	Catalogue   *Catalogue
	Routes      []*Route // with their patterns parsed
	Commands    *Commands
	PushOptions *PushOptions
	Wides       []*pattern.Wide
	Documents   *Documents // nil: the forge has no GraphQL
}

// New makes a table. It reports rows that match the same requests as an earlier row, and `after` entries that name no row. A
// table with problems must only be used to look for more of them.
func New(parts Parts) (*Table, []Problem) {
	t := &Table{
		forge:       parts.Forge,
		named:       parts.Named,
		base:        parts.Base,
		version:     parts.Version,
		catalogue:   parts.Catalogue,
		routes:      parts.Routes,
		commands:    parts.Commands,
		pushOptions: parts.PushOptions,
		documents:   parts.Documents,
		surfaces:    map[string]*Route{},
	}
	if t.documents != nil {
		t.routes = append(slices.Clip(t.routes), t.documents.rows()...)
	}
	rows := t.routes
	for _, r := range rows {
		if r.Escapes != "" && r.Refused == "" {
			t.minting = append(t.minting, r)
		}
	}
	t.again.New = func() any { return &Operation{} }
	var problems []Problem
	byName := make(map[string]*Route, len(rows))
	for _, r := range rows {
		byName[r.Method+" "+r.Path] = r
		if r.Surface != "" {
			t.surfaces[r.Method+" "+r.Path] = r
			continue
		}
		trie := &t.tries[methodIndex(r.Method)]
		for _, f := range r.forms(parts.Wides) {
			there := trie.Insert(&pattern.Leaf{Pattern: &r.Pattern.Pattern, Variant: &f.Variant, Of: f})
			if there == nil || there.Pattern == &r.Pattern.Pattern {
				continue
			}
			other := there.Of.(*form).route
			problems = append(problems, Problem{
				Source:  r.Source,
				Message: r.Method + " " + r.Path + " matches the same requests as " + other.Path + " at " + other.Source.String(),
				Fix:     "remove one of them, or give a capture another class",
			})
		}
	}
	for m := range t.tries {
		t.tries[m].FindTrunk(t.base)
	}
	for _, r := range rows {
		r.Pattern.After = r.Pattern.After[:0:0]
		for _, name := range r.After {
			other := byName[name]
			if other == nil {
				problems = append(problems, Problem{Source: r.Source,
					Message: "`after` names " + name + ", which is not a row", Fix: "write METHOD PATH exactly as in the " +
						"other row"})
				continue
			}
			r.Pattern.After = append(r.Pattern.After, &other.Pattern.Pattern)
		}
	}
	return t, problems
}
