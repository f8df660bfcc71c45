// Package git reads requests of git and Git LFS clients (GitLab 19.3, config/routes/git_http.rb) into operations of
// package routes. It only reads: what is allowed is decided on the operation, as for every other surface.
//
// Reading is strict: a repository is named by a full path of plain characters, without percent-encoding, dot segments or
// an id, and the rest of the path is one of a closed list. The path decides what is asked for; a parameter that says
// otherwise is refused.
//
// The head of a push is read as git's own server reads it and written anew; its options are read as the forge reads them
// (option.go) and looked up in the table.
package git
