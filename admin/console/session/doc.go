// Package session keeps sessions of signed-in users. They are in the store, so a session outlives a restart, is good on every
// node, and ends on all nodes when it ends on one. A browser holds a session by a cookie. Without the cookie nobody, not even
// patgate, can read the forge credential that is kept with the session. What a node remembers beside it is mere convenience.
package session
