package proxy

import (
	"bytes"

	"patgate/proxy/header"
)

// hostPrefix is what browsers hold a cookie to its host by.
const hostPrefix = "__Host-"

// ownCookie tells whether a cookie's name is one of patgate's own pages.
func (x *exchange) ownCookie(name []byte) bool {
	own := x.h.options.OwnCookies
	if own == "" {
		return false
	}
	name = bytes.TrimSpace(name)
	if len(name) >= len(hostPrefix) && header.EqualFold(name[:len(hostPrefix)], "__host-") {
		name = name[len(hostPrefix):]
	}
	return len(name) >= len(own) && header.EqualFold(name[:len(own)], own)
}

// appendCookies writes a Cookie value without the cookies of patgate's own pages. Browsers send them to every port of a
// host, and to the gateway where the pages are served there. What is left keeps its bytes.
func (x *exchange) appendCookies(dst, value []byte) []byte {
	start := len(dst)
	for pair := range bytes.SplitSeq(value, []byte{';'}) {
		name, _, _ := bytes.Cut(pair, []byte{'='})
		if x.ownCookie(name) {
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

// setsOwnCookie tells whether a Set-Cookie value of the forge would put a cookie in the place of one of patgate's own.
func (x *exchange) setsOwnCookie(value []byte) bool {
	name, _, _ := bytes.Cut(value, []byte{'='})
	return x.ownCookie(name)
}
