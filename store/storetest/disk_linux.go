package storetest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// SmallDisk mounts a file system in memory, of so many bytes, and gives where it is. Who may not do that has the test skipped.
func SmallDisk(t testing.TB, bytes int64) (dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "disk")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("patgate", dir, "tmpfs", 0, fmt.Sprint("size=", bytes)); err != nil {
		t.Skip("mounting is not permitted (run the test as root): ", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, 2) }) // MNT_DETACH
	return dir
}

// FillDisk takes what is free in a directory's file system, in a file, and gives its name.
func FillDisk(t testing.TB, dir string) (name string) {
	t.Helper()
	name = filepath.Join(dir, "neighbour")
	f, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	block := make([]byte, 4096)
	for err == nil {
		_, err = f.Write(block)
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	return name
}
