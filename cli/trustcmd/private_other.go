//go:build !unix

package trustcmd

import "io/fs"

// private: a user's own folders are nobody else's here.
func private(fs.FileInfo) bool { return true }
