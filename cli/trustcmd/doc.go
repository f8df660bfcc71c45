// Package trustcmd holds the commands of trusts: those of operators and owners, and those by which a job trades its ID token.
package trustcmd
