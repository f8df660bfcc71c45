// Package learning answers what a token was seen to do, which grant would be enough for that, and what a narrower one would have
// denied. It reads tokens through admin/tokens, so a caller who may not read a token is told nothing about it.
package learning
