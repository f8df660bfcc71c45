// Package draft holds a token as a form describes it: as it was typed, with what is wrong with it, and in words.
package draft
