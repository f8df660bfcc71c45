// Package terminal is how commands talk with the person at the terminal: columns, counts, times, JSON, errors that take several
// lines, questions, and small files that are read.
package terminal
