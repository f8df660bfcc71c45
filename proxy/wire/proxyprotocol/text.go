package proxyprotocol

import (
	"bytes"
	"io"
	"net/netip"
	"strconv"
	"strings"
)

// text is what a header of version 1 begins with, and longestText how long the protocol lets one be.
const (
	text        = "PROXY "
	longestText = 107
)

// readText reads a header of version 1, of which the first bytes are there. The rest is read byte by byte: how long it is shows
// only at its end.
func readText(r io.Reader, first []byte) (client netip.Addr, err error) {
	var room [longestText]byte
	line := append(room[:0], first...)
	for !bytes.HasSuffix(line, []byte("\r\n")) {
		if len(line) == longestText {
			return client, ErrLong
		}
		line = line[:len(line)+1]
		if _, err := io.ReadFull(r, line[len(line)-1:]); err != nil {
			return client, cutOff(err)
		}
	}
	return parseText(string(line[len(text) : len(line)-len("\r\n")]))
}

// parseText reads what stands between "PROXY " and the end of the line: `TCP4 source destination port port`.
func parseText(line string) (client netip.Addr, err error) {
	if line == "UNKNOWN" || strings.HasPrefix(line, "UNKNOWN ") {
		return client, nil // whatever follows is to be ignored
	}
	parts := strings.Split(line, " ")
	if len(parts) != 5 || parts[0] != "TCP4" && parts[0] != "TCP6" || !isPort(parts[3]) || !isPort(parts[4]) {
		return client, ErrMalformed
	}
	source, err := netip.ParseAddr(parts[1])
	destination, errToo := netip.ParseAddr(parts[2])
	four := parts[0] == "TCP4"
	if err != nil || errToo != nil || source.Is4() != four || destination.Is4() != four || source.Zone() != "" {
		return client, ErrMalformed
	}
	return source.Unmap(), nil
}

// isPort tells whether a text is a port as the protocol writes one.
func isPort(s string) bool {
	n, err := strconv.ParseUint(s, 10, 16)
	return err == nil && strconv.FormatUint(n, 10) == s
}
