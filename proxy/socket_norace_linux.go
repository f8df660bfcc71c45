//go:build !race

package proxy

// order is for the race detector alone.
func order() {}
