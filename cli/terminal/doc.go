// Package terminal is what commands and the person at the terminal say to each other: columns, times, JSON, errors that take
// several lines, and small files that are read.
package terminal
