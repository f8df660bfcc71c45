// Package session keeps who is signed in, in memory: the forge credential that searches the forge, and of a form nothing but
// whether it was sent before. Browsers hold a session by a cookie.
package session
