package wire

import "time"

// Timeouts bound every wait on a connection. A wait may last a quarter longer than its limit.
type Timeouts struct {
	ReadHeader       time.Duration // for a request's whole header
	Idle             time.Duration // for a connection's next request
	ReadStall        time.Duration // for the next 4 KiB of a request's body, or what is left of it
	WriteStall       time.Duration // for a client to take the next bytes of an answer
	UpstreamDial     time.Duration // for a new connection to the forge, and for a place among those that are open
	UpstreamResponse time.Duration // for the whole header of the forge's answer
	ClientGone       time.Duration // for the same, when the client has ended its side of the connection
	UpstreamStall    time.Duration // for the next bytes of the forge's answer
	UpstreamIdle     time.Duration // after which an unused connection to the forge is closed
}

// shortest gives the shortest wait that the watchdog ends.
func (t *Timeouts) shortest() time.Duration {
	return min(t.ReadHeader, t.Idle, t.ReadStall, t.WriteStall, t.UpstreamResponse, t.ClientGone,
		t.UpstreamStall, t.UpstreamIdle)
}
