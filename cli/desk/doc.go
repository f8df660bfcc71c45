// Package desk is where commands work with tokens. It opens the token service on the local store, or asks a running patgate,
// with a credential, and prints tokens.
package desk
