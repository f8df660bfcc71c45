package audit

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"math/rand/v2"
	"net/netip"
	"time"

	"patgate/policy"
	"patgate/routes"
)

// ErrFull says that so many decisions wait for the log that another one cannot be taken. The request must be refused.
var ErrFull = errors.New("the audit queue is full")

// ErrSink says that the log cannot be written. The request must be refused.
var ErrSink = errors.New("the audit log cannot be written")

// ErrClosed says that the log was closed. The request must be refused.
var ErrClosed = errors.New("the audit log is closed")

// Sink takes events. From a Decision without an error until Completion has returned the sink may look at the event from any
// goroutine: the caller changes nothing in it but what is known at the completion.
type Sink interface {
	// Decision takes a decision before the first byte goes upstream. With an error (ErrFull, ErrSink, ErrClosed) nothing
	// was recorded and the request must not be forwarded.
	Decision(*Event) error
	// Completion takes the same event when the answer is over. It is called once for every Decision that gave no error.
	Completion(*Event)
}

// Credential is the kind of credential that a request came with. The zero value is not known yet.
type Credential uint8

// The kinds of credential.
const (
	CredentialUnknown Credential = iota
	// CredentialToken: a patgate token, valid or not.
	CredentialToken
	// CredentialLegacy: a credential of the forge's own.
	CredentialLegacy
	// CredentialAnonymous: none.
	CredentialAnonymous
)

// String gives the kind as it stands in logs and metrics.
func (c Credential) String() string {
	switch c {
	case CredentialToken:
		return "token"
	case CredentialLegacy:
		return "legacy"
	case CredentialAnonymous:
		return "anonymous"
	}
	return "unknown"
}

// RequestID names one request in logs and answers.
type RequestID [16]byte

// NewRequestID makes a random id. It is unique, not secret.
func NewRequestID() RequestID {
	var id RequestID
	binary.LittleEndian.PutUint64(id[:8], rand.Uint64())
	binary.LittleEndian.PutUint64(id[8:], rand.Uint64())
	return id
}

// AppendText appends 32 hexadecimal digits.
func (id RequestID) AppendText(dst []byte) ([]byte, error) {
	var text [2 * len(id)]byte
	for i, b := range id {
		binary.LittleEndian.PutUint16(text[2*i:], hexDigits[b])
	}
	return append(dst, text[:]...), nil
}

// hexDigits are the two digits of each byte, the first one in the lower half.
var hexDigits = func() (of [256]uint16) {
	for b := range of {
		of[b] = binary.LittleEndian.Uint16([]byte(hex.EncodeToString([]byte{byte(b)})))
	}
	return of
}()

// String gives 32 hexadecimal digits.
func (id RequestID) String() string { return hex.EncodeToString(id[:]) }

// Event is one request as it is recorded. Every string must be constant or outlive the request: none may point into a
// request's buffers, and none may carry a secret or anything else that the client wrote.
type Event struct {
	// Known at the decision.

	ID         RequestID
	Start      time.Time
	Client     netip.Addr // behind trusted proxies, the one that they name
	Credential Credential
	TokenID    int64  // 0 when there is none or it is unknown
	OwnerID    int64  // the forge user id that the token acts for
	TokenName  string // what people call them; empty when it is not known
	OwnerName  string
	StoreLost  bool          // the token was as it was when the store could last be reached
	Method     string        // one of the standard methods, else "OTHER"
	Route      *routes.Route // nil when no row matches
	Permission string        // the permission that decided, when it is not the route's own
	// Used are the permissions that an allowed request needed; nil when it needed none. Good until Decision has returned.
	Used *routes.PermissionSet
	// Acts are what the request does, as far as that was found out before it was decided. Good until Decision has returned.
	Acts       []policy.Act
	Filtered   bool // entries that the grant does not reach are left out of the answer
	Boundary   routes.Boundary
	BoundaryID int64 // project or group id that was checked
	// Container is its full path, as the forge tells the token's owner; empty when that is not known.
	Container  string
	Scope      int // index of the scope that allowed it; -1 when none did
	Verdict    policy.Verdict
	Act        policy.ActKind // of the act that was denied; none when all are allowed, or the row alone decides
	Reason     string         // of a closed set: policy.Reason or one of the gateway's own
	Ceiling    string         // the name of the operator's limit that denied it
	Undeclared int            // parameters that the row does not declare and that were passed on
	// Part spreads events over the parts of a sink: those with different numbers do not wait for one another. Any number will do.
	Part int

	// Known at the completion.

	Status        int
	RequestBytes  int64         // of the body that the client sent
	ResponseBytes int64         // of the body that the client was sent
	Duration      time.Duration // from the request's first byte to the answer's last
	Upstream      time.Duration // until the forge's answer began; 0 when it was not asked
	Failure       string        // what broke after the decision, of a closed set: upstream_timeout, client_gone; else empty

	place // in the log
}

// place is where a Log keeps an event. The lock of its part is held to read or change it.
type place struct {
	at      int  // among the open ones
	taken   bool // it was decided and is not complete
	written bool // it has its line
}
