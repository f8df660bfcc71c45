package api

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"patgate/admin/terms"
	"patgate/admin/tokens"
	"patgate/forge"
	"patgate/policy"
	"patgate/store"
)

// failed turns an error into an answer: the one place where errors of the service get their status. Texts of errors that
// are not meant for clients stay here; Options.Report is told about them.
func (h *Handler) failed(err error) *reply {
	var invalid *terms.Invalid
	var missing *tokens.Missing
	switch {
	case errors.As(err, &invalid):
		fields := map[string][]string{}
		for _, p := range invalid.Problems {
			fields[p.Field] = append(fields[p.Field], p.Message)
		}
		return answer(http.StatusBadRequest, object{"message": fields})
	case errors.As(err, &missing):
		return insufficient(missing)
	case errors.Is(err, tokens.ErrUnknownCaller):
		a := message(http.StatusUnauthorized, "401 Unauthorized")
		a.header.Set("WWW-Authenticate", `Bearer realm="GitLab", error="invalid_token"`)
		return a
	case errors.Is(err, tokens.ErrContainer) && err != tokens.ErrContainer:
		return answer(http.StatusNotFound, object{"message": "404 Not Found", "errors": strings.Split(err.Error(), "\n")})
	case errors.Is(err, tokens.ErrNotFound), errors.Is(err, tokens.ErrContainer):
		return message(http.StatusNotFound, "404 Not Found")
	case errors.Is(err, tokens.ErrForbidden):
		return answer(http.StatusForbidden, object{
			"message": "403 Forbidden - " + err.Error(),
			"error":   "forbidden",
			"errors":  strings.Split(err.Error(), "\n"),
		})
	case errors.Is(err, tokens.ErrConflict):
		return message(http.StatusConflict, "409 Conflict - "+err.Error())
	case errors.Is(err, forge.ErrBudget):
		a := message(http.StatusTooManyRequests, "429 Too Many Requests - "+forge.BudgetOf(err).Error())
		if after, ok := forge.RetryAfter(err); ok {
			a.header.Set("Retry-After", strconv.Itoa(int((after+time.Second-1)/time.Second)))
		}
		return a
	case errors.Is(err, forge.ErrCredential):
		return message(http.StatusUnauthorized, "401 Unauthorized - the forge no longer accepts the credential of the "+
			"token's owner")
	case errors.Is(err, forge.ErrTimeout):
		return message(http.StatusGatewayTimeout, "504 Gateway Timeout - the forge did not answer in time")
	case errors.Is(err, forge.ErrRedirected):
		return message(http.StatusBadGateway, "502 Bad Gateway - the forge redirects every request to another address: "+
			"patgate's operator must set upstream.url to that address, which patgate's log names")
	case errors.Is(err, forge.ErrLoop):
		return message(http.StatusLoopDetected, "508 Loop Detected - the upstream's address leads back to patgate: its "+
			"operator must set upstream.url to the forge")
	case errors.Is(err, forge.ErrUnavailable):
		return message(http.StatusBadGateway, "502 Bad Gateway - the forge could not be reached")
	case errors.Is(err, store.ErrNoRoom):
		h.o.Report(err)
		return answer(http.StatusInsufficientStorage, object{
			"message": "507 Insufficient Storage - " + store.NoRoomText,
			"error":   "insufficient_storage",
		})
	case errors.Is(err, store.ErrMoved):
		a := message(http.StatusServiceUnavailable, "503 Service Unavailable - patgate's store cannot be used now: its "+
			"log says why")
		a.header.Set("Retry-After", "10")
		h.o.Report(err)
		return a
	}
	h.o.Report(err)
	return message(http.StatusInternalServerError, "500 Internal Server Error")
}

// insufficient is the denial of a token that lacks a permission on its owner's account, in GitLab's words.
func insufficient(e *tokens.Missing) *reply {
	if e.Ceiling != nil { // no scope would help
		return answer(http.StatusForbidden, object{"message": "403 Forbidden - " + e.Error(), "error": "forbidden",
			"reason": policy.ReasonCeiling.String(), "errors": []string{e.Error()}})
	}
	a := answer(http.StatusForbidden, object{
		"error": "insufficient_granular_scope",
		"error_description": "Access denied: This operation requires a fine-grained personal access token with the " +
			"following user permissions: [" +
			e.Permission + "].",
		"missing_permissions": []string{e.Permission},
		"boundary":            "user",
	})
	a.header.Set("WWW-Authenticate", `Bearer realm="GitLab", error="insufficient_scope", scope="`+e.Permission+`"`)
	a.header.Set("X-Accepted-Permissions", e.Permission)
	return a
}
