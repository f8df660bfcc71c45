package sqlite

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"patgate/store"
	"patgate/store/sqlite/files"
)

// markEnd ends the name of the marker, a file beside the database that says that there is one.
const markEnd = ".made"

const markText = "This file says that patgate has a store here, %s. When that is gone, patgate makes no\n" +
	"empty one in its place: put it back, or run patgate store migrate --new.\n"

// mark leaves the marker beside a store. Each opening makes it when it is not there, so a failure, as on a full disk, need not
// stop anything.
func mark(path string) {
	f, err := os.OpenFile(path+markEnd, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return
	}
	_, _ = fmt.Fprintf(f, markText, filepath.Base(path))
	_ = f.Close()
}

// Traces names the signs that there is or was a store at path: its marker, SQLite's files beside it, and stores and copies of
// stores in its directory. It opens files there: this process must hold no store in that directory.
func Traces(path string) (traces []string) {
	_, err := os.Lstat(path + markEnd)
	if err == nil {
		traces = append(traces, path+markEnd+" says that there was one")
	}
	for _, left := range leftBeside(path) {
		traces = append(traces, left+" is left of it")
	}
	entries, _ := os.ReadDir(filepath.Dir(path)) // what cannot be read cannot be written to either
	for _, e := range entries {
		name := filepath.Join(filepath.Dir(path), e.Name())
		switch {
		case !e.Type().IsRegular():
		case files.IsHeld(e.Name(), copyBegin): // a copy tells nothing about itself before it is whole
			traces = append(traces, name+" is of a restore or backup that is under way, or was ended")
		case !strings.HasPrefix(e.Name(), newBegin) && ours(name):
			traces = append(traces, name+" is a store or a copy of one")
		}
	}
	return traces
}

// leftBeside gives the files beside a database that SQLite reads with it.
func leftBeside(path string) (left []string) {
	for _, end := range files.Beside() {
		if _, err := os.Lstat(path + end); err == nil {
			left = append(left, path+end)
		}
	}
	return left
}

// ours tells whether a file is a database of patgate's, by its header.
func ours(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	var header [100]byte
	if _, err := io.ReadFull(f, header[:]); err != nil {
		return false
	}
	application, is := applicationOf(header[:])
	return is && application == applicationID
}

// applicationOf tells by its first 100 bytes whose database a file is.
func applicationOf(header []byte) (id uint32, is bool) {
	if len(header) < 100 || !bytes.HasPrefix(header, []byte("SQLite format 3\x00")) {
		return 0, false
	}
	return binary.BigEndian.Uint32(header[68:]), true
}

// sweep removes the copies that killed processes left in a directory. It removes whole ones, which are marked as patgate's, only
// when whole is set, because one may be the last copy. One that is not whole may be empty or begin with a hole.
func sweep(dir string, whole bool) {
	half := func(header []byte) bool {
		application, is := applicationOf(header)
		return is && application == 0 || len(header) == 0 || len(header) == 100 && len(bytes.Trim(header, "\x00")) == 0
	}
	all := func(header []byte) bool {
		application, is := applicationOf(header)
		return is && application == applicationID || half(header)
	}
	files.Sweep(dir, newBegin, all)
	if whole {
		files.Sweep(dir, copyBegin, all)
	} else {
		files.Sweep(dir, copyBegin, half)
	}
}

// vacant gives store.ErrLost when no database may be made at path: path is a link whose target is missing, or SQLite would read
// another database's leftovers into the new one. aside says that the leftovers are moved away first.
func vacant(path string, aside bool) error {
	if to, err := os.Readlink(path); err == nil {
		return fmt.Errorf("%w: %s leads to %s, which is not there (fix: put the database back, or remove the "+
			"link)", store.ErrLost,
			path, to)
	}
	left := leftBeside(path)
	if _, err := os.Lstat(path); aside || len(left) == 0 || err == nil { // another process may have made one just now
		return nil
	}
	return fmt.Errorf("%w: %s is not there, but %s is, which may hold its last changes and would be read into another (fix: put "+
		"the database back, or move that away, as patgate store restore --replace does)", store.ErrLost, path,
		strings.Join(left, " and "))
}
