package proxy

import (
	"errors"
	"time"

	"github.com/valyala/fasthttp"

	"patgate/audit"
	"patgate/forge"
	"patgate/policy"
	"patgate/routes"
	"patgate/routes/params"
)

// refusal is why a request is not forwarded, in a form from which an answer can be made for every surface. It holds
// nothing that the client did not send, and no text of an internal error.
type refusal struct {
	status    int
	reason    string // of a closed set, for the log, metrics and the answer
	message   string
	challenge challenge
	location  string        // of a redirect
	retry     time.Duration // Retry-After, when not zero
	close     bool          // the connection cannot go on: its framing is in doubt
	// decision is set for a denial by the grant.
	decision *policy.Decision
}

// challenge says which WWW-Authenticate an answer carries.
type challenge uint8

const (
	challengeNone    challenge = iota
	challengeToken             // the token that was sent is no good
	challengeMissing           // there was no credential: the surface's own way of asking for one
)

// Error makes a refusal an error that a step may give: it is answered as it is.
func (r *refusal) Error() string { return r.message }

func refuse400(reason, message string) *refusal {
	return &refusal{status: fasthttp.StatusBadRequest, reason: reason, message: message}
}

func refuse403(reason, message string) *refusal {
	return &refusal{status: fasthttp.StatusForbidden, reason: reason, message: message}
}

func refuse401(reason, message string) *refusal {
	return &refusal{status: fasthttp.StatusUnauthorized, reason: reason, message: message, challenge: challengeToken}
}

// What is refused for the request's own form. They are never changed.
var (
	refuseTokenInTarget = refuse400("token_in_target",
		"A patgate token stands in the URL, where logs keep it. Send it in the PRIVATE-TOKEN header, and replace it: it must be taken for known.")
	refuseSeveralCredentials = refuse400("several_credentials",
		"The request carries more than one credential. Send the token alone, once: PRIVATE-TOKEN, Authorization: Bearer, or as the password of Basic.")
	refuseMisplaced = refuse400("misplaced_token",
		"A patgate token stands where no forge looks for one. Send it as PRIVATE-TOKEN, Authorization: Bearer, or as the password (not the username) of Basic.")
	refuseAlias = refuse400("header_alias",
		"A header name is spelled with an underscore for a dash. Spell it with dashes: servers read the other form in different ways.")
	refuseOverride = refuse400("header_override",
		"The request has a header that changes its method, its user or what the forge takes it for. Leave it out.")
	refuseRepeatedHeader = refuse400("repeated_header", "A header that takes one value came more than once.")
	refuseNominated      = refuse400("connection_header",
		"The Connection header names a header that must reach the forge.")
	refuseUpgrade      = refuse403("unsupported_upgrade", "Websockets are not supported with fine-grained tokens yet.")
	refuseExpect       = &refusal{status: fasthttp.StatusExpectationFailed, reason: "expectation", message: "Of expectations, only 100-continue is known."}
	refuseHost         = refuse400("host", "The Host header is missing or is not a host with an optional port.")
	refuseVersion      = &refusal{status: fasthttp.StatusHTTPVersionNotSupported, reason: "http_version", message: "Use HTTP/1.1.", close: true}
	refuseMethod       = &refusal{status: fasthttp.StatusMethodNotAllowed, reason: "method", message: "This method is not passed on. Use GET, HEAD, POST, PUT, PATCH or DELETE."}
	refuseTarget       = refuse400("malformed_target", "The request target must be a path.")
	refuseHeaderSize   = &refusal{status: fasthttp.StatusRequestHeaderFieldsTooLarge, reason: "header_size", message: "The request's headers are too long.", close: true}
	refuseMalformed    = &refusal{status: fasthttp.StatusBadRequest, reason: "malformed_request", message: "The request could not be read.", close: true}
	refuseReadTimeout  = &refusal{status: fasthttp.StatusRequestTimeout, reason: "read_timeout", message: "The request did not arrive in time.", close: true}
	refuseBodyTooLarge = &refusal{status: fasthttp.StatusRequestEntityTooLarge, reason: "body_too_large", message: "The request body is longer than this route takes.", close: true}
	refuseBodyBroken   = &refusal{status: fasthttp.StatusBadRequest, reason: "broken_body", message: "The request body ended before its end, or could not be read.", close: true}
	refuseInternal     = &refusal{status: fasthttp.StatusInternalServerError, reason: "internal", message: "patgate failed to handle the request.", close: true}
	refuseAudit        = &refusal{status: fasthttp.StatusServiceUnavailable, reason: "audit", message: "The decision could not be recorded, so the request was not forwarded.", retry: time.Second}
	refuseStore        = &refusal{status: fasthttp.StatusServiceUnavailable, reason: "store", message: "The token could not be looked up.", retry: time.Second}
	refuseBusy         = &refusal{status: fasthttp.StatusServiceUnavailable, reason: "upstream_busy", message: "All connections to the forge are in use.", retry: time.Second}
	refuseNoRoom       = &refusal{status: fasthttp.StatusServiceUnavailable, reason: "bodies_busy", message: "Too many long request bodies are being read.", retry: time.Second, close: true}
	refuseUnavailable  = &refusal{status: fasthttp.StatusBadGateway, reason: "upstream_unavailable", message: "The forge could not be reached or its answer could not be read."}
	refuseTimeout      = &refusal{status: fasthttp.StatusGatewayTimeout, reason: "upstream_timeout", message: "The forge did not answer in time."}
	refuseBudget       = &refusal{status: fasthttp.StatusTooManyRequests, reason: "resolver_budget", message: "This token has asked for too many different projects and groups in a short time.", retry: 30 * time.Second}
	refuseOwner        = refuse401("owner_credential", "The forge no longer accepts the credential of the token's owner. The owner puts a new one in its place (patgate owner replace), and this token works again.")
	refuseIllegible    = &refusal{status: fasthttp.StatusBadGateway, reason: "unfiltered_answer", message: "The forge's answer could not be checked for what this token must not see."}
	refuseDeniedPath   = &refusal{status: fasthttp.StatusNotFound, reason: "internal_path", message: "This path is for the forge's own parts and is not reachable through patgate."}
)

