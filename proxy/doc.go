// Package proxy is the gateway itself: it reads a request, asks the other packages whether it may pass, and sends a
// request of its own making to the forge.
//
// Every request with a patgate token runs through the same steps, in handler.go:
//
//	read -> authenticate -> classify -> plan -> parameters -> resolve -> decide -> rebuild -> record -> forward
//	-> record completion
//
// What was checked is what is sent. A request with a patgate token is never passed through: its target is rebuilt from
// the operation that was decided on, its parameters are written anew, its headers are those of a closed list, and the
// owner's credential takes the place of the token. Requests with another credential, or none, take the path of
// other.go, over upstream connections of their own; what is patgate's own business takes that of own.go.
//
// The wings: header reads the heads of requests and answers, reading makes a Request of one, surface holds the values of a
// request and a folder for each protocol, legacy says what passes without a patgate token, local is what patgate answers itself,
// reply says what a client is told, wire holds connections, and fast serves the ordinary request in an event loop.
package proxy
