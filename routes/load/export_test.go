package load

// FileKeys and RowFlags are what tests hold the documentation to.
var (
	FileKeys = fileKeys[:]
	RowFlags = rowFlags[:]
)
