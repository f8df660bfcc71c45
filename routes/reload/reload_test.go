package reload

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"patgate/routes"
)

const (
	good  = "resources:\n  job:\n    read:\n      - GET /projects/{project}/jobs\n"
	added = good + "      - GET /projects/{project}/more\n"
	bad   = "resources:\n  job:\n    raed:\n      - GET /projects/{project}/jobs\n"
)

// table is a small table without rows of its own.
func table() []routes.File {
	return []routes.File{
		{Name: "table.yaml", Data: []byte("forge: gitlab\nversion: 1\nbase: /api/v4\n")},
		{Name: "permissions.yaml", Data: []byte("categories: {CI/CD: {job: {actions: {read: {boundaries: [project]}}}}}\n")},
	}
}

// write puts a file in its place whole: the reloader must not meet half of one.
func write(t *testing.T, name, text string) {
	t.Helper()
	whole := name + ".new"
	if err := os.WriteFile(whole, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(whole, name); err != nil {
		t.Fatal(err)
	}
}

// events collects what a Reloader reports.
type events struct {
	mu   sync.Mutex
	list []Event
}

func (e *events) add(event Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.list = append(e.list, event)
}

// count gives how many reloads put a new table into use, and how many kept the one before.
func (e *events) count() (succeeded, failed int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, event := range e.list {
		if len(event.Problems) > 0 {
			failed++
		}
	}
	return len(e.list) - failed, failed
}

func TestReloadKeepsTheLastGoodTable(t *testing.T) {
	name := filepath.Join(t.TempDir(), "mine.yaml")
	write(t, name, good)
	var told events
	r, problems := New(Options{Table: table(), Paths: []string{name}, Report: told.add})
	if len(problems) > 0 {
		t.Fatal(routes.Problems(problems))
	}
	first := r.Table()
	if len(first.Routes()) != 1 || len(told.list) != 0 {
		t.Fatalf("%d rows, told of %+v", len(first.Routes()), told.list)
	}

	write(t, name, bad)
	problems = r.Reload()
	if len(problems) != 1 || problems[0].Source != (routes.Source{File: name, Line: 3}) || !strings.Contains(problems[0].Fix, "read_job") {
		t.Errorf("got %v", routes.Problems(problems))
	}
	if r.Table() != first || len(told.list) != 1 {
		t.Error("a bad table took the place of the good one")
	}

	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
	if problems = r.Reload(); len(problems) != 1 || r.Table() != first || len(told.list) != 2 {
		t.Errorf("a file that is gone: %v", routes.Problems(problems))
	}

	write(t, name, added)
	if problems = r.Reload(); len(problems) > 0 || len(r.Table().Routes()) != 2 {
		t.Errorf("a good table was not taken: %v", routes.Problems(problems))
	}
	if len(first.Routes()) != 1 {
		t.Error("the table before was changed")
	}
	if succeeded, failed := told.count(); succeeded != 1 || failed != 2 {
		t.Errorf("%d succeeded, %d failed", succeeded, failed)
	}
	if len(told.list) != 3 || len(told.list[0].Problems) != 1 || told.list[0].Rows != 1 || len(told.list[2].Problems) != 0 || told.list[2].Rows != 2 || told.list[2].Files != 1 {
		t.Errorf("told of %+v", told.list)
	}
}

func TestReloadKeepsPermissionNumbers(t *testing.T) {
	name := filepath.Join(t.TempDir(), "mine.yaml")
	declare := func(names ...string) string {
		text := "categories:\n  A:\n"
		for _, n := range names {
			text += "    " + n + ": {actions: {read: {boundaries: [user]}}}\n"
		}
		return text
	}
	write(t, name, declare("alpha", "beta"))
	r, problems := New(Options{Table: table(), Paths: []string{name}})
	if len(problems) > 0 {
		t.Fatal(routes.Problems(problems))
	}
	before, _ := r.Table().Catalogue().Find("read_beta")
	write(t, name, declare("gamma", "beta"))
	if problems := r.Reload(); len(problems) > 0 {
		t.Fatal(routes.Problems(problems))
	}
	after, ok := r.Table().Catalogue().Find("read_beta")
	if !ok || after != before {
		t.Errorf("read_beta was %d and is %d: grants in the cache would mean something else", before, after)
	}
}

func TestNewRefusesABadTable(t *testing.T) {
	name := filepath.Join(t.TempDir(), "mine.yaml")
	write(t, name, bad)
	for _, paths := range [][]string{{name}, {name + ".missing"}} {
		if r, problems := New(Options{Table: table(), Paths: paths}); r != nil || len(problems) != 1 {
			t.Errorf("%s: %v", paths, routes.Problems(problems))
		}
	}
}

func TestWatch(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a.yaml"), good)
	var told events
	r, problems := New(Options{Table: table(), Paths: []string{dir}, Interval: time.Millisecond, Report: told.add})
	if len(problems) > 0 {
		t.Fatal(routes.Problems(problems))
	}
	ctx, stop := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() { r.Watch(ctx) })
	defer done.Wait()
	defer stop()
	until := func(what string, reached func() bool) {
		t.Helper()
		for deadline := time.Now().Add(10 * time.Second); !reached(); time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%s: not seen", what)
			}
		}
	}

	write(t, filepath.Join(dir, "b.yaml"), "resources: {job: {read: ['GET /projects/{project}/b']}}\n")
	until("a file is added", func() bool { return len(r.Table().Routes()) == 2 })

	if err := os.Remove(filepath.Join(dir, "b.yaml")); err != nil {
		t.Fatal(err)
	}
	until("a file is removed", func() bool { return len(r.Table().Routes()) == 1 })

	write(t, filepath.Join(dir, "a.yaml"), bad)
	until("a file becomes bad", func() bool { _, failed := told.count(); return failed > 0 })
	time.Sleep(50 * time.Millisecond) // it may have looked while the file was put in place, and then looks once more
	before, reported := told.count()
	time.Sleep(50 * time.Millisecond)
	if succeeded, failed := told.count(); succeeded != before || failed != reported {
		t.Errorf("a bad file is reported again and again: %d failures", failed)
	}

	now := time.Now().Add(time.Hour)
	if err := os.Chtimes(filepath.Join(dir, "a.yaml"), now, now); err != nil {
		t.Fatal(err)
	}
	time.Sleep(50 * time.Millisecond)
	if succeeded, failed := told.count(); succeeded != before || failed != reported {
		t.Error("a file that was only touched was loaded")
	}

	write(t, filepath.Join(dir, "a.yaml"), added)
	until("the file is good again", func() bool { return len(r.Table().Routes()) == 2 })
}

