// Package surface holds the values of a request, from what came to what is sent, and the interface of surfaces.
//
// A surface is one protocol by which clients reach the forge: the REST API, git with LFS, the container registry, the dependency
// proxy, web paths that take a token. Each has a folder below this one and a line in the gateway's list. It reads a target into
// an operation on a row of the route table (Classify), reads the rest of the request into acts (Visit), writes what is sent
// (Rebuild), and refuses in its protocol's words. It decides nothing: that is policy's, which Judgement asks for all of them.
//
// One request is four values, each made by one step from those before it:
//
//	Request    what came, read once and not changed afterwards
//	Judgement  the operation, the containers that it names, and the decision
//	Sending    the upstream request
//	an answer  the gateway's own
//
// They are reused from request to request; Reset forgets what one held.
package surface
