package proxyprotocol

import (
	"bytes"
	"errors"
	"io"
	"net/netip"
)

// Errors of Read, besides those of the connection.
var (
	// ErrNone says that the connection begins with something else.
	ErrNone = errors.New("the connection does not begin with a header of the PROXY protocol")
	// ErrMalformed says that the header breaks the protocol's rules.
	ErrMalformed = errors.New("the header of the PROXY protocol is malformed")
	// ErrLong says that the header is longer than any that proxies send.
	ErrLong = errors.New("the header of the PROXY protocol is too long")
	// ErrTransport says that the header is that of a connection that no request comes on, such as UDP.
	ErrTransport = errors.New("the header of the PROXY protocol is of another transport than TCP")
	// ErrChecksum says that the header is not what the proxy wrote.
	ErrChecksum = errors.New("the checksum of the PROXY protocol's header is wrong")
)

// shortest is how long the shortest header is: "PROXY UNKNOWN\r\n" of version 1. That of version 2 has 16 bytes at least.
const shortest = len("PROXY UNKNOWN\r\n")

// Read reads a header, and gives the client's address. It is not valid where the header names none: the proxy's own connection,
// such as a check (LOCAL), or one of which it knows nothing (UNKNOWN). io.EOF says that the connection ended before anything
// came. The caller bounds the time.
func Read(r io.Reader) (client netip.Addr, err error) {
	var first [shortest]byte
	// The first byte alone: who speaks something else may wait for an answer before there are fifteen.
	if _, err := io.ReadFull(r, first[:1]); err != nil {
		return client, err
	}
	if first[0] != signature[0] && first[0] != text[0] {
		return client, ErrNone
	}
	if _, err := io.ReadFull(r, first[1:]); err != nil {
		return client, cutOff(err)
	}
	switch {
	case bytes.HasPrefix(first[:], []byte(signature)):
		return readBinary(r, first[:])
	case bytes.HasPrefix(first[:], []byte(text)):
		return readText(r, first[:])
	}
	return client, ErrNone
}

// cutOff says that a header ended in its middle.
func cutOff(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return ErrMalformed
	}
	return err
}
