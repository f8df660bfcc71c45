// Package failure puts errors into words for a page.
package failure

import (
	"context"
	"errors"
	"net/http"

	"patgate/admin/console/draft"
	"patgate/admin/console/guard"
	"patgate/admin/console/session"
	"patgate/admin/console/words"
	"patgate/admin/tokens"
	"patgate/forge"
	"patgate/store"
)

// What pages themselves refuse.
var (
	ErrNoPage = errors.New("no such page")
	ErrScopes = errors.New("the token has more scopes than the form shows")
)

// Words gives the status of an error, and its text for a person; the text calls the forge forgeName. own tells that the fault is
// patgate's own.
func Words(err error, forgeName string) (status int, text string, own bool) {
	var tooLong *http.MaxBytesError
	switch {
	case errors.Is(err, session.ErrUnknown), errors.Is(err, session.ErrStore), errors.Is(err, store.ErrUnreachable):
		return http.StatusServiceUnavailable, session.Unanswered(err), true
	case errors.Is(err, guard.ErrForm), errors.Is(err, store.ErrUnknownSignIn):
		text = "The form is too old, or does not belong to this session. Go back, reload the page and try again."
		return http.StatusForbidden, text, false
	case errors.Is(err, ErrScopes):
		return http.StatusUnprocessableEntity, words.Plural(draft.MostScopes, "scope is", "scopes are") +
			" all that the form can show, and this token has more. Use the API, or patgate token edit.", false
	case errors.Is(err, guard.ErrForeign):
		return http.StatusForbidden, "The form came from another site, so nothing was done.", false
	case errors.As(err, &tooLong):
		return http.StatusRequestEntityTooLarge, "The form is too long.", false
	case errors.Is(err, ErrNoPage), errors.Is(err, tokens.ErrNotFound) && err == tokens.ErrNotFound:
		return http.StatusNotFound, "There is no such page or token, or it is not yours.", false
	case errors.Is(err, tokens.ErrUnknownCaller):
		return http.StatusUnauthorized, forgeName + " does not accept this access token any more.", false
	case errors.Is(err, tokens.ErrForbidden):
		return http.StatusForbidden, words.Sentence(err.Error()), false
	case errors.Is(err, tokens.ErrConflict):
		return http.StatusConflict, words.Sentence(err.Error()), false
	case errors.Is(err, tokens.ErrContainer):
		return http.StatusUnprocessableEntity, words.Sentence(err.Error()), false
	case errors.Is(err, tokens.ErrNotFound):
		return http.StatusNotFound, words.Sentence(err.Error()), false
	case errors.Is(err, forge.ErrBudget):
		return http.StatusTooManyRequests, words.Sentence(forge.BudgetOf(err).Error()) + " Try again in a moment.", false
	case errors.Is(err, forge.ErrCredential):
		return http.StatusForbidden, forgeName + " no longer accepts the credential that the token is bound to.", false
	case errors.Is(err, forge.ErrTimeout), errors.Is(err, context.DeadlineExceeded):
		return http.StatusGatewayTimeout, forgeName + " did not answer in time. Nothing was changed.", false
	case errors.Is(err, forge.ErrUnavailable):
		return http.StatusBadGateway, forgeName + " could not be reached. Nothing was changed.", false
	case errors.Is(err, store.ErrNoRoom):
		return http.StatusInsufficientStorage, words.Sentence(store.NoRoomText), true
	}
	return http.StatusInternalServerError, "patgate failed to do this. The log says why.", true
}
