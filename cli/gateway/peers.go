package gateway

import (
	"net"
	"net/netip"
	"sync"
	"time"

	"go.uber.org/zap"
)

// clientField names a client in the log. A client on a Unix socket may have no address.
func clientField(client netip.Addr) zap.Field {
	if !client.IsValid() {
		return zap.String("client", "unix")
	}
	return zap.Stringer("client", client)
}

// peerField names a peer in the log. That of a Unix socket has no address.
func peerField(peer netip.Addr) zap.Field {
	if !peer.IsValid() {
		return zap.String("peer", "unix")
	}
	return zap.Stringer("peer", peer)
}

// unannouncedEvery is how often connections without the header of the PROXY protocol are logged.
const unannouncedEvery = time.Second

// unannounced logs connections of proxy_protocol's peers that were closed because their header was missing or bad.
func unannounced(logger *zap.Logger) func(net.Addr, error) {
	var mu sync.Mutex
	var told time.Time
	untold := 0
	return func(peer net.Addr, problem error) {
		mu.Lock()
		untold++
		soon, closed := time.Since(told) < unannouncedEvery, untold
		if !soon {
			told, untold = time.Now(), 0
		}
		mu.Unlock()
		if soon {
			return
		}
		name := peer.String()
		if _, is := peer.(*net.UnixAddr); is {
			name = "unix"
		}
		logger.Warn("a connection was closed, of an address in proxy_protocol (fix: have that proxy send the header, "+
			"or take it out)", zap.String("peer", name), zap.Error(problem), zap.Int("connections", closed))
	}
}
