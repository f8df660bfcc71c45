//go:build !unix || solaris || aix

package sockets

import (
	"errors"
	"syscall"
)

func sharePort(string, string, syscall.RawConn) error {
	return errors.New("reuse_port: ports cannot be shared here (fix: leave reuse_port out)")
}
