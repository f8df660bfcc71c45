package manifest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"patgate/dial"
	"patgate/policy"
	"patgate/routes"
	"patgate/routes/reload"
	"patgate/trust/issuer"
)

// Files reads the files of a directory, or one file, with the lock that lies beside them.
func Files(path string) ([]routes.File, []routes.Problem) {
	files, problems := reload.ReadFiles([]string{path})
	problems = append(problems, passedOver(path)...)
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

// passedOver reports files that look like part of a set and are not read: somebody believes that they are in force. Names that
// begin with two dots are Kubernetes' own.
func passedOver(dir string) (problems []routes.Problem) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil // one file, or a problem that ReadFiles reports
	}
	for _, e := range entries {
		name := e.Name()
		info, err := os.Stat(filepath.Join(dir, name))
		folder := err == nil && info.IsDir()
		likely := slices.Contains([]string{".yaml", ".yml", ".json"}, strings.ToLower(filepath.Ext(name)))
		switch at := (routes.Source{File: filepath.Join(dir, name), Line: 1}); {
		case strings.HasPrefix(name, ".."):
		case folder && !strings.HasPrefix(name, "."):
			problems = append(problems, routes.Problem{Source: at, Message: "folders in the directory are not read",
				Fix: "put its files into the directory itself"})
		case !folder && likely && !isRead(name):
			problems = append(problems, routes.Problem{Source: at, Message: "a file of this name is not read",
				Fix: "let its name end in .yaml, and begin with no dot"})
		}
	}
	return problems
}

// isRead tells whether a file of a name in the directory is read.
func isRead(name string) bool {
	ext := filepath.Ext(name)
	return (ext == ".yaml" || ext == ".yml") && !strings.HasPrefix(name, ".")
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
	path    string
	table   func() *routes.Table
	issuers []issuer.Issuer // of the configuration
	mu      sync.Mutex      // held while current is changed
	current atomic.Pointer[inForce]
	refused atomic.Pointer[[]routes.Problem] // by which the files as they are now are not in force; nil: they are
	files   reload.Files
	report  func(objects int, problems []routes.Problem)
}

// inForce is a set, compiled for one table.
type inForce struct {
	set      *Set
	table    *routes.Table
	ceilings *policy.Ceilings
}

// Mount reads a directory for the first time. With problems it gives no Mounted. report is called after every later reading, and
// issuers are those of the configuration.
func Mount(path string, table func() *routes.Table, report func(objects int, problems []routes.Problem),
	issuers ...issuer.Issuer) (*Mounted, []routes.Problem) {
	m := &Mounted{path: path, table: table, report: report, issuers: issuers}
	m.files = reload.Files{Read: func() ([]routes.File, []routes.Problem) { return Files(path) }, Load: m.load}
	files, problems := m.files.First()
	next, problems := m.read(files, problems, table())
	if len(problems) > 0 {
		return nil, problems
	}
	m.current.Store(next)
	return m, nil
}

// read reads files for a table, and compiles their limits for it.
func (m *Mounted) read(files []routes.File, problems []routes.Problem, t *routes.Table) (*inForce, []routes.Problem) {
	if len(problems) > 0 {
		return nil, problems
	}
	set, problems := Read(files, t, m.issuers...)
	if len(problems) > 0 {
		return nil, problems
	}
	for _, o := range Of[Issuer](set) { // here alone: files are checked on machines that have none of the gateway's
		i := o.Spec.(*Issuer)
		if _, err := dial.New(dial.Options{URL: i.URL, CAFile: i.CAFile}); err != nil {
			problems = append(problems, routes.Problem{Source: o.Source, Message: fmt.Sprintf("Issuer %q: %v", o.Name, err),
				Fix: "put the file there on this machine, or correct ca_file"})
		}
	}
	if len(problems) > 0 {
		return nil, problems
	}
	ceilings, problems := set.Ceilings(t)
	return &inForce{set, t, &ceilings}, problems
}

func (m *Mounted) load(files []routes.File, problems []routes.Problem) []routes.Problem {
	t := m.table()
	next, problems := m.read(files, problems, t)
	if len(problems) == 0 {
		m.mu.Lock()
		m.current.Store(next)
		m.mu.Unlock()
		m.refused.Store(nil)
	} else {
		m.refused.Store(&problems)
		m.without()
	}
	m.report(len(m.at(t).set.Objects), problems)
	return problems
}

// without takes out of force the issuers and trusts that the files, which have problems, lack or describe differently. So what
// lets requests through does not outlive its file, and what forbids stays. When a file could not be read, it is not known what is
// lacking, and all stays. The files are read once more, because the problem may have been the lock, or a file passed over.
func (m *Mounted) without() {
	files, unread := reload.ReadFiles([]string{m.path})
	there := &Set{}
	if len(unread) == 0 {
		there, _ = Read(files, m.table(), m.issuers...)
	}
	if there.partial || len(unread) > 0 && !none(m.path) {
		return
	}
	lacks := func(o *Object) bool {
		_, trusted := o.Spec.(*Trust)
		_, issues := o.Spec.(*Issuer)
		return (trusted || issues) && !slices.ContainsFunc(there.Objects, func(x *Object) bool {
			return x.Kind == o.Kind && x.Name == o.Name &&
				(issues && reflect.DeepEqual(x.Spec, o.Spec) || trusted && x.trust().Same(o.trust()))
		})
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	now := *m.current.Load()
	if !slices.ContainsFunc(now.set.Objects, lacks) {
		return
	}
	left := *now.set
	left.Objects = slices.DeleteFunc(slices.Clone(left.Objects), lacks)
	now.set = &left
	m.current.Store(&now)
}

// none tells whether there is no file at all at a path.
func none(path string) bool {
	entries, err := os.ReadDir(path)
	if err != nil {
		_, err = os.Lstat(path)
		return errors.Is(err, fs.ErrNotExist)
	}
	return !slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return isRead(e.Name()) && !e.IsDir() })
}

// at gives the objects in force, compiled for a table. What a limit forbade under the previous table stays forbidden until the
// files are read again: permissions keep their numbers, and a pattern in files that have problems by now may stand for less.
func (m *Mounted) at(t *routes.Table) *inForce {
	if now := m.current.Load(); now.table == t {
		return now
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.current.Load()
	if now.table == t {
		return now
	}
	ceilings, _ := now.set.Ceilings(t)
	for i := range ceilings {
		ceilings[i].Permissions.Union(&(*now.ceilings)[i].Permissions)
	}
	now = &inForce{now.set, t, &ceilings}
	m.current.Store(now)
	return now
}

// Set gives the set in force; nil where none is mounted.
func (m *Mounted) Set() *Set {
	if m == nil {
		return nil
	}
	return m.current.Load().set
}

// Refused gives the problems by which the files, as they were last read, are not in force; none when they are.
func (m *Mounted) Refused() []routes.Problem {
	if m == nil {
		return nil
	}
	if p := m.refused.Load(); p != nil {
		return *p
	}
	return nil
}

// Ceilings gives the limits in force, compiled for the table in force. Others are another pointer.
func (m *Mounted) Ceilings() *policy.Ceilings { return m.at(m.table()).ceilings }

// Reload reads the directory again, as it must be when the route table was: it says which permissions there are.
func (m *Mounted) Reload() []routes.Problem { return m.files.Reload() }

// Watch reloads when a file changed, until the context is done.
func (m *Mounted) Watch(ctx context.Context, interval time.Duration) { m.files.Watch(ctx, interval) }
