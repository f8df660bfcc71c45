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
	// ErrBudget: the token or its owner asks for too many unknown things, or the forge's own rate limit for the owner is used up.
	// It is one of the four below. For clients: 429; RetryAfter says when to try again.
	ErrBudget = errors.New("too many look-ups")
	// ErrTokenBudget: the token asked for too much that is not there, or not for it.
	ErrTokenBudget = fmt.Errorf("%w: the token's allowance is used up (resolver.budget_per_token)", ErrBudget)
	// ErrOwnerBudget: the tokens of one owner asked for too much together.
	ErrOwnerBudget = fmt.Errorf("%w: the allowance of the owner's tokens is used up (resolver.budget_per_owner)", ErrBudget)
	// ErrListBudget: the token's lists need too much that is not known: pages, and questions about their entries.
	ErrListBudget = fmt.Errorf("%w: the token's allowance for lists is used up (a part of resolver.budget_per_owner)", ErrBudget)
	// ErrRateLimited: the forge answered 429.
	ErrRateLimited = fmt.Errorf("%w: the forge's own rate limit for the owner is used up (429)", ErrBudget)
	// ErrCredential: the forge refuses the owner's credential, or it does not reach far enough to answer the question.
	ErrCredential = errors.New("forge refuses the owner's credential")
	// ErrBlocked: the forge says that the credential's user is blocked. It is ErrCredential too.
	ErrBlocked = fmt.Errorf("%w: its user is blocked", ErrCredential)
	// ErrCredentialKind: the credential is valid, but not a personal access token.
	ErrCredentialKind = errors.New("credential is not a personal access token")
)

// budgetError is one of the kinds of ErrBudget with a time.
type budgetError struct {
	kind  error
	after time.Duration
}

func (e *budgetError) Error() string {
	return fmt.Sprintf("%s, try again in %s", e.kind, max(e.after, time.Second).Round(time.Second))
}

func (e *budgetError) Unwrap() error { return e.kind }

// RateLimited is the error for a forge that answered 429 and said when to try again. It wraps ErrRateLimited.
func RateLimited(after time.Duration) error { return &budgetError{ErrRateLimited, after} }

// BudgetOf says whose limit an error that wraps ErrBudget is about, and which setting bounds it.
func BudgetOf(err error) error {
	for _, kind := range []error{ErrTokenBudget, ErrOwnerBudget, ErrListBudget, ErrRateLimited} {
		if errors.Is(err, kind) {
			return kind
		}
	}
	return ErrBudget
}

// RetryAfter gives the time after which it makes sense to try again, for an error that wraps ErrBudget. It is at least
// one second; ok is false for other errors.
func RetryAfter(err error) (after time.Duration, ok bool) {
	if e, isBudget := errors.AsType[*budgetError](err); isBudget {
		return max(e.after, time.Second), true
	}
	return 0, false
}
