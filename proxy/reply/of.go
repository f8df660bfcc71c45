package reply

import (
	"errors"
	"strings"

	"github.com/valyala/fasthttp"

	"patgate/audit"
	"patgate/dial"
	"patgate/fleet/share"
	"patgate/forge"
	"patgate/policy"
	"patgate/proxy/wire"
	"patgate/routes"
	"patgate/routes/params/refusal"
)

// Of maps every error that a step can give. What it does not know is an internal error.
func Of(err error) *Refusal {
	var classified *routes.Refusal
	var parameter *refusal.Refusal
	var source *wire.UploadError
	var made *Refusal
	switch {
	case errors.As(err, &made):
		return made
	case errors.As(err, &classified):
		r := BadRequest(string(classified.Code), classified.Message)
		switch classified.Code {
		case routes.CodeNoRoute, routes.CodePushOption:
			r.Status = fasthttp.StatusForbidden
		case routes.CodeMethod:
			return ErrMethod
		}
		return r
	case errors.As(err, &parameter):
		return ofParameter(parameter)
	case errors.Is(err, forge.ErrBudget):
		r := *ErrTokenBudget
		switch {
		case errors.Is(err, forge.ErrOwnerBudget):
			r = *ErrOwnerBudget
		case errors.Is(err, forge.ErrListBudget):
			r = *ErrListBudget
		case errors.Is(err, forge.ErrRateLimited):
			r = *ErrRateLimited
		}
		if after, ok := forge.RetryAfter(err); ok {
			r.Retry = after
		}
		return &r
	case errors.Is(err, forge.ErrCredential):
		return ErrOwner
	case errors.Is(err, forge.ErrLoop):
		return ErrLoop
	case errors.Is(err, dial.ErrTLS):
		return ofTLS(dial.Fault(err))
	case errors.Is(err, forge.ErrTimeout), errors.Is(err, wire.ErrTimeout), errors.Is(err, wire.ErrUnanswered):
		return ErrTimeout
	case errors.Is(err, wire.ErrGone):
		return ErrGone
	case errors.Is(err, share.ErrBusy):
		return ErrBusy
	case errors.Is(err, share.ErrShare):
		return ErrShare
	case errors.Is(err, forge.ErrUnavailable), errors.Is(err, wire.ErrConnect), errors.Is(err, wire.ErrClosed),
		errors.Is(err, wire.ErrBroken):
		return ErrUnavailable
	case errors.Is(err, audit.ErrFull), errors.Is(err, audit.ErrSink), errors.Is(err, audit.ErrClosed):
		return ErrAudit
	case errors.As(err, &source) && wire.IsTimeout(err):
		return ErrReadTimeout
	case errors.As(err, &source):
		return ErrBodyBroken
	}
	return ErrInternal
}

// ofTLS tells what is wrong with the forge's certificate, or with its TLS.
func ofTLS(fault string) *Refusal {
	switch fault {
	case "expired":
		return ErrUpstreamExpired
	case "untrusted":
		return ErrUpstreamUntrusted
	case "name":
		return ErrUpstreamName
	}
	return ErrUpstreamTLS
}

func ofParameter(p *refusal.Refusal) *Refusal {
	switch r := BadRequest(p.Code.String(), p.Message); p.Code {
	case refusal.CodeContentType, refusal.CodeContentEncoding:
		r.Status = fasthttp.StatusUnsupportedMediaType
		return r
	case refusal.CodeTooLarge:
		r.Status = fasthttp.StatusRequestEntityTooLarge
		return r
	case refusal.CodeTable:
		return ErrInternal
	default:
		return r
	}
}

