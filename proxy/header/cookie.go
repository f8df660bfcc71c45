package header

import "bytes"

// hostPrefix is what browsers hold a cookie to its host by.
const hostPrefix = "__host-"

// OwnCookies is how the names of cookies of patgate's own pages begin, behind __Host- or without it; empty: there are none.
// Browsers send them to every port of a host, and to the gateway where the pages are served there.
type OwnCookies string

// Has tells whether a cookie's name is one of them.
func (own OwnCookies) Has(name []byte) bool {
	if own == "" {
		return false
	}
	name = bytes.TrimSpace(name)
	if len(name) >= len(hostPrefix) && EqualFold(name[:len(hostPrefix)], hostPrefix) {
		name = name[len(hostPrefix):]
	}
	return len(name) >= len(own) && EqualFold(name[:len(own)], string(own))
}

// AppendOthers writes a Cookie value without them. What is left keeps its bytes.
func (own OwnCookies) AppendOthers(dst, value []byte) []byte {
	start := len(dst)
	for pair := range bytes.SplitSeq(value, []byte{';'}) {
		name, _, _ := bytes.Cut(pair, []byte{'='})
		if own.Has(name) {
			continue
		}
		if len(dst) > start {
			dst = append(dst, ';')
		} else {
			pair = bytes.TrimLeft(pair, " ")
		}
		dst = append(dst, pair...)
	}
	return dst
}

// SetIn tells whether a Set-Cookie value of the forge would put a cookie in the place of one of them.
func (own OwnCookies) SetIn(value []byte) bool {
	name, _, _ := bytes.Cut(value, []byte{'='})
	return own.Has(name)
}
