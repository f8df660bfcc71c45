package storetest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// SmallDisk mounts a file system of so many bytes in memory, and gives where it is. The test is skipped where it may not mount.
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

// BlockDisk does as SmallDisk, with a file system of the kind ext4 that has blocks of a size.
func BlockDisk(t testing.TB, bytes, block int64) (dir string) {
	t.Helper()
	if _, err := exec.LookPath("mkfs.ext4"); err != nil {
		t.Skip("mkfs.ext4 is not there (apt-get install e2fsprogs)")
	}
	image := filepath.Join(t.TempDir(), "image")
	dir = filepath.Join(t.TempDir(), "disk")
	if err := errors.Join(os.WriteFile(image, nil, 0o600), os.Truncate(image, bytes), os.Mkdir(dir, 0o700)); err != nil {
		t.Fatal(err)
	}
	make := exec.Command("mkfs.ext4", "-q", "-m", "0", "-b", fmt.Sprint(block), image)
	if out, err := make.CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	if out, err := exec.Command("mount", "-o", "loop", image, dir).CombinedOutput(); err != nil {
		t.Skipf("mounting is not permitted (run the test as root): %v %s", err, out)
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
	for _, n := range []int{1 << 20, 4096, 1, 1 << 20, 4096, 1} { // twice, because some find more when they have synced
		for err = nil; err == nil; {
			_, err = f.Write(make([]byte, n))
		}
		if !errors.Is(err, syscall.ENOSPC) {
			t.Fatal(err)
		}
		_ = f.Sync()
	}
	return name
}
