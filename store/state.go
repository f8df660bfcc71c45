package store

import (
	"time"

	"patgate/token"
)

// State tells what a token is now, and why it does not work, with what to do about it.
func (l *Listed) State(now time.Time) (state, reason string) {
	switch v := l.Validity(now); {
	case v == token.Revoked:
		return v.String(), l.RevokeReason
	case v == token.Expired && l.RotatedTo != 0:
		return v.String(), "rotated, and its grace is over"
	case v == token.Expired:
		return v.String(), "expired"
	case v == token.Paused:
		return v.String(), l.PauseReason
	case l.Credential != CredentialNone && l.Credential != CredentialValid:
		return "credential_invalid", "the forge no longer accepts the credential that the token is " +
			"bound to (" + l.CredentialReason +
			"): put a new one in its place with patgate owner replace " + l.Owner.Username + ", and the token works again"
	case v == token.Valid:
		return "active", ""
	default:
		return v.String(), ""
	}
}
