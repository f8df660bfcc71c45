// Package local is what patgate answers itself: what the gateway asks of it, and what it is told of a request.
package local

import (
	"context"
	"net/http"
	"net/netip"

	"patgate/routes"
	"patgate/token"
)

// Prefix is the path below which everything is patgate's own, whatever the forge has there.
const Prefix = "/-/patgate"

// Pages is the path below which patgate's own web pages lie, where they are served on this address.
const Pages = Prefix + "/console"

// LongestTrade is how many bytes the body of a request may have that is one of Trades.
const LongestTrade = 16 << 10

// Service answers what is patgate's own business: its token API. What it answers never reaches the forge as it came.
type Service interface {
	// Owns tells whether a row that a patgate token asks for is answered here, always.
	Owns(r *routes.Route) bool
	// Probes tells whether a row is answered here for a patgate token that may not ask the forge for it.
	Probes(r *routes.Route) bool
	// Claims tells whether a request with a credential of the forge's own may be for patgate.
	Claims(method string, target []byte) bool
	// IsRotation tells whether a request would rotate a token, and Reused is called when the secret that it comes with was
	// rotated out.
	IsRotation(method string, path []byte) bool
	Reused(ctx context.Context, hash token.Hash) error
	// Revocation tells whether a request takes a token's power away.
	Revocation(method string, path []byte) Revocation
	// Trades tells whether a request without a credential shows its body in the place of one.
	Trades(method string, path []byte) bool
	// Answer answers. Nothing in the call is changed or kept after it returns.
	Answer(ctx context.Context, r *Call) Result
}

// Call is a request to patgate itself.
type Call struct {
	Method, Path, Query string
	Header              http.Header // of a few names only, none of which carries a credential but for leak reports
	Body                []byte
	Session             *token.Session // of a patgate token, valid
	Credential          token.Secret   // of the forge's own
	Client              netip.Addr
	Origin              string
}

// Result is the answer to a Call. Pass is for requests with a credential of the forge's own: they go on as they came.
type Result struct {
	Status int
	Header http.Header
	Body   []byte
	Pass   bool
	// Identified: the credential is right, whatever became of the request.
	Identified bool
	// Wrong: the credential shows no right to anything, whatever the status says.
	Wrong bool
}

// Revocation says on whose word a request takes a token's power away. The zero value: it does not.
type Revocation uint8

// Revocations are never locked out by the failures of others from the same address. What is revoked on the word of a secret
// costs the forge nothing, and what is on that of a credential, a question.
const (
	RevokesNothing Revocation = iota
	RevokesBySecret
	RevokesByCredential
)
