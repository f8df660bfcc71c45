// Package policy decides: a pure function of a token's grant, the operation that a request asks for, and what the
// forge says about the containers it names. It has no clock, no I/O and no HTTP.
package policy