// TestReloadUnderLoad runs classification while tables change: every request sees one whole table.
func TestReloadUnderLoad(t *testing.T) {
	name := filepath.Join(t.TempDir(), "mine.yaml")
	write(t, name, good)
	var told events
	r, problems := New(Options{Table: table(), Paths: []string{name}, Report: told.add})
	if len(problems) > 0 {
		t.Fatal(routes.Problems(problems))
	}
	ctx, stop := context.WithCancel(context.Background())
	var done sync.WaitGroup
	for range 4 {
		done.Go(func() {
			var op routes.Operation
			for ctx.Err() == nil {
				if err := r.Table().Classify(&op, "GET", []byte("/api/v4/projects/1/jobs")); err != nil {
					t.Errorf("a request failed during a reload: %v", err)
					return
				}
			}
		})
	}
	for i := range 200 {
		write(t, name, []string{added, bad, good}[i%3])
		r.Reload()
	}
	stop()
	done.Wait()
	if succeeded, failed := told.count(); succeeded < 100 || failed < 60 {
		t.Errorf("%d succeeded, %d failed: the test proves little", succeeded, failed)
	}
}

func TestReadFiles(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"b.yaml", "a.yml", ".hidden.yaml", "notes.txt"} {
		write(t, filepath.Join(dir, name), name)
	}
	if err := os.Mkdir(filepath.Join(dir, "sub.yaml"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(dir, "notes.txt"), filepath.Join(dir, "linked.yaml")); err != nil {
		t.Fatal(err)
	}
	empty := filepath.Join(dir, "empty")
	if err := os.Mkdir(empty, 0o700); err != nil {
		t.Fatal(err)
	}

	t.Run("a directory and a file", func(t *testing.T) {
		files, problems := ReadFiles([]string{filepath.Join(dir, "notes.txt"), dir})
		var got []string
		for _, f := range files {
			got = append(got, filepath.Base(f.Name)+"="+string(f.Data))
		}
		if want := "notes.txt=notes.txt a.yml=a.yml b.yaml=b.yaml linked.yaml=notes.txt"; strings.Join(got, " ") != want || len(problems) > 0 {
			t.Errorf("got %v %v", got, routes.Problems(problems))
		}
	})
	t.Run("all that cannot be read", func(t *testing.T) {
		large := filepath.Join(dir, "large.txt")
		write(t, large, strings.Repeat("x", maxFile+1))
		_, problems := ReadFiles([]string{filepath.Join(dir, "none.yaml"), empty, large})
		if len(problems) != 3 || !strings.Contains(problems[0].Message, "no such file") || !strings.Contains(problems[1].Message, "no .yaml file") || !strings.Contains(problems[2].Message, "more than 8 MiB") {
			t.Errorf("got %v", routes.Problems(problems))
		}
	})
}

