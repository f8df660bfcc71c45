// Package cli is patgate's command line: the root of the tree of commands, and those that are about the process itself. What is
// done with tokens, routes and the store has packages below, and so has the gateway that patgate serve runs.
package cli
