// Package upstream is the way to the forge that the configuration describes, and what a forge tells without a credential: that
// it is there, what it is, and what it calls itself.
package upstream