// What may be of no files is empty when they are deleted; what cannot be read keeps what was there.
func TestDeletedFilesAreOutOfForce(t *testing.T) {
	dir := t.TempDir()
	folder, single := filepath.Join(dir, "folder"), filepath.Join(dir, "single.yaml")
	inside := filepath.Join(folder, "a.yaml")
	write := func() {
		t.Helper()
		if err := os.MkdirAll(folder, 0o755); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{inside, single} {
			if err := os.WriteFile(name, []byte("x"), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	keep := func(none bool) *Kept[int] {
		t.Helper()
		write()
		k, problems := Keep(Source[int]{Paths: []string{folder, single}, MayBeNone: none,
			Load: func(files []routes.File, _ *int) (*int, []routes.Problem) { n := len(files); return &n, nil }})
		if len(problems) > 0 || *k.Current() != 2 {
			t.Fatal(problems)
		}
		return k
	}
	remove := func(path string) func() error { return func() error { return os.RemoveAll(path) } }
	for _, c := range []struct {
		name    string
		do      func() error
		want    int
		problem bool
	}{
		{"a file", remove(single), 1, false},
		{"the last file of a folder", remove(inside), 1, false},
		{"a folder", remove(folder), 1, false},
		{"a link that leads nowhere", func() error {
			return errors.Join(os.Remove(single), os.Symlink(filepath.Join(dir, "nowhere"), single))
		}, 2, true},
		{"a folder in the place of a file's folder", func() error {
			return errors.Join(os.RemoveAll(folder), os.WriteFile(folder, nil, 0o644), os.Remove(single), os.Mkdir(single, 0o755))
		}, 1, false},
		{"a file that is too long", func() error { return os.Truncate(single, 9<<20) }, 2, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := errors.Join(os.RemoveAll(folder), os.RemoveAll(single)); err != nil {
				t.Fatal(err)
			}
			k := keep(true)
			if err := c.do(); err != nil {
				t.Fatal(err)
			}
			if problems := k.Reload(); (len(problems) > 0) != c.problem || *k.Current() != c.want {
				t.Errorf("%d are left, %v", *k.Current(), problems)
			}
		})
	}
	if err := errors.Join(os.RemoveAll(folder), os.RemoveAll(single)); err != nil {
		t.Fatal(err)
	}
	k := keep(false)
	if err := os.Remove(single); err != nil {
		t.Fatal(err)
	}
	if problems := k.Reload(); len(problems) == 0 || *k.Current() != 2 {
		t.Errorf("of a route table %d are left, %v", *k.Current(), problems)
	}
}
