// Package draft holds a token as a form describes it: as it was typed, with its problems, and in words.
package draft
