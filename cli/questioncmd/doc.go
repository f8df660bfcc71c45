// Package questioncmd has the commands that ask about grants and change nothing: may this token do that, does it never, what does
// another one open beside it, who can.
package questioncmd
