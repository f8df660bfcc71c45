// Package rest asks a forge's REST API single questions on behalf of a resolver, and reads what its answers hold.
package rest
