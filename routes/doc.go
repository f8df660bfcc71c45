// Package routes is the route table: which request needs which permissions on which container, as rows of YAML for each
// forge, with overlays of the operator's own. Classify reads a method and a raw target into an Operation, the row with
// its captures, once and strictly: what could be read in two ways is refused. AppendPath writes an operation as the one path
// that is sent. Load reads tables; Explain, Lint and Coverage look into them; Commands are what a forge carries out
// when it stands in a text.
//
// The package has no clock, no environment, no logger and no HTTP. Classifying allocates nothing.
package routes
