package token

import (
	"time"

	"patgate/policy"
	"patgate/token/limits"
)

// Session is a token in use: what it may do, and with whose credential. It is shared between requests and not changed
// after it was made. Printing it shows no secret.
type Session struct {
	TokenID   int64
	TokenName string
	// OwnerUserID and Username are the owner's numeric id and name at the forge.
	OwnerUserID int64
	Username    string
	// Grant is what the token may do. Nil allows nothing.
	Grant *policy.Grant
	// ReportMode, when it is not nil, lets more pass than the grant allows.
	ReportMode *ReportMode
	// Limits are what it is held to. Nil: it has none.
	Limits *limits.Held
	// Credential is the owner's own, for the forge only. CredentialID is its id in the store.
	Credential   Secret
	CredentialID int64
	// Scopes are what the forge said that the credential holds.
	Scopes []string
	// ExpiresAt is when the token expires, and the session with it.
	ExpiresAt time.Time
	// StoreLost: the store cannot be reached, and what it said last counts for a while (store.grace).
	StoreLost bool
	// Record is what is stored of the token; its validity is asked for each request.
	Record *Record
}
