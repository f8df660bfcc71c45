package postgres

import "patgate/store/tables"

// WalkForTest has even the shortest list read in the order of an index, as the longest ones are.
func (db *DB) WalkForTest() {
	d := *db.Database()
	d.Filter.Few = 1
	db.Tables = tables.New(d)
}
