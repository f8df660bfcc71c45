// Package token holds what a patgate token is: the form of its secret, the hash that is stored instead of it, the record
// of what it may do and whether it is valid, and the session in which it acts. It has no clock and no I/O.
package token
