// Package giteatest is Gitea for tests: a real one, started from a program that the environment names, and a stand-in
// that answers the questions of forge/gitea where there is none.
package giteatest
