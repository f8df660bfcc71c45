// Package proxyprotocol reads the header by which a proxy says, in front of all else on a connection, whose connection it passes
// on (the PROXY protocol, versions 1 and 2, haproxy.org/download/3.2/doc/proxy-protocol.txt). A header is read to its last byte
// and no further: what follows is TLS or HTTP, for others to read.
//
// Whoever may send one chooses the address that limits, rules and the log know him by. It is for the caller to ask for one only
// where the other end is a proxy of the operator's.
package proxyprotocol