// What is wrong with a token.
var (
	refuseTokenMalformed = refuse401("token_malformed", "The token is not complete: check that it was copied whole.")
	refuseTokenUnknown   = refuse401("token_unknown", "The token is not known.")
	refuseTokenExpired   = refuse401("token_expired", "The token has expired.")
	refuseTokenRevoked   = refuse401("token_revoked", "The token was revoked.")
	refuseTokenRotated   = refuse401("token_rotated", "The token was rotated: another one took its place.")
	refuseTokenPaused    = refuse401("token_paused", "The token is paused.")
)

// What is refused to callers without a patgate token.
var (
	refuseAnonymous = &refusal{status: fasthttp.StatusUnauthorized, reason: "no_credential", message: "401 Unauthorized", challenge: challengeMissing}
	refuseWeb       = refuse403("web_refused", "Web pages and session cookies do not go through patgate: open the forge itself.")
	refuseLegacy    = refuse403("legacy_denied", "Only fine-grained tokens are accepted here. Make one in patgate.")
	refuseReadOnly  = refuse403("legacy_read_only", "Tokens that are not fine-grained may only read here.")
)

// tokenRefusal maps what the store knows of a token.
func tokenRefusal(state TokenState) *refusal {
	switch state {
	case TokenUnknown:
		return refuseTokenUnknown
	case TokenExpired:
		return refuseTokenExpired
	case TokenRevoked:
		return refuseTokenRevoked
	case TokenRotated:
		return refuseTokenRotated
	case TokenPaused:
		return refuseTokenPaused
	case TokenCredentialInvalid:
		return refuseOwner
	}
	return refuseStore
}

