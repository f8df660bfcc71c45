// Package routes is the route table: which request needs which permissions on which container. Classify reads a method and
// a raw target into an Operation, the row with its captures, once and strictly: what could be read in two ways is refused.
// AppendPath writes an operation as the one path that is sent. The rows are YAML, one folder for each forge; package load
// reads them, and package inspect looks into a table.
//
// The package has no clock, no environment, no logger and no HTTP. Classifying allocates nothing.
package routes
