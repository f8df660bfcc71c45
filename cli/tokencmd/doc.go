// Package tokencmd has the commands of patgate token.
package tokencmd
