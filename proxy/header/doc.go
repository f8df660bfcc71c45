// Package header reads the head of a request and the head of a forge's answer, once, from their raw bytes. Event loops and
// goroutines read with it, so that what is strict in one is strict in the other. It knows names, values and framing, and nothing
// of what becomes of a request.
package header
