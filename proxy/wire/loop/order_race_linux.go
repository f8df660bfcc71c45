//go:build race

package loop

import (
	"sync"
	"syscall"
)

// order tells the race detector what it knows of the standard library's own calls only: what was done before a byte was
// written to a socket has been done when it is read. A write that fails and a read of nothing tell it just that.
func order() {
	_, _ = syscall.Write(-1, nil)
	_, _ = syscall.Read(nothing(), nil)
}

// nothing is a file that has nothing to read.
var nothing = sync.OnceValue(func() int {
	fd, err := syscall.Open("/dev/null", syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		panic("opening /dev/null: " + err.Error())
	}
	return fd
})
