package tokens

import (
	"errors"
	"fmt"
	"strings"

	"patgate/policy"
)

// The ways in which a request is refused; test for them with errors.Is. Their texts, and those of what wraps them, are for
// the client. Whatever is none of these, of Invalid, or of the errors of store and forge is a failure of patgate itself.
var (
	// ErrNotFound: there is no such token, or it is none of the caller's business.
	ErrNotFound = errors.New("404 Not Found")
	// ErrForbidden: the caller is known and may not do this.
	ErrForbidden = errors.New("not allowed")
	// ErrAgain: the owner's forge credential must be presented with the request. It is ErrForbidden too.
	ErrAgain error = &refusal{ErrForbidden, "the owner's forge credential is needed once more for that"}
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

func refuse(kind error, format string, args ...any) error {
	return &refusal{kind, fmt.Sprintf(format, args...)}
}

// Problem is something wrong with one field of a request.
type Problem struct {
	Field   string // as in the JSON form: name, granular_scopes[0].permissions
	Message string
}

// Invalid is everything that is wrong with a request.
type Invalid struct{ Problems []Problem }

// Error gives one line for each problem.
func (e *Invalid) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = p.Field + ": " + p.Message
	}
	return strings.Join(lines, "\n")
}

// Add notes a problem.
func (e *Invalid) Add(field, format string, args ...any) {
	e.Problems = append(e.Problems, Problem{field, fmt.Sprintf(format, args...)})
}

// Err gives the problems as an error; nil when there is none.
func (e *Invalid) Err() error {
	if len(e.Problems) == 0 {
		return nil
	}
	return e
}

// invalid gives what the compiler of grants found as what is wrong with a request.
func invalid(err error) error {
	problems := &Invalid{}
	if err := problems.scopeProblems(err); err != nil {
		return err
	}
	return problems
}

// scopeProblems takes over what the compiler of grants found.
func (e *Invalid) scopeProblems(err error) error {
	var spec *policy.SpecError
	if !errors.As(err, &spec) {
		return err
	}
	for _, p := range spec.Problems {
		switch {
		case p.Scope < 0:
			e.Add("granular_scopes", "%s", p.Message)
		case p.Field == "":
			e.Add(fmt.Sprintf("granular_scopes[%d]", p.Scope), "%s", p.Message)
		default:
			e.Add(fmt.Sprintf("granular_scopes[%d].%s", p.Scope, p.Field), "%s", p.Message)
		}
	}
	return nil
}
