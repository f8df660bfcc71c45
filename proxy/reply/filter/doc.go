// Package filter changes the answers of a forge, JSON and feeds, on their way to the client.
package filter
