// Package session keeps who is signed in: in the store, so that a session outlives a restart, is good on every node, and ends
// on all of them when it ends on one. Browsers hold a session by a cookie, and only with it can anybody, patgate too, read the
// forge credential that is kept with the session. What a node remembers beside it is convenience, and no more.
package session
