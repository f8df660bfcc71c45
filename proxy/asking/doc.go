// Package asking puts questions to the forge on behalf of requests. Those of a client that has gone are given up, so that
// questions that nobody waits for do not take the place of others.
package asking
