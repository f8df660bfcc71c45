// Package wire moves bytes: it holds the connections from clients and those to the forge, with the limits of both, and knows
// nothing of what is asked or decided.
//
// From clients: a Door accepts connections (Client), bounds how many there are and how long each may take, and leaves them to
// event loops (package loop) while nothing has to wait. TLS on either side is a secure, which loops and goroutines share.
// To the forge: a Pool keeps connections (Upstream), sends a request whose head is written, with its Upload, and reads the head
// of the answer. One Watchdog ends whatever waits too long, on either side.
package wire
