// Package inspect looks into route tables, for people: what one makes of a request, what is odd in it, and what of a forge's
// API it lacks.
package inspect
