// Package limits says under which conditions a token may be used: from which networks, when, how often, how much at once and how
// much a day. A Spec is what people write and what is stored; Compile makes Limits of it, whose check allocates nothing.
//
// Limits belong to a token with all its scopes. Beyond tells where the limits of one token are wider than another's.
package limits
