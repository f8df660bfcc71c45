// Package marks judges tokens: what is to be said of each, and how much would be in the hands of whoever has it. What does not
// depend on the hour is kept in the store, renewed when a token or the route table changes, so that the database counts it and
// puts tokens in its order.
package marks
