// Package upstream is the way to the forge that the configuration describes, and asks it what a forge tells without a
// credential: whether it is there, what it is, and what it calls itself.
package upstream
