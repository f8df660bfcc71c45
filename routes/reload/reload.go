// Package reload keeps a route table up to date with the user's overlay files. It is apart from package routes because
// it reads the disk and the clock, which a table and its loader never do.
package reload

import (
	"context"
	"sync/atomic"
	"time"

	"patgate/routes"
	"patgate/routes/load"
)

// DefaultInterval is how often Watch looks at the files.
const DefaultInterval = 2 * time.Second

// Options says what a Reloader loads and whom it tells.
type Options struct {
	// Table holds the files of the table itself; nil is the embedded table for GitLab.
	Table []routes.File
	// Paths are overlay files and directories, in the order in which they apply. Without any, Watch has nothing to do.
	Paths []string
	// Interval is how often Watch looks at the files; 0 is DefaultInterval.
	Interval time.Duration
	// Report is told of every reload that Watch or Reload did, in order; nil is told nothing. It must not call the
	// Reloader.
	Report func(Event)
}

// Event is one reload.
type Event struct {
	// Problems is empty when the new table is in use; else the one before stays.
	Problems []routes.Problem
	// Rows and Files count what was loaded: rows of the table, overlay files.
	Rows, Files int
}

// Reloader holds the current table. Its methods may be called from any goroutine.
type Reloader struct {
	opts    Options
	current atomic.Pointer[routes.Table]
	files   Files
}

// New loads the table for the first time. Problems mean that there is no table, and no Reloader.
func New(opts Options) (*Reloader, []routes.Problem) {
	r := &Reloader{opts: opts}
	r.files = Files{Read: func() ([]routes.File, []routes.Problem) { return ReadFiles(opts.Paths) }, Load: r.reload}
	files, problems := r.files.First()
	if len(problems) > 0 {
		return nil, problems
	}
	table, problems := load.Table(load.Options{Table: opts.Table, Overlay: files})
	if len(problems) > 0 {
		return nil, problems
	}
	r.current.Store(table)
	return r, nil
}

// Table gives the current table. A request asks once and keeps it.
func (r *Reloader) Table() *routes.Table { return r.current.Load() }

// Reload reads the files again, whether they changed or not, and puts the new table into use. When there are problems,
// the table before stays.
func (r *Reloader) Reload() []routes.Problem { return r.files.Reload() }

// Watch reloads when a file was changed, added or removed, until the context is done, see Files.Watch.
func (r *Reloader) Watch(ctx context.Context) {
	if len(r.opts.Paths) > 0 {
		r.files.Watch(ctx, r.opts.Interval)
	}
}

// reload puts the table of what was read into use.
func (r *Reloader) reload(files []routes.File, problems []routes.Problem) []routes.Problem {
	before := r.current.Load()
	var table *routes.Table
	if len(problems) == 0 {
		table, problems = load.Table(load.Options{Table: r.opts.Table, Overlay: files, Known: before.Catalogue()})
	}
	event := Event{Problems: problems, Rows: len(before.Routes()), Files: len(files)}
	if len(problems) == 0 {
		r.current.Store(table)
		event.Rows = len(table.Routes())
	}
	if r.opts.Report != nil {
		r.opts.Report(event)
	}
	return problems
}
