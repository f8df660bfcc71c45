// Package propose makes the smallest grant that would have allowed what was observed, proves that it is, and tells what another
// grant would have denied. Everything is decided by policy.Decide on the observed units, and nothing is guessed: no wildcard and
// no container that was not used is in a proposal.
package propose
