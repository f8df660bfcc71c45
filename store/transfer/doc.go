// Package transfer copies everything from one store into another.
package transfer
