package files

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"
)

// Reserve is a file that keeps room on a file system, to be given up piece by piece when there is no other room. Several
// processes may use it. Before Begin, and where the file system cannot keep room, it counts as whole. Room that was given up is a
// hole at the end, so each process sees by the file's length how much it has once kept.
type Reserve struct {
	name     string
	wanted   int64
	kept     atomic.Bool // it is to be there
	uncounts atomic.Bool // the file system does not tell what a file takes
}

// reservePieces is in how many pieces a reserve is given up, and reserveStep how much of it is kept at a time.
const (
	reservePieces = 8
	reserveStep   = 256 << 10
)

// leastMargin and mostMargin bound how much of a file system must stay free when a reserve grows: a twentieth of it.
const (
	leastMargin = 4 << 20
	mostMargin  = 64 << 20
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

// Size is how many bytes are kept: a hole keeps none.
func (r *Reserve) Size() int64 {
	kept, _ := r.sizes()
	return kept
}

// sizes gives how many bytes are kept, and how many were once.
func (r *Reserve) sizes() (kept, once int64) {
	info, err := os.Lstat(r.name)
	if err != nil || !info.Mode().IsRegular() {
		return 0, 0
	}
	if r.uncounts.Load() {
		return info.Size(), info.Size()
	}
	return min(info.Size(), taken(info)), info.Size()
}

// Whole tells whether as much is kept as was once: nothing is missing that was given.
func (r *Reserve) Whole() bool {
	kept, once := r.sizes()
	return !r.kept.Load() || kept >= min(once, r.wanted)
}

// Roomy tells whether more may be taken that was never kept before: what is left would not be little.
func (r *Reserve) Roomy(more int64) bool {
	free, all, known := Free(filepath.Dir(r.name))
	return !known || free-more > max(leastMargin, min(all/20, mostMargin))
}

// Piece is how many bytes are given up at a time.
func (r *Reserve) Piece() int64 { return max(r.wanted/reservePieces, reserveStep) }

// Give gives up a piece, and tells whether there was one.
func (r *Reserve) Give() bool {
	kept, once := r.sizes()
	if kept == 0 {
		return false
	}
	f, err := openReserve(r.name, 0)
	if err != nil {
		return false
	}
	defer f.Close()
	if f.Truncate(max(0, kept-r.Piece())) != nil {
		return false
	}
	if counted && !r.uncounts.Load() {
		_ = f.Truncate(once) // it is only remembered by that
	}
	return true
}

// Fill keeps as much as there is room for: what was given up, and more while enough stays free. Where a reserve is not possible,
// it keeps nothing any more.
func (r *Reserve) Fill() error {
	if r.wanted == 0 || !r.kept.Load() || r.Size() >= r.wanted {
		return nil
	}
	err := r.fill()
	if err != nil && impossible(err) {
		r.kept.Store(false)
	}
	return err
}

func (r *Reserve) fill() error {
	f, err := openReserve(r.name, os.O_CREATE)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = errIrregular
	}
	if err != nil {
		return errors.Join(err, f.Close())
	}
	once := info.Size()
	whole := once >= r.wanted
	for at := int64(0); at < r.wanted && err == nil; at += reserveStep {
		step := min(reserveStep, r.wanted-at)
		if at+step > once && !r.Roomy(step) {
			break
		}
		err = occupy(f, at, step)
		whole = whole || at+step >= r.wanted
	}
	if err == nil {
		err = f.Sync()
	}
	if err == nil && whole && r.Size() < r.wanted {
		r.uncounts.Store(true)
	}
	return errors.Join(err, f.Close())
}

// errIrregular: what has the name of the reserve is no file.
var errIrregular = errors.New("it is not a regular file")

// impossible tells whether an error of filling stays as it is.
func impossible(err error) bool {
	return errors.Is(err, errIrregular) || errors.Is(err, errors.ErrUnsupported) || errors.Is(err, fs.ErrPermission) ||
		readOnlyPlace(err)
}

// write occupies a part of a file with what a file system could not make smaller.
func write(f *os.File, at, bytes int64) error {
	data := make([]byte, bytes)
	_, _ = rand.Read(data) // it does not fail
	_, err := f.WriteAt(data, at)
	return err
}
