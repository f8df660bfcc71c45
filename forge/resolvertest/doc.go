// Package resolvertest holds every forge.Resolver to what the interface promises. An implementation sets up a world on
// its forge, or on a stand-in, and calls Run.
package resolvertest