// refusalOf maps every error that a step can give. What it does not know is an internal error.
func refusalOf(err error) *refusal {
	var classified *routes.Refusal
	var parameter *params.Refusal
	var source *errUpload
	var made *refusal
	switch {
	case errors.As(err, &made):
		return made
	case errors.As(err, &classified):
		r := refuse400(string(classified.Code), classified.Message)
		switch classified.Code {
		case routes.CodeNoRoute:
			r.status = fasthttp.StatusForbidden
		case routes.CodeMethod:
			return refuseMethod
		}
		return r
	case errors.As(err, &parameter):
		return refuseParameter(parameter)
	case errors.Is(err, forge.ErrBudget):
		r := *refuseBudget
		if after, ok := forge.RetryAfter(err); ok {
			r.retry = after
		}
		return &r
	case errors.Is(err, forge.ErrCredential):
		return refuseOwner
	case errors.Is(err, forge.ErrTimeout), errors.Is(err, errUpstreamTimeout):
		return refuseTimeout
	case errors.Is(err, errUpstreamBusy):
		return refuseBusy
	case errors.Is(err, forge.ErrUnavailable), errors.Is(err, errUpstreamConnect), errors.Is(err, errUpstreamClosed), errors.Is(err, errUpstreamBroken):
		return refuseUnavailable
	case errors.Is(err, audit.ErrFull), errors.Is(err, audit.ErrSink), errors.Is(err, audit.ErrClosed):
		return refuseAudit
	case errors.Is(err, errBodyTooLarge):
		return refuseBodyTooLarge
	case errors.Is(err, errNoRoom):
		return refuseNoRoom
	case errors.As(err, &source) && isTimeout(err):
		return refuseReadTimeout
	case errors.As(err, &source):
		return refuseBodyBroken
	}
	return refuseInternal
}

func refuseParameter(p *params.Refusal) *refusal {
	switch r := refuse400(p.Code.String(), p.Message); p.Code {
	case params.CodeContentType, params.CodeContentEncoding:
		r.status = fasthttp.StatusUnsupportedMediaType
		return r
	case params.CodeTooLarge:
		r.status = fasthttp.StatusRequestEntityTooLarge
		return r
	case params.CodeTable:
		return refuseInternal
	default:
		return r
	}
}

// refusalOfDenial maps a decision that denies. It names permissions and boundaries, never a container.
func refusalOfDenial(d *policy.Decision, r *routes.Route) *refusal {
	out := &refusal{status: fasthttp.StatusForbidden, reason: d.Reason.String(), decision: d}
	switch d.Reason {
	case policy.ReasonHidden:
		out.status, out.decision = fasthttp.StatusNotFound, nil
		out.message = "404 Not Found"
	case policy.ReasonOtherCredential:
		out.decision = nil
		out.message = "Access denied: This operation doesn't support fine-grained personal access tokens."
		if r != nil && r.Credential != "" {
			out.message += " It takes: " + r.Credential + "."
		}
	case policy.ReasonRefused:
		out.decision = nil
		out.message = "Access denied: This operation is not passed on for fine-grained tokens."
		if r != nil && r.Refused != "" {
			out.message += " " + r.Refused
		}
	case policy.ReasonMints:
		out.decision = nil
		out.message = "Access denied: The answer to this operation would carry another credential"
		if r != nil && r.Mints != "" {
			out.message += " (" + r.Mints + ")"
		}
		out.message += ", which patgate does not hand out."
	case policy.ReasonSpans:
		out.message = "The answer would reach over all projects and groups of the token's owner: the permission is needed under all_memberships."
	case policy.ReasonNotFindable:
		out.message = "The project or group of this object cannot be found out: the permission is needed under all_memberships."
	case policy.ReasonNewerThanToken:
		out.message = "This operation came under its permission after the token was made: the token's owner must confirm it."
	case policy.ReasonConstrained:
		out.message = "The token allows this only under a constraint that cannot be enforced here."
	case policy.ReasonTargetDenied:
		out.message = "The permission is missing on a further project or group that the request names."
	case policy.ReasonOutOfBounds:
		out.message = "The token does not reach what the request names."
	}
	return out
}

const (
	failureClientGone = "client_gone"
	failureTimeout    = "upstream_timeout"
	failureUpstream   = "upstream_broken"
	failureBusy       = "upstream_busy"
	failureBody       = "broken_body"
	failureAnswer     = "unfiltered_answer"
	failureRedirect   = "redirect_refused"
	failurePanic      = "panic"
	failureReuse      = "reuse_not_revoked" // a rotated-out secret came for another rotation, and the store failed
)

// failureOf gives what the log says of an error after the decision.
func failureOf(err error) string {
	var source *errUpload
	switch {
	case errors.As(err, &source), errors.Is(err, errBodyTooLarge):
		return failureBody
	case errors.Is(err, errUpstreamTimeout):
		return failureTimeout
	case errors.Is(err, errUpstreamBusy):
		return failureBusy
	}
	return failureUpstream
}
