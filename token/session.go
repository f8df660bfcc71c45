package token

import (
	"time"

	"patgate/policy"
)

// Session is what a request needs to know of a valid token: who it acts for, what it may do, and the credential that is
// sent on. It is shared by requests and never changed.
type Session struct {
	TokenID      int64
	TokenName    string
	OwnerUserID  int64  // the owner's user id at the forge
	Username     string // the owner's username at the forge
	Grant        *policy.Grant
	CredentialID int64
	Credential   Secret
	ExpiresAt    time.Time
	Record       *Record
}
