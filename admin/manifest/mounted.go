package manifest

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"patgate/policy"
	"patgate/routes"
	"patgate/routes/reload"
)

// Files reads the files of a directory, or one file, with the lock that lies beside them.
func Files(path string) ([]routes.File, []routes.Problem) {
	files, problems := reload.ReadFiles([]string{path})
	lock := LockOf(path)
	data, err := os.ReadFile(lock)
	switch {
	case err == nil:
		files = append(files, routes.File{Name: lock, Data: data})
	case !errors.Is(err, fs.ErrNotExist):
		problems = append(problems, routes.Problem{Source: routes.Source{File: lock, Line: 1}, Message: "cannot be read",
			Fix: "make it readable"})
	}
	return files, problems
}

// LockOf gives where the lock of a directory, or of a file, is.
func LockOf(path string) string {
	if info, err := os.Stat(path); err == nil && !info.IsDir() {
		path = filepath.Dir(path)
	}
	return filepath.Join(path, LockName)
}

// Mounted is a directory of files that a gateway keeps to, read again when it changes. A set with problems leaves the last good
// one in place.
type Mounted struct {
	table   func() *routes.Table
	current atomic.Pointer[inForce]
	files   reload.Files
	report  func(objects int, problems []routes.Problem)
}

// inForce is a set with what is made of it for one table.
type inForce struct {
	set    *Set
	limits *policy.Limits
}

// Mount reads a directory for the first time: problems mean that there is none. report is told of every later reading.
func Mount(path string, table func() *routes.Table, report func(objects int, problems []routes.Problem)) (*Mounted,
	[]routes.Problem) {
	m := &Mounted{table: table, report: report}
	m.files = reload.Files{Read: func() ([]routes.File, []routes.Problem) { return Files(path) }, Load: m.load}
	set, problems := m.read(m.files.First())
	if len(problems) > 0 {
		return nil, problems
	}
	m.use(set)
	return m, nil
}

func (m *Mounted) read(files []routes.File, problems []routes.Problem) (*Set, []routes.Problem) {
	if len(problems) > 0 {
		return nil, problems
	}
	return Read(files, m.table())
}

func (m *Mounted) use(s *Set) {
	limits := s.Limits(m.table())
	m.current.Store(&inForce{s, &limits})
}

func (m *Mounted) load(files []routes.File, problems []routes.Problem) []routes.Problem {
	set, problems := m.read(files, problems)
	objects := len(m.Set().Objects)
	if len(problems) == 0 {
		m.use(set)
		objects = len(set.Objects)
	}
	m.report(objects, problems)
	return problems
}

// Set gives the set in force.
func (m *Mounted) Set() *Set { return m.current.Load().set }

// Limits gives the limits in force. Others are another pointer.
func (m *Mounted) Limits() *policy.Limits { return m.current.Load().limits }

// Reload reads the directory again, as it must be when the route table was: it says which permissions there are.
func (m *Mounted) Reload() []routes.Problem { return m.files.Reload() }

// Watch reloads when a file changed, until the context is done.
func (m *Mounted) Watch(ctx context.Context, interval time.Duration) { m.files.Watch(ctx, interval) }
