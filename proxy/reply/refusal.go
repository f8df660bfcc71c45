package reply

import (
	"strconv"
	"time"

	"github.com/valyala/fasthttp"

	"patgate/policy"
)

// Refusal is why a request is not forwarded, in a form from which an answer can be made for every surface. It holds
// nothing that the client did not send, and no text of an internal error.
type Refusal struct {
	Status    int
	Reason    string // of a closed set, for the log, metrics and the answer
	Message   string
	Advises   bool // on where a token is sent; see Instance.Places
	Challenge Challenge
	Location  string        // of a redirect
	Retry     time.Duration // Retry-After, when not zero
	Close     bool          // the connection cannot go on: its framing is in doubt
	// Decision is set for a denial by the grant.
	Decision *policy.Decision
}

// Challenge says which WWW-Authenticate an answer carries.
type Challenge uint8

// The challenges.
const (
	ChallengeNone    Challenge = iota
	ChallengeToken             // the token that was sent is no good
	ChallengeMissing           // there was no credential: the surface's own way of asking for one
)

// Error makes a Refusal an error that a step may give: it is answered as it is.
func (r *Refusal) Error() string { return r.Message }

// OrNil keeps a nil refusal a nil error.
func (r *Refusal) OrNil() error {
	if r == nil {
		return nil
	}
	return r
}

// Is tells whether a refusal is another one in other words.
func (r *Refusal) Is(target error) bool {
	other, is := target.(*Refusal)
	return is && other.Status == r.Status && other.Reason == r.Reason
}

// TooLarge is ErrBodyTooLarge in other words.
func TooLarge(message string) *Refusal {
	r := *ErrBodyTooLarge
	r.Message = message
	return &r
}

// LimitOfRow is where the limit of a row's body comes from.
const LimitOfRow = "limits.body_bytes, or body.limit of its row"

// BodyTooLarge is ErrBodyTooLarge that names the limit, in bytes, and the setting that it comes from.
func BodyTooLarge(limit int64, setting string) *Refusal {
	return TooLarge("The request body is longer than the " + strconv.FormatInt(limit, 10) + " bytes that this route takes " +
		"(limit: " + setting + ").")
}

// BadRequest is a 400.
func BadRequest(reason, message string) *Refusal {
	return &Refusal{Status: fasthttp.StatusBadRequest, Reason: reason, Message: message}
}

// advising is a 400 that says where a token is sent.
func advising(reason, message string) *Refusal {
	r := BadRequest(reason, message)
	r.Advises = true
	return r
}

// Forbidden is a 403.
func Forbidden(reason, message string) *Refusal {
	return &Refusal{Status: fasthttp.StatusForbidden, Reason: reason, Message: message}
}

// TooMany answers for a credential that may not be tried out.
func TooMany(wait time.Duration) *Refusal {
	return &Refusal{Status: fasthttp.StatusTooManyRequests, Reason: "failed_credentials", Retry: max(wait, time.Second),
		Message: "Too many wrong credentials came from this address. Wait before you try again (limits: " +
			"limits.failed_credentials in limits.failed_credentials_window)."}
}

// Unauthorized is a 401 for a token that is no good.
func Unauthorized(reason, message string) *Refusal {
	return &Refusal{Status: fasthttp.StatusUnauthorized, Reason: reason, Message: message, Challenge: ChallengeToken}
}
