// Package proxy is the gateway itself: it reads a request, asks the other packages whether it may pass, and sends a
// request of its own making to the forge.
//
// Every request runs through the same steps, in handler.go:
//
//	bytes -> classify -> authenticate -> plan -> resolve -> decide -> record -> forward -> record completion
//
// What was checked is what is sent. A request with a patgate token is never passed through: its target is rebuilt from
// the operation that was decided on, its parameters are written anew, its headers are those of a closed list, and the
// owner's credential takes the place of the token. Requests with another credential, or none, take the path of
// legacy.go, over upstream connections of their own.
//
// The files: package header and credential.go read a request's header block; surface.go tells what kind of client asks;
// handler.go and resolve.go decide; head.go and body.go write the upstream request; pool.go, roundtrip.go and stream.go
// talk to the forge; answer.go is the one place that turns a reason into a status and a body; server.go, conn.go and
// watchdog.go bound what a client can hold on to.
package proxy
