// Package cli is patgate's command line: one file for each command, and serve.go and gateway.go, where everything is
// wired.
package cli