// OfDenial maps a decision that denies. It names permissions and boundaries, never a container.
func OfDenial(d *policy.Decision, r *routes.Route) *Refusal {
	out := &Refusal{Status: fasthttp.StatusForbidden, Reason: d.Reason.String(), Decision: d}
	switch d.Reason {
	case policy.ReasonHidden:
		out.Status, out.Decision = fasthttp.StatusNotFound, nil
		out.Message = "404 Not Found"
	case policy.ReasonOtherCredential:
		out.Decision = nil
		out.Message = "Access denied: This operation doesn't support fine-grained personal access tokens."
		if r != nil && r.Credential != "" {
			out.Message += " It takes: " + r.Credential + "."
		}
	case policy.ReasonRefused:
		out.Decision = nil
		out.Message = "Access denied: This operation is not passed on for fine-grained tokens."
		if r != nil && r.Refused != "" {
			out.Message += " " + r.Refused
		}
	case policy.ReasonMints:
		out.Decision = nil
		out.Message = "Access denied: The answer to this operation would carry another credential"
		if r != nil && r.Mints != "" {
			out.Message += " (" + r.Mints + ")"
		}
		out.Message += ", which patgate does not hand out."
	case policy.ReasonSpans, policy.ReasonPermissionMissing:
		out.Message = spansMessage(d)
	case policy.ReasonNotFindable:
		out.Message = "The project or group of this object cannot be found out: the permission is needed under all_memberships."
	case policy.ReasonNewerThanToken:
		out.Message = "This operation came under its permission after the token was made: the token's owner must confirm it."
	case policy.ReasonConstrained:
		out.Message = "The token allows this only under a constraint that cannot be enforced here."
	case policy.ReasonTargetDenied:
		out.Message = "The permission is missing on a further project or group that the request names."
	case policy.ReasonCeiling:
		out.Decision = nil
		out.Message = "Access denied: " + d.Ceiling.Refusal() + "."
	case policy.ReasonOutOfBounds:
		out.Message = "The token does not reach what the request names."
	}
	return out
}

// spansMessage says all that an answer needs which reaches over all projects and groups of the owner.
func spansMessage(d *policy.Decision) string {
	switch {
	case d.Under == 0:
		return ""
	case d.Under.Has(policy.AccessSelectedMemberships):
		return "The answer lists what lies in many projects and groups, and shows a token what lies in those on which it has " +
			"the permission."
	}
	return "The answer would reach over all projects and groups of the token's owner: the permission is needed under " +
		strings.ReplaceAll(d.Under.String(), ",", " and under ") + "."
}

// What the log says of a request that failed after its decision.
const (
	FailureClientGone      = "client_gone"
	FailureTimeout         = "upstream_timeout"
	FailureUnanswered      = "upstream_unanswered" // nothing that was sent was acknowledged
	FailureTLS             = "upstream_tls_"       // and dial.Fault
	FailureUpstream        = "upstream_broken"
	FailureBusy            = "upstream_busy"
	FailureShare           = "upstream_share"
	FailureLimit           = "token_limit" // a body was longer than a limit of the token lets through
	FailureBody            = "broken_body"
	FailureAnswer          = "unfiltered_answer"
	FailureRedirect        = "redirect_refused"
	FailureCredentialScope = "credential_scope"
	FailurePanic           = "panic"
	FailureReuse           = "reuse_not_revoked" // a rotated-out secret came for another rotation, and the store failed
)

// FailureOf gives what the log says of an error after the decision.
func FailureOf(err error) string {
	var source *wire.UploadError
	var made *Refusal
	switch {
	case errors.As(err, &made) && made.Status == fasthttp.StatusTooManyRequests:
		return FailureLimit
	case errors.As(err, &source), errors.Is(err, ErrBodyTooLarge):
		return FailureBody
	case errors.Is(err, dial.ErrTLS):
		return FailureTLS + dial.Fault(err)
	case errors.Is(err, wire.ErrTimeout):
		return FailureTimeout
	case errors.Is(err, wire.ErrGone):
		return FailureClientGone
	case errors.Is(err, wire.ErrUnanswered):
		return FailureUnanswered
	case errors.Is(err, share.ErrBusy):
		return FailureBusy
	case errors.Is(err, share.ErrShare):
		return FailureShare
	}
	return FailureUpstream
}
