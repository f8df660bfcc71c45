package proxyprotocol

import (
	"encoding/binary"
	"hash/crc32"
	"io"
	"net/netip"
)

// signature is what a header of version 2 begins with.
const signature = "\r\n\r\n\x00\r\nQUIT\n"

// Of a header of version 2.
const (
	fixedSize = 16      // signature, version and command, family and transport, length of the rest
	longest   = 4 << 10 // of the rest: addresses take up to 216 bytes, and what proxies add to them some hundred

	commandLocal, commandProxy = 0x20, 0x21 // with the version

	overUnknown, overTCP4, overTCP6, overUnix = 0x00, 0x11, 0x21, 0x31

	unixSize = 216 // of the paths of two Unix sockets

	typeChecksum = 0x03 // PP2_TYPE_CRC32C
)

// readBinary reads a header of version 2, of which the first bytes are there.
func readBinary(r io.Reader, first []byte) (client netip.Addr, err error) {
	header := make([]byte, fixedSize, fixedSize+256)
	if _, err := io.ReadFull(r, header[copy(header, first):]); err != nil {
		return client, cutOff(err)
	}
	size := int(binary.BigEndian.Uint16(header[14:]))
	if size > longest {
		return client, ErrLong
	}
	header = append(header, make([]byte, size)...)
	if _, err := io.ReadFull(r, header[fixedSize:]); err != nil {
		return client, cutOff(err)
	}
	return parseBinary(header)
}

// parseBinary reads a whole header.
func parseBinary(header []byte) (client netip.Addr, err error) {
	command, over, rest := header[12], header[13], header[fixedSize:]
	if command != commandLocal && command != commandProxy {
		return client, ErrMalformed
	}
	if command == commandLocal || over == overUnknown { // what else it says is to be ignored
		return client, nil
	}
	source, size := 0, 0 // of the source's address, and of all that is said of addresses
	switch over {
	case overTCP4:
		source, size = 4, 2*4+4 // two of them and two ports
	case overTCP6:
		source, size = 16, 2*16+4
	case overUnix:
		size = unixSize
	default:
		return client, ErrTransport
	}
	if len(rest) < size {
		return client, ErrMalformed
	}
	if err := checkExtras(header, fixedSize+size); err != nil {
		return client, err
	}
	client, _ = netip.AddrFromSlice(rest[:source]) // none of a Unix socket
	return client.Unmap(), nil
}

// checkExtras goes through what stands behind the addresses, from a place on. Nothing of it is used; a checksum must be right.
func checkExtras(header []byte, from int) error {
	const head = 3 // type and length
	for at := from; at < len(header); {
		if len(header)-at < head {
			return ErrMalformed
		}
		kind, size := header[at], int(binary.BigEndian.Uint16(header[at+1:]))
		if at += head; size > len(header)-at {
			return ErrMalformed
		}
		if kind == typeChecksum {
			if size != crc32.Size {
				return ErrMalformed
			}
			said := binary.BigEndian.Uint32(header[at:])
			clear(header[at : at+size]) // as it was when the proxy made it
			if crc32.Checksum(header, crc32.MakeTable(crc32.Castagnoli)) != said {
				return ErrChecksum
			}
			binary.BigEndian.PutUint32(header[at:], said)
		}
		at += size
	}
	return nil
}
