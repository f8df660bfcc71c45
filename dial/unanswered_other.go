//go:build !linux

package dial

import (
	"syscall"
	"time"
)

// Bear does nothing: the option is Linux's.
func Bear(uintptr, time.Duration) {}

func bear(string, string, syscall.RawConn) error { return nil }
