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

// madeWithin bounds how long a form that makes a token takes, the questions to the forge included. Its answer is to be written
// within a minute.
const madeWithin = 45 * time.Second

// ErrUnknown says that it is not known whether a form made a token: it may be there, with a secret that nobody has seen.
var ErrUnknown = errors.New("it is not known what came of a form")

// Unanswered is what a person is told of ErrUnknown, and of a store that cannot be reached otherwise.
func Unanswered(err error) string {
	if errors.Is(err, ErrUnknown) {
		return "patgate did not hear from its store whether a token was made. Look into the list of tokens first: one that is new " +
			"there has a secret that nobody has seen, so revoke it. Then load the form anew."
	}
	return "patgate cannot reach its store. You are not signed out by that. Try again in a moment, and look then whether what you " +
		"did last was done."
}

// Before is what a person is told whose form was sent before: the token that came of it is id, 0 where none is known.
func Before(id int64) string {
	if id == 0 {
		return "That form was sent before, and what came of it is not known: its token is being made, or that was cut off. Look " +
			"into the list. When no new token comes to be there, load the form anew."
	}
	return "That form was sent before. The secret was shown then, and is not shown again."
}

// Through gives the context of what a form has begun: that goes on when the browser goes.
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

// Ended stores what came of a form that Once began, and gives the error that came of it. One that is a refusal lets the form be
// sent again. After any other the form stays used, because a token may be there, and the error is ErrUnknown.
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

// note stores what came of a form, also when the browser has gone. A form of which that is not stored makes no second token.
func (s *Session) note(ctx context.Context, f func(context.Context) error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	if err := f(ctx); err != nil {
		s.all.o.Report(failed(err))
	}
}
