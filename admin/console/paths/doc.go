// Package paths looks again at what places are called, before a page shows it.
package paths
