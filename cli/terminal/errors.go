package terminal

import (
	"errors"
	"strings"
)

// usageError is a command line that cannot be understood.
type usageError struct{ err error }

// Error implements error.
func (e usageError) Error() string { return e.err.Error() }

// Unwrap gives the error in the command line.
func (e usageError) Unwrap() error { return e.err }

// Usage makes an error of a command line that cannot be understood.
func Usage(err error) error { return usageError{err} }

// IsUsage tells whether an error is one.
func IsUsage(err error) bool { return errors.As(err, &usageError{}) }

// LinesError is a failure that takes several lines, such as all the problems of a file.
type LinesError []string

// Error implements error.
func (e LinesError) Error() string { return strings.Join(e, "\n") }

// Lines gives the lines to print for an error: one, unless it holds several problems.
func Lines(err error) []string {
	return strings.FieldsFunc(err.Error(), func(r rune) bool { return r == '\n' })
}

// Found is returned by commands that look for something wrong and have printed what they found.
func Found(n int, what string) error { return errors.New(Count(n, what, what+"s")) }

// Problems makes one error of all problems.
func Problems[P error](problems []P) LinesError {
	lines := make(LinesError, len(problems))
	for i, p := range problems {
		lines[i] = p.Error()
	}
	return lines
}
