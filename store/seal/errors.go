package seal

import "errors"

// Errors of this package; test them with errors.Is. Messages that wrap them say which file or variable is meant and
// what to do.
var (
	// ErrBadKey: the text of a key or of a key file cannot be read.
	ErrBadKey = errors.New("unreadable sealing key")
	// ErrKeyMissing: the key file does not exist.
	ErrKeyMissing = errors.New("sealing key missing")
	// ErrPermissions: others than its owner may read the key file.
	ErrPermissions = errors.New("sealing key readable by others")
	// ErrWrongKey: the key at hand is not the one that the text was sealed under.
	ErrWrongKey = errors.New("wrong sealing key")
	// ErrDamaged: the key is right and the sealed text does not open: it was changed, or moved from another row.
	ErrDamaged = errors.New("sealed credential damaged")
)
