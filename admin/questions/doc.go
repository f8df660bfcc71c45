// Package questions answers what people ask about grants: whether a token may do something, what it never does, what one
// opens that another does not, and who can. It reads tokens through admin/tokens, so a caller who may not read a token is told
// nothing about it. Everything is decided by policy and policy/proof.
package questions
