//go:build !linux

package dial

import "time"

// Bear does nothing: the option is Linux's.
func Bear(uintptr, time.Duration) {}
