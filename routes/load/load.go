// Package load reads route tables: YAML, strictly, with every problem that is in it, and overlays of the operator's own.
package load

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"patgate/routes"
	"patgate/routes/graphql"
	"patgate/routes/load/document"
	"patgate/routes/load/documents"
	"patgate/routes/nearest"
)

// Options says what a table is made of.
type Options struct {
	// Forge chooses the embedded table: see Forges. Empty is GitLab. It says nothing where Table is given.
	Forge string
	// Table holds the files of the table itself; nil is the embedded table of Forge.
	Table []routes.File
	// Overlay holds the user's files: rows that are added, replaced or removed, in the order in which they apply.
	Overlay []routes.File
	// Known is the catalogue of the table that this one replaces, or nil. Permissions keep their numbers, so that grants
	// that were compiled against it stay right.
	Known *routes.Catalogue
}

// GitLab loads the embedded table for GitLab. It only fails when the embedded files are wrong, which a test excludes.
func GitLab() (*routes.Table, error) { return embedded(Options{}) }

// Gitea loads the embedded table for Gitea. It only fails when the embedded files are wrong, which a test excludes.
func Gitea() (*routes.Table, error) { return embedded(Options{Forge: routes.ForgeGitea}) }

func embedded(o Options) (*routes.Table, error) {
	t, problems := Table(o)
	if len(problems) > 0 {
		return nil, fmt.Errorf("loading the embedded route table: %w", routes.Problems(problems))
	}
	return t, nil
}

// Table reads a table strictly. It gives a complete table, or nil and all problems in the order of files and lines.
func Table(opts Options) (*routes.Table, []routes.Problem) {
	files := opts.Table
	if files == nil {
		if files = routes.Files(opts.Forge); files == nil {
			return nil, []routes.Problem{{
				Source:  routes.Source{File: "routes/" + opts.Forge, Line: 1},
				Message: fmt.Sprintf("there is no table for the forge %q", opts.Forge),
				Fix:     "use " + strings.Join(routes.Forges(), " or "),
			}}
		}
	}
	a := &assembly{
		documents: parseDocuments(files, opts.Overlay),
		forge:     routes.ForgeGitLab,
		base:      "/api/v4",
		version:   1,
		index:     map[string]int{},
	}
	a.readHeader()
	a.readCatalogue(opts.Known)
	var rows []row
	for i, own := range a.readRows() {
		s := &section{Document: a.documents[i], table: a}
		if s.Overlay {
			rows = s.overlayRows(rows, own)
		} else {
			rows = s.addRows(rows, own)
		}
	}
	commands := a.readQuickActions(rows)
	pushOptions := a.readPushOptions(rows, commands)
	a.readRendered(rows)
	a.readAddresses(rows)
	a.readEntries(rows)
	list := make([]*routes.Route, len(rows))
	for i := range rows {
		list[i] = rows[i].Route
	}
	t, problems := routes.New(routes.Parts{
		Forge:       a.forge,
		Named:       a.named,
		Base:        a.base,
		Version:     a.version,
		Catalogue:   a.catalogue,
		Routes:      list,
		Commands:    commands,
		PushOptions: pushOptions,
		Wides:       a.readWide(),
		Documents:   documents.Read(a.documents, a.forge),
	})
	if len(problems) == 0 {
		problems = t.Unreachable() // also when a file has other problems: all are told at once
	}
	if opts.Table != nil || len(opts.Overlay) > 0 { // a test reads the embedded files
		problems = append(problems, graphql.Check(t)...)
	}
	var names []string
	for _, d := range a.documents {
		problems = append(problems, d.Problems...)
		names = append(names, d.File)
	}
	if len(problems) > 0 {
		routes.SortProblems(problems, names)
		return nil, problems
	}
	return t, nil
}

// assembly is a table while it is put together.
type assembly struct {
	documents []*document.Document
	forge     string
	named     bool // `projects: owner/name`
	base      string
	version   int
	catalogue *routes.Catalogue
	index     map[string]int // of rows by METHOD PATH
}

// parseDocuments reads the YAML of all files side by side: it is most of the work of loading.
func parseDocuments(table, overlay []routes.File) []*document.Document {
	out := make([]*document.Document, len(table)+len(overlay))
	var wait sync.WaitGroup
	for i := range out {
		wait.Go(func() {
			if i < len(table) {
				out[i] = document.Parse(table[i], false)
			} else {
				out[i] = document.Parse(overlay[i-len(table)], true)
			}
		})
	}
	wait.Wait()
	return out
}

