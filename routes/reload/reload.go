// Package reload keeps a route table up to date with the user's overlay files, and whatever else is loaded from files. It is
// apart from package routes because it reads the disk and the clock, which a table and its loader never do.
package reload

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"sync"
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
	// MayBeNone: what is loaded may be of no files at all. A directory may have none, and a path that is removed later holds nothing
	// any more; otherwise what was there stays.
	MayBeNone bool
	// Load makes it of files. before is what is in use; nil for the first time.
	Load func(files []routes.File, before *T) (*T, []routes.Problem)
	// Report is told of every reload, in order: what is in use, how many files were read, and why the one before stays. Nil is told
	// nothing.
	Report func(current *T, files int, problems []routes.Problem)
}

// Kept is what was loaded from files and is kept up to date with them. Its methods may be called from any goroutine.
type Kept[T any] struct {
	source  Source[T]
	current atomic.Pointer[T]

	mu   sync.Mutex        // held during a reload
	seen [sha256.Size]byte // of the files at the last reload, good or not
}

// Keep loads for the first time. Problems mean that there is nothing.
func Keep[T any](source Source[T]) (*Kept[T], []routes.Problem) {
	k := &Kept[T]{source: source}
	files, problems := readFiles(source.Paths, source.MayBeNone, false)
	k.seen = fingerprint(files, problems)
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

// Current gives what is in use.
func (k *Kept[T]) Current() *T { return k.current.Load() }

// Reload reads the files again, whether they changed or not, and puts what they hold into use. When there are problems, what was
// there before stays.
func (k *Kept[T]) Reload() []routes.Problem {
	k.mu.Lock()
	defer k.mu.Unlock()
	files, problems := k.read()
	return k.reloadLocked(files, problems)
}

// Watch reloads when a file was changed, added or removed, until the context is done. It compares contents, not times: a
// file that is written twice within the clock's grain is not missed, and one that is only touched is not loaded. A change
// that cannot be loaded is reported once.
func (k *Kept[T]) Watch(ctx context.Context) {
	if len(k.source.Paths) == 0 {
		return
	}
	interval := k.source.Interval
	if interval <= 0 {
		interval = DefaultInterval
	}
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			k.poll()
		}
	}
}

// poll reloads when the files differ from those of the last reload.
func (k *Kept[T]) poll() {
	k.mu.Lock()
	defer k.mu.Unlock()
	files, problems := k.read()
	if fingerprint(files, problems) != k.seen {
		k.reloadLocked(files, problems)
	}
}

// read reads the files of a reload.
func (k *Kept[T]) read() ([]routes.File, []routes.Problem) {
	return readFiles(k.source.Paths, k.source.MayBeNone, k.source.MayBeNone)
}

func (k *Kept[T]) reloadLocked(files []routes.File, problems []routes.Problem) []routes.Problem {
	k.seen = fingerprint(files, problems)
	if len(problems) == 0 {
		var loaded *T
		if loaded, problems = k.source.Load(files, k.Current()); len(problems) == 0 {
			k.current.Store(loaded)
		}
	}
	if k.source.Report != nil {
		k.source.Report(k.Current(), len(files), problems)
	}
	return problems
}

// fingerprint is a hash of names and contents, and of what could not be read.
func fingerprint(files []routes.File, problems []routes.Problem) (sum [sha256.Size]byte) {
	h := sha256.New()
	add := func(data []byte) {
		var length [8]byte
		binary.BigEndian.PutUint64(length[:], uint64(len(data)))
		h.Write(length[:])
		h.Write(data)
	}
	for _, f := range files {
		add([]byte(f.Name))
		add(f.Data)
	}
	for _, p := range problems {
		add([]byte(p.Error()))
	}
	h.Sum(sum[:0])
	return sum
}
