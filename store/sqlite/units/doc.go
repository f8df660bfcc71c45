// Package units adds what was seen to what is kept of it: units, their kinds and the networks of their subjects.
package units
