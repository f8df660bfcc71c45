// Package questioncmd has the commands that ask about grants and change nothing: whether a token may do something, whether it
// never does, what another token opens that it does not, and which tokens can do something.
package questioncmd
