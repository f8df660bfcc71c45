//go:build !race

package loop

// order is for the race detector alone.
func order() {}
