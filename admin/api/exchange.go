package api

import (
	"errors"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"

	"patgate/token"
	"patgate/trust/exchange"
)

// The paths at which ID tokens are traded: RFC 8693, and a short form for curl.
const (
	oauthToken  = Prefix + "oauth/token"
	shortTrade  = Prefix + "exchange"
	longestForm = 16 << 10
)

// URNs of RFC 8693.
const (
	grantExchange = "urn:ietf:params:oauth:grant-type:token-exchange"
	typeAccess    = "urn:ietf:params:oauth:token-type:access_token"
	typeID        = "urn:ietf:params:oauth:token-type:id_token"
	typeJWT       = "urn:ietf:params:oauth:token-type:jwt"
)

// exchangePaths gives the paths of trades; they are 404 where no trusts are configured.
func (h *Handler) exchangePaths() {
	if h.o.Exchange == nil {
		return
	}
	h.handle("POST "+oauthToken, (*call).trade)
	h.handle("POST "+shortTrade, (*call).tradeShort)
}

// Trades tells whether a request carries its credential in its body.
func (h *Handler) Trades(method string, path []byte) bool {
	return h.o.Exchange != nil && method == http.MethodPost && strings.TrimSuffix(string(path), "/") == oauthToken
}

// trade answers a token exchange of RFC 8693. Errors are those of RFC 6749, section 5.2.
func (q *call) trade() (*reply, error) {
	form, problem := q.tradeForm()
	if problem != "" {
		return oauthError(http.StatusBadRequest, "invalid_request", problem), nil
	}
	switch {
	case form.Get("grant_type") == "":
		return oauthError(http.StatusBadRequest, "invalid_request", "grant_type is missing"), nil
	case form.Get("grant_type") != grantExchange:
		return oauthError(http.StatusBadRequest, "unsupported_grant_type", "grant_type must be "+grantExchange), nil
	case form.Get("subject_token") == "":
		return oauthError(http.StatusBadRequest, "invalid_request", "subject_token is missing"), nil
	case form.Get("subject_token_type") != typeID && form.Get("subject_token_type") != typeJWT:
		return oauthError(http.StatusBadRequest, "invalid_request", "subject_token_type must be "+typeID+" or "+typeJWT), nil
	case form.Get("requested_token_type") != "" && form.Get("requested_token_type") != typeAccess:
		return oauthError(http.StatusBadRequest, "invalid_request", "requested_token_type must be "+typeAccess), nil
	case form.Get("scope") != "":
		return oauthError(http.StatusBadRequest, "invalid_scope", "the policy says what a token may do: leave scope out"), nil
	}
	name, problem := q.o.Exchange.Named(form.Get("audience"))
	if problem != "" {
		return oauthError(http.StatusBadRequest, "invalid_target", problem), nil
	}
	return q.traded(token.NewSecret(form.Get("subject_token")), name, http.StatusBadRequest)
}

// tradeForm reads the form of a trade, in which nothing appears twice and nothing is unknown.
func (q *call) tradeForm() (form url.Values, problem string) {
	media, _, err := mime.ParseMediaType(q.Header.Get("Content-Type"))
	switch {
	case err != nil || media != "application/x-www-form-urlencoded":
		return nil, "send application/x-www-form-urlencoded"
	case q.URL.RawQuery != "":
		return nil, "the parameters belong in the body"
	case len(q.body) > longestForm:
		return nil, "the form is too long"
	case q.Session != nil || !q.Credential.Empty():
		return nil, "the ID token belongs in subject_token, with no other credential beside it"
	}
	if form, err = url.ParseQuery(string(q.body)); err != nil {
		return nil, "the form cannot be read"
	}
	for name, values := range form { // unknown parameters are passed over (RFC 6749, 3.2)
		switch {
		case len(values) != 1:
			return nil, name + " appears more than once"
		case name == "resource", name == "actor_token":
			return nil, name + " is not accepted: the trust says what the token reaches, and for whom"
		}
	}
	return form, ""
}

// tradeShort answers the short form: the ID token as Bearer, the trust in the query.
func (q *call) tradeShort() (*reply, error) {
	p := q.query()
	name := p.text("trust")
	p.only("trust")
	if err := p.problems.Err(); err != nil {
		return nil, err
	}
	if q.Credential.Empty() || len(q.body) > 0 {
		return oauthError(http.StatusBadRequest, "invalid_request", "send the ID token as Authorization: Bearer, without "+
			"a body"), nil
	}
	return q.traded(q.Credential, name, http.StatusForbidden)
}

// traded trades an ID token and answers with the new token.
func (q *call) traded(raw token.Secret, name string, refused int) (*reply, error) {
	given, err := q.o.Exchange.Exchange(q.Context(), raw, name)
	var r *exchange.Refusal
	switch {
	case errors.As(err, &r) && r.Unable:
		return oauthError(http.StatusBadGateway, "server_error", r.Message), nil
	case errors.As(err, &r):
		if r.Wrong && q.Wrong != nil {
			q.Wrong()
		}
		if r.Busy {
			a := oauthError(http.StatusServiceUnavailable, "temporarily_unavailable", r.Message)
			a.header.Set("Retry-After", "5")
			return a, nil
		}
		return oauthError(refused, "invalid_request", r.Message), nil
	case err != nil:
		return nil, err
	}
	if q.Identified != nil {
		q.Identified()
	}
	left := given.ExpiresAt.Sub(q.o.Tokens.Now())
	a := answer(http.StatusOK, object{
		"access_token":      given.Secret.Reveal(),
		"issued_token_type": typeAccess,
		"token_type":        "Bearer",
		"expires_in":        int64(left / time.Second),
		"expires_at":        given.ExpiresAt.Format(time.RFC3339),
		"trust":             given.Trust,
		"id":                given.ID,
	})
	a.header.Set("Pragma", "no-cache")
	return a, nil
}

// oauthError answers in the form of RFC 6749, with the message where GitLab's clients look for it.
func oauthError(status int, code, description string) *reply {
	return answer(status, object{"error": code, "error_description": description, "message": description})
}
