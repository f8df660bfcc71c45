// Package reload keeps a route table up to date with the user's overlay files. It is apart from package routes because
// it reads the disk and the clock, which a table and its loader never do.
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
type Reloader struct {
	opts    Options
	current atomic.Pointer[routes.Table]

	mu   sync.Mutex        // held during a reload
	seen [sha256.Size]byte // of the files at the last reload, good or not
}

// New loads the table for the first time. Problems mean that there is no table, and no Reloader.
func New(opts Options) (*Reloader, []routes.Problem) {
	r := &Reloader{opts: opts}
	files, problems := ReadFiles(opts.Paths)
	r.seen = fingerprint(files, problems)
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
func (r *Reloader) Reload() []routes.Problem {
	r.mu.Lock()
	defer r.mu.Unlock()
	files, problems := ReadFiles(r.opts.Paths)
	return r.reloadLocked(files, problems)
}

// Watch reloads when a file was changed, added or removed, until the context is done. It compares contents, not times: a
// file that is written twice within the clock's grain is not missed, and one that is only touched is not loaded. A change
// that cannot be loaded is reported once.
func (r *Reloader) Watch(ctx context.Context) {
	if len(r.opts.Paths) == 0 {
		return
	}
	interval := r.opts.Interval
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
			r.poll()
		}
	}
}

// poll reloads when the files differ from those of the last reload.
func (r *Reloader) poll() {
	r.mu.Lock()
	defer r.mu.Unlock()
	files, problems := ReadFiles(r.opts.Paths)
	if fingerprint(files, problems) != r.seen {
		r.reloadLocked(files, problems)
	}
}

func (r *Reloader) reloadLocked(files []routes.File, problems []routes.Problem) []routes.Problem {
	r.seen = fingerprint(files, problems)
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
