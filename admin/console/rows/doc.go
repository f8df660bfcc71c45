// Package rows says what pages show of a token: its state, where it reaches, what it may do there, and when things happened.
package rows
