//go:build !unix

package files

// ReadOnly tells whether a file is on a file system that is mounted read-only. Here that is not known.
func ReadOnly(string) bool { return false }
