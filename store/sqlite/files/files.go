// Package files gives files their names for good, makes what is in them last, keeps room, and tells whether there is more.
package files

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Beside are the ends of the names of the files that SQLite keeps beside a database in use.
func Beside() []string { return []string{"-wal", "-shm", "-journal"} }

// FreeName gives name, or name with a number when it, or what would stand beside it, is taken.
func FreeName(name string) string {
	free := name
	for i := 2; ; i++ {
		taken := false
		for _, end := range append(Beside(), "") {
			_, err := os.Lstat(free + end)
			taken = taken || err == nil
		}
		if !taken {
			return free
		}
		free = fmt.Sprintf("%s-%d", name, i)
	}
}

// Install gives the whole file temp the name to. The old file keeps a name of its own, with what stands beside it.
func Install(temp, to, kept string) error {
	if kept == "" {
		if err := os.Link(temp, to); err != nil {
			return err
		}
		return SyncDir(filepath.Dir(to))
	}
	if err := os.Link(to, kept); err != nil {
		return fmt.Errorf("keeping the old store: %w", err)
	}
	if err := Aside(to, kept); err != nil {
		return err
	}
	if err := os.Rename(temp, to); err != nil {
		return err
	}
	return SyncDir(filepath.Dir(to))
}

// Aside renames what stands beside a database after another name.
func Aside(of, kept string) error {
	for _, beside := range Beside() {
		if err := os.Rename(of+beside, kept+beside); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("keeping the old store: %w", err)
		}
	}
	return nil
}

// SyncFile makes a file's bytes last.
func SyncFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// SyncDir makes a rename or link in dir last. Some systems cannot sync a directory, which is no error.
func SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("opening %s: %w", dir, err)
	}
	_ = d.Sync()
	return d.Close()
}
