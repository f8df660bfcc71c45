// Package cli is patgate's command line: the root of the tree of commands, and the commands about the process itself. Commands
// about tokens, routes and the store are in packages below, and so is the gateway that patgate serve runs.
package cli
