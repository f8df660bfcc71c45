// Package reload keeps a route table up to date with the user's overlay files, and whatever else is loaded from files. It is
// apart from package routes because it reads the disk and the clock, which a table and its loader never do.
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
	// Report gets every reload that Watch or Reload did, in order. It may be nil. It must not call the Reloader.
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
type Reloader struct{ *Kept[routes.Table] }

// New loads the table for the first time. Problems mean that there is no table, and no Reloader.
func New(opts Options) (*Reloader, []routes.Problem) {
	k, problems := Keep(Source[routes.Table]{Paths: opts.Paths, Interval: opts.Interval,
		Load: func(files []routes.File, before *routes.Table) (*routes.Table, []routes.Problem) {
			o := load.Options{Table: opts.Table, Overlay: files}
			if before != nil {
				o.Known = before.Catalogue()
			}
			return load.Table(o)
		},
		Report: func(table *routes.Table, files int, problems []routes.Problem) {
			if opts.Report != nil {
				opts.Report(Event{Problems: problems, Rows: len(table.Routes()), Files: files})
			}
		}})
	if len(problems) > 0 {
		return nil, problems
	}
	return &Reloader{k}, nil
}

// Table gives the current table. A request asks once and keeps it.
func (r *Reloader) Table() *routes.Table { return r.Current() }

// Source says what a Kept is loaded from.
type Source[T any] struct {
	// Paths are files and directories, in the order in which they apply. Without any, Watch has nothing to do.
	Paths []string
	// Interval is how often Watch looks at the files; 0 is DefaultInterval.
	Interval time.Duration
	// MayBeNone: there may be no files at all. A directory may be empty, and a path that is removed later counts as empty;
	// otherwise what was read from it stays.
	MayBeNone bool
	// Load makes what is in use from files. before is what was in use until now; nil the first time.
	Load func(files []routes.File, before *T) (*T, []routes.Problem)
	// Less gives the part that stays in use when there are problems; nil: all of it.
	Less func(before *T) *T
	// Report gets every reload, in order: what is in use, how many files were read, and why the one before stays. It may be nil.
	Report func(current *T, files int, problems []routes.Problem)
}

// Kept is what was loaded from files and is kept up to date with them. Its methods may be called from any goroutine.
type Kept[T any] struct {
	source  Source[T]
	files   Files
	current atomic.Pointer[T]
}

// Keep loads for the first time. Problems mean that there is nothing.
func Keep[T any](source Source[T]) (*Kept[T], []routes.Problem) {
	k := &Kept[T]{source: source}
	k.files = Files{Read: k.read, Load: k.load}
	files, problems := k.files.First()
	if len(problems) > 0 {
		return nil, problems
	}
	loaded, problems := source.Load(files, nil)
	if len(problems) > 0 {
		return nil, problems
	}
	k.current.Store(loaded)
	return k, nil
}

// Current gives the value in use.
func (k *Kept[T]) Current() *T { return k.current.Load() }

// Reload reads the files again, whether they changed or not, and puts what they hold into use. When there are problems, what was
// there before stays, or as much of it as Less says.
func (k *Kept[T]) Reload() []routes.Problem { return k.files.Reload() }

// Watch reloads when a file was changed, added or removed, until the context is done, see Files.Watch.
func (k *Kept[T]) Watch(ctx context.Context) {
	if len(k.source.Paths) > 0 {
		k.files.Watch(ctx, k.source.Interval)
	}
}

// read reads the files. At the start each path must lead somewhere.
func (k *Kept[T]) read() ([]routes.File, []routes.Problem) {
	return readFiles(k.source.Paths, k.source.MayBeNone, k.source.MayBeNone && k.Current() != nil)
}

// load puts what was read into use.
func (k *Kept[T]) load(files []routes.File, problems []routes.Problem) []routes.Problem {
	if len(problems) == 0 {
		var loaded *T
		if loaded, problems = k.source.Load(files, k.Current()); len(problems) == 0 {
			k.current.Store(loaded)
		}
	}
	if len(problems) > 0 && k.source.Less != nil {
		k.current.Store(k.source.Less(k.Current()))
	}
	if k.source.Report != nil {
		k.source.Report(k.Current(), len(files), problems)
	}
	return problems
}
