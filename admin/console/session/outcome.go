package session

import (
	"context"
	"errors"
	"fmt"
	"time"

	"patgate/admin/terms"
	"patgate/admin/tokens"
	"patgate/forge"
	"patgate/store"
)

// madeWithin bounds how long a form that makes a token takes, with its questions to the forge. Its answer must be written within
// a minute.
const madeWithin = 45 * time.Second

// ErrUnknown says that it is not known whether a form made a token: it may be there, with a secret that nobody has seen.
var ErrUnknown = errors.New("the outcome of a form is not known")

// Unanswered says what ErrUnknown, or another failure to reach the store, means to a person.
func Unanswered(err error) string {
	if errors.Is(err, ErrUnknown) {
		return "patgate could not find out from its store whether the token was made. Look at the list of tokens first: if " +
			"a new one is there, nobody has seen its secret, so revoke it. Then load the form again."
	}
	return "patgate cannot reach its store. You are still signed in. Try again in a moment, and check whether your last " +
		"change was made."
}

// Before says that a form was sent before. id is the token that it made, 0 when that is not known.
func Before(id int64) string {
	if id == 0 {
		return "That form was sent before, and its outcome is not known: its token is still being made, or making it was " +
			"cut off. Look at the list. If no new token appears there, load the form again."
	}
	return "That form was sent before. The secret was shown then, and is not shown again."
}

// Through gives the context for what a form has begun: it goes on when the browser hangs up.
func Through(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), madeWithin)
}

// refused tells whether an error says for certain that no token was made.
func refused(err error) bool {
	var invalid *terms.Invalid
	if errors.Is(err, store.ErrUnreachable) {
		return false
	}
	if errors.As(err, &invalid) {
		return true
	}
	for _, certain := range []error{tokens.ErrUnknownCaller, tokens.ErrForbidden, tokens.ErrNotFound, tokens.ErrConflict,
		tokens.ErrContainer, forge.ErrBudget, forge.ErrCredential, forge.ErrTimeout, forge.ErrUnavailable,
		store.ErrNoRoom} {
		if errors.Is(err, certain) {
			return true
		}
	}
	return false
}

// Ended stores the outcome of a form that Once began, and returns its error. After a refusal the form may be sent again. After
// any other error the form stays used, because a token may have been made, and the error is ErrUnknown.
func (s *Session) Ended(ctx context.Context, text string, made *tokens.Created, err error) error {
	switch {
	case err == nil:
		s.note(ctx, func(ctx context.Context) error { return s.all.o.Store.FinishForm(ctx, s.id, form(text), made.ID) })
	case refused(err):
		s.note(ctx, func(ctx context.Context) error { return s.all.o.Store.DropForm(ctx, s.id, form(text)) })
	default:
		return fmt.Errorf("%w: %w", ErrUnknown, err)
	}
	return err
}

// note stores the outcome of a form, also when the browser has hung up. If that fails, the form makes no second token.
func (s *Session) note(ctx context.Context, f func(context.Context) error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	if err := f(ctx); err != nil {
		s.all.o.Report(failed(err))
	}
}
