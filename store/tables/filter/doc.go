// Package filter writes the questions by which tokens are counted and found: so that the databases look things up by their
// indexes, however many tokens there are, and whatever is asked.
package filter
