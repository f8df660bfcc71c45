// Package limits says under which conditions a token may be used: from which networks, when, how often, how much at once and how
// much a day. A Spec is what people write and what is stored; Compile makes Limits of it, whose check allocates nothing.
//
// Limits belong to a token with all its scopes. Within tells whether those of one token are as narrow as another's: whatever
// passes these passes those.
package limits
