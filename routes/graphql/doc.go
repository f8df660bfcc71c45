// Package graphql reads GraphQL documents into acts: which permission each of their fields needs, on which container. A document
// is read whole or refused, and what is sent to the forge is written anew from what was read (GraphQL, October 2021).
package graphql
