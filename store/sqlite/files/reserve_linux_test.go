package files_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"patgate/store/sqlite/files"
)

// What passes, such as a directory that is not there for a moment, does not end the reserve; what stays does. Both are told.
func TestWhatKeepsAReserveFromBeingFilled(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "away")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	r := files.NewReserve(filepath.Join(dir, "x.reserve"), 1<<20)
	if err := os.Remove(dir); err != nil {
		t.Fatal(err)
	}
	r.Begin()
	if err := r.Fill(); !errors.Is(err, fs.ErrNotExist) || r.Wanted() == 0 {
		t.Errorf("without its directory: %v, %d wanted", err, r.Wanted())
	}
	if err := os.MkdirAll(filepath.Join(dir, "x.reserve"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := r.Fill(); err == nil {
		t.Error("a directory was filled") // it cannot be opened for writing, EISDIR
	}
	if err := os.Remove(filepath.Join(dir, "x.reserve")); err != nil {
		t.Fatal(err)
	}
	if err := r.Fill(); err != nil || r.Size() < 1<<20 {
		t.Errorf("%v, %d kept", err, r.Size())
	}
	if !r.Give() || r.Size() >= 1<<20 || r.Whole() {
		t.Errorf("after a piece was given: %d kept, whole: %v", r.Size(), r.Whole())
	}
	if err := r.Fill(); err != nil || !r.Whole() {
		t.Errorf("filled again: %v", err)
	}
}
