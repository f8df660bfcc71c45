// Package questions answers what people ask about grants: whether a token may do something, what it never does, what one
// opens that another does not, and who can. It reads tokens through admin/tokens, so that whoever may not read a token is
// told nothing of it, and has everything decided by policy and policy/proof.
package questions
