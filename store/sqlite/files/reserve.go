package files

import (
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"sync/atomic"
)

// Reserve is a file that keeps room on a file system, to be given up piece by piece when there is no other. Several processes may
// use it. Before Begin, and where its file system cannot keep any, it is whole as it is.
type Reserve struct {
	name   string
	wanted int64
	kept   atomic.Bool // it is to be there
}

// reservePieces is in how many pieces a reserve is given up, and reserveStep how much of it is kept at a time.
const (
	reservePieces = 8
	reserveStep   = 256 << 10
)

// NewReserve is a reserve in a file, of most bytes, or an eighth of the file system when that is less.
func NewReserve(name string, most int64) *Reserve {
	if _, all, known := Free(filepath.Dir(name)); known {
		most = min(most, all/8)
	}
	return &Reserve{name: name, wanted: most / reserveStep * reserveStep}
}

// Begin has the reserve kept from now on.
func (r *Reserve) Begin() { r.kept.Store(r.wanted > 0) }

// Exists tells whether somebody has begun it, though nothing may be left.
func (r *Reserve) Exists() bool {
	_, err := os.Stat(r.name)
	return err == nil
}

// Wanted is how many bytes are to be kept; 0 when none are.
func (r *Reserve) Wanted() int64 {
	if !r.kept.Load() {
		return 0
	}
	return r.wanted
}

// Size is how many bytes are kept.
func (r *Reserve) Size() int64 {
	info, err := os.Stat(r.name)
	if err != nil || !info.Mode().IsRegular() {
		return 0
	}
	return info.Size()
}

// Whole tells whether as much is kept as is to be.
func (r *Reserve) Whole() bool { return r.Size() >= r.Wanted() }

// Piece is how many bytes are given up at a time.
func (r *Reserve) Piece() int64 { return max(r.wanted/reservePieces, reserveStep) }

// Give gives up a piece, and tells whether there was one.
func (r *Reserve) Give() bool {
	size := r.Size()
	if size == 0 {
		return false
	}
	left := max(0, size-r.Piece())
	return os.Truncate(r.name, left) == nil
}

// Fill keeps as much as there is room for. Where something else than the room is missing, nothing is kept any more.
func (r *Reserve) Fill() error {
	if r.Whole() {
		return nil
	}
	err := r.fill()
	if err != nil && !Full(err) {
		r.kept.Store(false)
	}
	return err
}

func (r *Reserve) fill() error {
	f, err := os.OpenFile(r.name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	for at := r.Size(); at < r.wanted && err == nil; at += reserveStep {
		err = occupy(f, at, min(reserveStep, r.wanted-at))
	}
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// write occupies a part of a file with what a file system could not make smaller.
func write(f *os.File, at, bytes int64) error {
	data := make([]byte, bytes)
	_, _ = rand.Read(data) // it does not fail
	_, err := f.WriteAt(data, at)
	return err
}
