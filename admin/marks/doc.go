// Package marks judges tokens. It gives each its badges, and says how much its holder could do with it. What does not depend on
// the hour is kept in the store and renewed when a token or the route table changes, so that the database can count by it and
// sort by it.
package marks
