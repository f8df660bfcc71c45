// Package opening opens what the configuration describes, for the gateway and for commands alike: the store with its keys, the
// route table, the resolver and the token service.
package opening
