package store

import (
	"context"
	"time"

	"patgate/store/seal"
)

// CredentialStatus tells whether a credential can be used. The zero value cannot.
type CredentialStatus uint8

const (
	// CredentialNone is no status: nothing may use the credential.
	CredentialNone CredentialStatus = iota
	// CredentialValid was accepted by the forge when it was last asked.
	CredentialValid
	// CredentialInvalid was refused by the forge; its tokens rest until it is replaced.
	CredentialInvalid
	// CredentialRemoved was erased with its owner.
	CredentialRemoved
)

var credentialStatusNames = [...]string{"none", "valid", "invalid", "removed"}

// String gives the status as it is stored and listed.
func (s CredentialStatus) String() string {
	if int(s) < len(credentialStatusNames) {
		return credentialStatusNames[s]
	}
	return "none"
}

// ParseCredentialStatus reads a stored status; unknown text is CredentialNone, which nothing may use.
func ParseCredentialStatus(s string) CredentialStatus {
	for i, name := range credentialStatusNames {
		if s == name {
			return CredentialStatus(i)
		}
	}
	return CredentialNone
}

// Credential is an owner's own forge token, sealed. Tokens are bound to the credential that authorised them.
type Credential struct {
	ID        int64
	OwnerID   int64
	KeyID     string   // sealing key
	Sealed    []byte   // see package seal; nil once it is removed
	Kind      string   // what the forge says it is: personal_access_token
	Scopes    []string // scopes that the forge reported: api, read_api
	ExpiresAt time.Time
	CreatedAt time.Time
	UpdatedAt time.Time // when it was last replaced or changed its status
	Status    CredentialStatus
	Reason    string // why the status is not valid
}

// Binding gives what the credential of this owner is sealed to.
func (c *Credential) Binding(o *Owner) seal.Binding {
	return seal.Binding{Origin: o.Origin, OwnerUserID: o.UserID, CredentialID: c.ID}
}

// SealFunc seals a credential to the binding that the store gives it.
type SealFunc func(b seal.Binding) (keyID string, sealed []byte, err error)

// ResealFunc opens what c holds under its old binding and seals it to b.
type ResealFunc func(c Credential, old, b seal.Binding) (keyID string, sealed []byte, err error)

// SealingKey is what the store knows about a sealing key: never its bytes.
type SealingKey struct {
	ID        string
	Check     []byte // seal.Key.CheckValue
	CreatedAt time.Time
	RetiredAt time.Time // zero while it may seal
}

// Credentials is the part of Store that keeps sealed credentials and what is known about the keys.
type Credentials interface {
	// AddCredential stores a new credential of an owner, sealed by seal once its id is known. The key must be registered
	// and not retired, else ErrKeyRetired.
	AddCredential(ctx context.Context, c Credential, seal SealFunc) (Credential, error)
	// ReplaceCredential puts another secret, with its scopes and expiry, in the place of an existing one, and makes it
	// valid. Tokens bound to it go on with the new one.
	ReplaceCredential(ctx context.Context, c Credential, seal SealFunc) (Credential, error)
	// Credential reads one; ErrUnknownCredential when there is none.
	Credential(ctx context.Context, id int64) (Credential, error)
	// Credentials lists those of one owner that are not removed, or of all owners when ownerID is 0; newest first.
	Credentials(ctx context.Context, ownerID int64) ([]Credential, error)
	// SetCredentialStatus says that the forge accepts or refuses a credential, and why.
	SetCredentialStatus(ctx context.Context, id int64, status CredentialStatus, reason string, at time.Time) error

	// SealingKeys lists the keys that were ever registered, newest first.
	SealingKeys(ctx context.Context) ([]SealingKey, error)
	// RegisterKey makes a key known, so that credentials can be sealed under it. A known one stays as it is.
	RegisterKey(ctx context.Context, k SealingKey) error
	// Rekey seals every credential anew, registers the key to and retires all others, in one transaction.
	Rekey(ctx context.Context, to SealingKey, reseal ResealFunc) (resealed int, err error)
}
