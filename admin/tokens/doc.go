// Package tokens is what patgate does with its tokens, whoever asks and in whatever form: the API, the console and the
// commands all come here. It makes, lists, shows, edits, rotates, pauses and revokes tokens, and decides who may
// do which of these. It knows no HTTP and no command line.
//
// Who asks is a Caller. An owner is known by a forge credential whose scopes were read from the forge; a token asks for
// itself and for what it made, and gives on no more than it has; an operator works on the machine itself.
package tokens

//go:generate go test . -run ^TestPermissionsPage$ -update
