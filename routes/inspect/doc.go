// Package inspect looks into route tables, for people: how a table reads a request, what is odd in it, and which parts of a
// forge's API it lacks.
package inspect
