package terms

import (
	"errors"
	"fmt"
	"strings"

	"patgate/policy"
)

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

// OfSpec turns the problems that the compiler of grants found into problems of a request.
func OfSpec(err error) error {
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

// Leaked begins the reason of a revocation for a reported leak.
const Leaked = "leaked: "
