package forge

import (
	"errors"
	"fmt"
	"time"
)

// The ways in which a question to the forge fails. None of them says anything of the container that was asked for.
var (
	// ErrUnavailable: the forge could not be reached, failed, or gave an answer that cannot be read. For clients: 502.
	ErrUnavailable = errors.New("forge is unavailable")
	// ErrLoop: the question came back to patgate itself. It is ErrUnavailable too. For clients: 508.
	ErrLoop = fmt.Errorf("%w: its address leads back to patgate", ErrUnavailable)
	// ErrTimeout: the forge did not answer in time. For clients: 504.
	ErrTimeout = errors.New("forge did not answer in time")
	// ErrBudget: the token or its owner asks for too many unknown things, or the forge's own rate limit for the owner
	// is used up. For clients: 429; RetryAfter says when to try again.
	ErrBudget = errors.New("too many look-ups")
	// ErrCredential: the forge refuses the owner's credential, or it does not reach far enough to answer the question.
	ErrCredential = errors.New("forge refuses the owner's credential")
	// ErrBlocked: the forge says that the credential's user is blocked. It is ErrCredential too.
	ErrBlocked = fmt.Errorf("%w: its user is blocked", ErrCredential)
	// ErrCredentialKind: the credential is valid, but not a personal access token.
	ErrCredentialKind = errors.New("credential is not a personal access token")
)

// budgetError is ErrBudget with a time.
type budgetError struct {
	who   string
	after time.Duration
}

func (e *budgetError) Error() string {
	return fmt.Sprintf("%s: %s, try again in %s", ErrBudget, e.who, e.after.Round(time.Second))
}

func (e *budgetError) Unwrap() error { return ErrBudget }

// RateLimited is the error for a forge that answered 429 and said when to try again. It wraps ErrBudget.
func RateLimited(after time.Duration) error {
	return &budgetError{who: "the forge's rate limit of the owner is used up", after: after}
}

// RetryAfter gives the time after which it makes sense to try again, for an error that wraps ErrBudget. It is at least
// one second; ok is false for other errors.
func RetryAfter(err error) (after time.Duration, ok bool) {
	if e, isBudget := errors.AsType[*budgetError](err); isBudget {
		return max(e.after, time.Second), true
	}
	return 0, false
}
