//go:build !unix || solaris || aix

package unixsocket

import "syscall"

func keepPrivate(string, string, syscall.RawConn) error { return nil }
