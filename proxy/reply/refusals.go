package reply

import (
	"time"

	"github.com/valyala/fasthttp"
)

// What is refused for the request's own form. They are never changed.
var (
	ErrTokenInTarget = advising("token_in_target",
		"A patgate token stands in the URL, where logs keep it: rotate it, because somebody may have read it.")
	ErrSeveralCredentials = advising("several_credentials",
		"The request carries more than one credential, and they differ. Look for one that the client adds by itself: in "+
			"~/.netrc, a cookie, the query.")
	ErrMisplaced = advising("misplaced_token",
		"A patgate token stands where the forge does not look for one.")
	ErrAlias = BadRequest("header_alias",
		"A header name is spelled with an underscore for a dash. Spell it with dashes: servers read the other form "+
			"in different ways.")
	ErrOverride = BadRequest("header_override",
		"The request has a header that changes its method, its user or what the forge takes it for. Leave it out.")
	ErrRepeatedHeader = BadRequest("repeated_header", "A header that takes one value came more than once.")
	ErrNominated      = BadRequest("connection_header",
		"The Connection header names a header that must reach the forge.")
	ErrUpgrade     = Forbidden("unsupported_upgrade", "Websockets are not supported with fine-grained tokens yet.")
	ErrUpgradeBody = BadRequest("upgrade_body", "A request for a websocket has no body.")
	ErrExpectation = &Refusal{Status: fasthttp.StatusExpectationFailed, Reason: "expectation",
		Message: "The only known value of Expect is 100-continue."}
	ErrHost    = BadRequest("host", "The Host header is missing or is not a host with an optional port.")
	ErrVersion = &Refusal{Status: fasthttp.StatusHTTPVersionNotSupported, Reason: "http_version",
		Message: "Use HTTP/1.1.", Close: true}
	ErrMethod = &Refusal{Status: fasthttp.StatusMethodNotAllowed, Reason: "method",
		Message: "This method is not passed on. Use GET, HEAD, POST, PUT, PATCH or DELETE."}
	ErrTarget = BadRequest("malformed_target", "The request target must be a path, which begins with a slash.")
	ErrAbroad = BadRequest("foreign_target",
		"The request target names another scheme, host or port than those by which patgate is reached. Send the path alone, or "+
			"the same authority as in the Host header; behind a proxy that ends TLS, the operator sets public_url.")
	ErrLoop = &Refusal{
		Status: fasthttp.StatusLoopDetected,
		Reason: "loop",
		Message: "This request was sent by this very patgate: the upstream's address leads back to it. Its operator sets " +
			"upstream.url to the forge.",
	}
	ErrHeaderSize = &Refusal{Status: fasthttp.StatusRequestHeaderFieldsTooLarge, Reason: "header_size",
		Message: "The request's headers are too long (limit: limits.header_bytes).", Close: true}
	ErrMalformed = &Refusal{Status: fasthttp.StatusBadRequest, Reason: "malformed_request",
		Message: "The request could not be read.", Close: true}
	ErrReadTimeout = &Refusal{Status: fasthttp.StatusRequestTimeout, Reason: "read_timeout",
		Message: "The request did not arrive in time (limits: timeouts.read_header, and timeouts.read_stall for its body).",
		Close:   true}
	ErrBodyTooLarge = &Refusal{Status: fasthttp.StatusRequestEntityTooLarge, Reason: "body_too_large",
		Message: "The request body is longer than this route takes (limit: limits.body_bytes, or body.limit of its row).",
		Close:   true}
	ErrBodyBroken = &Refusal{Status: fasthttp.StatusBadRequest, Reason: "broken_body",
		Message: "The request body ended before its end, or could not be read.", Close: true}
	ErrInternal = &Refusal{Status: fasthttp.StatusInternalServerError, Reason: "internal",
		Message: "patgate failed to handle the request.", Close: true}
	ErrAudit = &Refusal{Status: fasthttp.StatusServiceUnavailable, Reason: "audit",
		Message: "The decision could not be recorded, so the request was not forwarded: the log fails, or more decisions wait " +
			"for it than may (limit: limits.audit_queue).", Retry: time.Second}
	ErrStore = &Refusal{Status: fasthttp.StatusServiceUnavailable, Reason: "store",
		Message: "The token could not be looked up.", Retry: time.Second}
	ErrBusy = &Refusal{Status: fasthttp.StatusServiceUnavailable, Reason: "upstream_busy",
		Message: "All connections to the forge are in use (limit: upstream.connections).", Retry: time.Second}
	ErrLeaving = &Refusal{Status: fasthttp.StatusServiceUnavailable, Reason: "leaving",
		Message: "This server is being stopped: connect once more.", Retry: time.Second, Close: true}
	ErrShare = &Refusal{Status: fasthttp.StatusTooManyRequests, Reason: "upstream_share",
		Message: "This token's other requests, or its owner's, have their share of the connections to the forge in use (limit: " +
			"upstream.connections).", Retry: time.Second}
	ErrNoRoom = &Refusal{Status: fasthttp.StatusServiceUnavailable, Reason: "bodies_busy",
		Message: "Too many long request bodies are being read (limits: limits.bodies_memory and limits.bodies_disk).",
		Retry:   time.Second, Close: true}
	ErrUnavailable = &Refusal{Status: fasthttp.StatusBadGateway, Reason: "upstream_unavailable",
		Message: "The forge could not be reached or its answer could not be read."}
	ErrTimeout = &Refusal{Status: fasthttp.StatusGatewayTimeout, Reason: "upstream_timeout",
		Message: "The forge did not answer in time (limits: timeouts.upstream_dial, timeouts.upstream_response, " +
			"resolver.timeout and resolver.deadline)."}
	ErrGone = &Refusal{Status: fasthttp.StatusGatewayTimeout, Reason: "client_gone",
		Message: "The client ended its side of the connection, and the forge, which may have done what was asked, did not " +
			"answer soon after (limit: timeouts.client_gone).",
		Close: true}
	ErrTokenBudget = &Refusal{Status: fasthttp.StatusTooManyRequests, Reason: "resolver_budget",
		Message: "This token has asked for too many projects and groups in a short time that are not there, or that it does " +
			"not reach (limit: resolver.budget_per_token).", Retry: 30 * time.Second}
	ErrOwnerBudget = &Refusal{Status: fasthttp.StatusTooManyRequests, Reason: "owner_budget",
		Message: "All tokens of this token's owner together have asked for too many different projects and groups in a short " +
			"time (limit: resolver.budget_per_owner).", Retry: 30 * time.Second}
	ErrListBudget = &Refusal{Status: fasthttp.StatusTooManyRequests, Reason: "list_budget",
		Message: "This token's lists hold entries of too many different projects and groups, or take too many pages (limit: a " +
			"quarter of resolver.budget_per_owner). What was found out is remembered for a while: try again, narrow the list, " +
			"or list one project or group.", Retry: 30 * time.Second}
	ErrRateLimited = &Refusal{Status: fasthttp.StatusTooManyRequests, Reason: "forge_rate_limit",
		Message: "The forge's own rate limit for the token's owner is used up: it answered 429 Too Many Requests when patgate " +
			"asked it about what the request names. It is not a limit of patgate's.", Retry: 10 * time.Second}
	ErrOwner = Unauthorized("owner_credential", "The forge no longer accepts the credential of the token's owner. The owner "+
		"puts a new one in its place (patgate owner replace), and this token works again.")
	ErrListTooLong = Forbidden("list_too_long", "Access denied: The token's owner sees more entries than patgate looks through "+
		"for those that the token reaches. Narrow the list, with membership=true or a search, or list one project or group.")
	ErrIllegible = &Refusal{Status: fasthttp.StatusBadGateway, Reason: "unfiltered_answer",
		Message: "The forge's answer could not be checked for what this token must not see."}
	ErrUpstreamExpired = &Refusal{Status: fasthttp.StatusBadGateway, Reason: "upstream_tls_expired",
		Message: "The forge's TLS certificate has expired, or is not valid yet, so nothing was sent to it. Its administrators " +
			"renew it."}
	ErrUpstreamUntrusted = &Refusal{Status: fasthttp.StatusBadGateway, Reason: "upstream_tls_untrusted",
		Message: "The forge's TLS certificate is of no authority that patgate trusts, so nothing was sent to it (setting: " +
			"upstream.ca_file)."}
	ErrUpstreamName = &Refusal{Status: fasthttp.StatusBadGateway, Reason: "upstream_tls_name",
		Message: "The forge's TLS certificate is for another name, so nothing was sent to it (setting: upstream.url)."}
	ErrUpstreamTLS = &Refusal{Status: fasthttp.StatusBadGateway, Reason: "upstream_tls",
		Message: "TLS with the forge failed."}
	ErrNoDisk = &Refusal{Status: fasthttp.StatusInsufficientStorage, Reason: "temporary_directory",
		Message: "The request body is too long for memory, and patgate's temporary directory takes no more.", Close: true}
	ErrDeniedPath = &Refusal{Status: fasthttp.StatusNotFound, Reason: "internal_path",
		Message: "This path is for the forge's own parts and is not reachable through patgate."}
)

// What is wrong with a token.
var (
	ErrTokenMalformed = Unauthorized("token_malformed", "The token is not complete: check that it was copied whole.")
	ErrTokenUnknown   = Unauthorized("token_unknown", "The token is not known.")
	ErrTokenExpired   = Unauthorized("token_expired", "The token has expired.")
	ErrTokenRevoked   = Unauthorized("token_revoked", "The token was revoked.")
	ErrTokenRotated   = Unauthorized("token_rotated", "The token was rotated: another one took its place.")
	ErrTokenPaused    = Unauthorized("token_paused", "The token is paused.")
)

// What is refused to callers without a patgate token.
var (
	ErrAnonymous = &Refusal{Status: fasthttp.StatusUnauthorized, Reason: "no_credential",
		Message: "401 Unauthorized", Challenge: ChallengeMissing}
	ErrWeb      = Forbidden("web_refused", "Web pages and session cookies do not go through patgate: open the forge itself.")
	ErrLegacy   = Forbidden("legacy_denied", "Only fine-grained tokens are accepted here. Make one in patgate.")
	ErrReadOnly = Forbidden("legacy_read_only", "Tokens that are not fine-grained may only read here.")
)
