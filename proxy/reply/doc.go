// Package reply holds what a client is told: why a request is refused, what a grant lacks, and what of the forge's answer it may
// see. It decides nothing. A Refusal is made where something is found to be wrong, and is an error on its way up;
// the request's surface puts its Facts into the words of its protocol.
package reply
