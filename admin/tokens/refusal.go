package tokens

import (
	"errors"
	"fmt"
)

// The ways in which a request is refused; test for them with errors.Is. Their texts, and those of errors that wrap them, are for
// the client. Any error other than these, Invalid, and the errors of store and forge is a failure of patgate itself.
var (
	// ErrNotFound: there is no such token, or it is none of the caller's business.
	ErrNotFound = errors.New("404 Not Found")
	// ErrForbidden: the caller is known and may not do this.
	ErrForbidden = errors.New("not allowed")
	// ErrAgain: the owner's forge credential must be presented with the request. It is ErrForbidden too.
	ErrAgain error = &refusal{ErrForbidden, "that needs the owner's forge credential again"}
	// ErrUnknownCaller: the caller's credential is no good here.
	ErrUnknownCaller = errors.New("401 Unauthorized")
	// ErrContainer: a project or group that is named does not exist, or the owner cannot see it.
	ErrContainer = errors.New("404 Not Found")
	// ErrConflict: the token is not in the state that the change needs, or changed meanwhile.
	ErrConflict = errors.New("conflict")
)

// refusal wraps one of the errors above with the reason in words.
type refusal struct {
	kind error
	text string
}

func (r *refusal) Error() string { return r.text }
func (r *refusal) Unwrap() error { return r.kind }

// Conflict gives an ErrConflict with its reason in words.
func Conflict(format string, args ...any) error { return refuse(ErrConflict, format, args...) }

func refuse(kind error, format string, args ...any) error {
	return &refusal{kind, fmt.Sprintf(format, args...)}
}
