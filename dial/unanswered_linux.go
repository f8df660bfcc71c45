package dial

import (
	"time"

	"golang.org/x/sys/unix"
)

// Bear lets what was sent on a TCP socket go without an acknowledgement, or find no room at the other side, for so long; then
// the kernel ends the connection with ETIMEDOUT (RFC 5482). Other sockets are left alone.
func Bear(fd uintptr, d time.Duration) {
	_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(d.Milliseconds()))
}