// readRows reads the rows of every file side by side: they depend on the header and the catalogue, not on each other.
func (a *assembly) readRows() [][]row {
	out := make([][]row, len(a.documents))
	var wait sync.WaitGroup
	for i, d := range a.documents {
		if d.Root != nil {
			wait.Go(func() { out[i] = (&section{Document: d, table: a}).rows() })
		}
	}
	wait.Wait()
	return out
}

// ForgeOf gives the table that files say they are for, as exported ones do; empty where none says so.
func ForgeOf(files []routes.File) string {
	for _, f := range files {
		d := document.Parse(f, true)
		if d.Root == nil {
			continue
		}
		if v := document.Value(d.Root, "forge"); v != nil && slices.Contains(routes.Forges(), v.Value) {
			return v.Value
		}
	}
	return ""
}

// readHeader reads forge, version and base, which one file of the table holds.
func (a *assembly) readHeader() {
	var first *document.Document
	for _, d := range a.documents {
		says := func(key string) bool { return d.Root != nil && document.Value(d.Root, key) != nil }
		if !slices.ContainsFunc([]string{"forge", "version", "base", "projects"}, says) {
			continue
		}
		forge, base, version := a.forge, a.base, a.version
		named := header(d, &forge, &base, &version)
		switch {
		case first == nil && !d.Overlay:
			first = d
			a.forge = forge
			a.base = base
			a.version = version
			a.named = named
		case forge != a.forge || base != a.base || version != a.version || named != a.named:
			d.Problem(d.Root, "remove forge, version and base",
				"the table is for %s, version %d, base %s: an added file cannot change that", a.forge, a.version, a.base)
		case !d.Overlay:
			d.Problem(d.Root, "remove forge, version and base", "%s says what the table is for already", first.File)
		}
	}
	if first == nil && len(a.documents) > 0 {
		a.documents[0].ProblemAt(1, "add a file with {forge: gitlab, version: 1, base: /api/v4}",
			"no file says which forge the table is for")
	}
}

// header reads the keys of the header of one file. named tells that it says `projects: owner/name`.
func header(d *document.Document, forge, base *string, version *int) (named bool) {
	if v := document.Value(d.Root, "projects"); v != nil {
		form, _ := d.Line(v, "the form of projects")
		if named = form == "owner/name"; !named {
			d.Problem(v, "write owner/name, or leave it out for full paths and ids", "unknown form %q of projects", form)
		}
	}
	if v := document.Value(d.Root, "forge"); v == nil {
		d.Problem(d.Root, "add `forge: gitlab`", "the header has no forge")
	} else {
		*forge, _ = d.Line(v, "the forge")
	}
	if v := document.Value(d.Root, "version"); v == nil {
		d.Problem(d.Root, "add `version: 1`", "the header has no version")
	} else {
		*version = max(1, d.Number(v, "the version", 1<<20))
	}
	v := document.Value(d.Root, "base")
	if v == nil {
		d.Problem(d.Root, "add `base: /api/v4`", "the header has no base")
		return named
	}
	text, ok := d.Line(v, "the base")
	if ok && (!strings.HasPrefix(text, "/api/") || strings.HasSuffix(text, "/") || strings.ContainsAny(text, "{}() ?#%")) {
		d.Problem(v, "write the path below which the API lives, such as /api/v4", "base %q is not a path like /api/v4", text)
		return named
	}
	*base = text
	return named
}

// addRows appends the rows of a file of the table. A row that appears twice is a problem.
func (s *section) addRows(rows, own []row) []row {
	at := s.table.index
	for _, r := range own {
		if first, twice := at[r.key()]; twice {
			s.duplicate(r, rows[first])
			continue
		}
		at[r.key()] = len(rows)
		rows = append(rows, r)
	}
	return rows
}

func (s *section) duplicate(r, first row) {
	s.ProblemAt(r.Source.Line, "remove one of them; a second permission goes under `also:`, a second boundary into boundary=a,b",
		"row %s appears twice, first at %s", r.key(), first.Source)
}

// nearRow says which row may be meant by a METHOD PATH that no row has.
func (a *assembly) nearRow(key string) string {
	const exactly = "write METHOD PATH exactly as `patgate routes list` prints it"
	return nearest.DidYouMean(key, slices.Collect(maps.Keys(a.index)), exactly)
}

// problemAt reports a problem at a place in one of the files.
func (a *assembly) problemAt(at routes.Source, fix, format string, args ...any) {
	for _, d := range a.documents {
		if d.File == at.File {
			d.ProblemAt(at.Line, fix, format, args...)
			return
		}
	}
}
