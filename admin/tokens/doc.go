// Package tokens is everything that patgate does with its tokens: the API, the console and the commands all come here. It makes,
// lists, shows, edits, rotates, pauses and revokes tokens, and decides which callers may do which of these. It knows no HTTP and
// no command line.
//
// A Caller asks. An owner is known by a forge credential whose scopes were read from the forge. A token asks for itself and for
// what it made, and passes on no more than it has. An operator works on the machine itself.
package tokens

//go:generate go test . -run ^TestPermissionsPage$ -update
