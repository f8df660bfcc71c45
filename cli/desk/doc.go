// Package desk is where commands do what they do with tokens: the token service on the local store or a running patgate, the
// credential that is shown to it, and what is printed of a token.
package desk
