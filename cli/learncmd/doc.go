// Package learncmd has the commands of patgate learn, and what a narrowing of a token would have denied.
package learncmd
