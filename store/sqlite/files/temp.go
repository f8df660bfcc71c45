package files

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// Temp makes an empty file of mode 0600 in dir: begin, a number, and .db. drop removes it, when it still has that name. Until
// then, or until this process ends, a second file beside it is locked, so that Sweep leaves it alone. On network file systems a
// lock on the file itself would be in the way of SQLite's.
func Temp(dir, begin string) (name string, drop func(), err error) {
	for range 100 {
		f, err := os.CreateTemp(dir, begin+"*.db"+holdEnd)
		if err != nil {
			return "", nil, err
		}
		end := func() { _ = errors.Join(f.Close(), os.Remove(f.Name())) }
		if err := hold(f); errors.Is(err, errHeld) || !stands(f) { // a sweep was faster; without any locks there is none
			_ = f.Close()
			continue
		}
		name := strings.TrimSuffix(f.Name(), holdEnd)
		made, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			end()
			return "", nil, err
		}
		drop := func() {
			_ = os.Remove(name)
			end()
		}
		if err := made.Close(); err != nil {
			drop()
			return "", nil, err
		}
		return name, drop, nil
	}
	return "", nil, fmt.Errorf("%s: no file of its own is left to this process", dir)
}

// holdEnd ends the name of the file that is held.
const holdEnd = ".held"

// stands tells whether an open file is the one that has its name.
func stands(f *os.File) bool {
	opened, err := f.Stat()
	if err != nil {
		return false
	}
	now, err := os.Lstat(f.Name())
	return err == nil && os.SameFile(opened, now)
}

// Sweep removes from dir the files of Temp that killed processes left: files of this user with such a name and mode, if ours
// accepts their first 100 bytes, or all of a shorter file. A file that also has another name loses only this one.
func Sweep(dir, begin string, ours func(header []byte) bool) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		if IsHeld(e.Name(), begin) {
			sweep(filepath.Join(dir, e.Name()), ours)
		}
	}
}

// IsHeld tells whether a file has the name of one that is held beside one of Temp's.
func IsHeld(name, begin string) bool {
	number, is := strings.CutPrefix(name, begin)
	number, held := strings.CutSuffix(number, ".db"+holdEnd)
	return is && held && number != "" && strings.Trim(number, "0123456789") == ""
}

// sweep removes the file that is held, when nobody holds it, and what is with it.
func sweep(held string, ours func(header []byte) bool) {
	info, links := plain(held)
	if info == nil || links != 1 || info.Size() != 0 {
		return
	}
	f, err := open(held)
	if err != nil {
		return
	}
	defer f.Close()
	if hold(f) != nil || !stands(f) {
		return
	}
	name := strings.TrimSuffix(held, holdEnd)
	_, err = os.Lstat(name)
	if gone := errors.Is(err, os.ErrNotExist); !gone && !left(name, ours) {
		return
	}
	for _, end := range append(Beside(), "") {
		_ = os.Remove(name + end)
	}
	_ = os.Remove(held)
}

// left tells whether a file is one of Temp's.
func left(name string, ours func(header []byte) bool) bool {
	info, links := plain(name)
	if info == nil || links > 1 { // then it has got its name. Opening and closing it would drop the locks that SQLite has on it
		return info != nil
	}
	f, err := open(name)
	if err != nil {
		return false
	}
	defer f.Close()
	header := make([]byte, 100)
	n, err := io.ReadFull(f, header)
	return (err == nil || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)) && ours(header[:n])
}

// plain gives the file if it is a regular one of this user's with mode 0600, and how many names it has; else nil.
func plain(name string) (info os.FileInfo, links uint64) {
	info, err := os.Lstat(name)
	if err != nil || !info.Mode().IsRegular() || info.Mode().Perm() != 0o600 {
		return nil, 0
	}
	mine, links := owned(info)
	if !mine {
		return nil, 0
	}
	return info, links
}
