// Package pattern reads the paths of rows, and finds the row that takes the raw path of a request: a trie of literals, captures
// and splats, in which the more literal one wins. What a row is, and what the values of captures must be, it does not know.
package pattern
