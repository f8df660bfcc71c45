// Package fast serves the ordinary request on the goroutine of an event loop.
//
// A loop serves a request itself as long as nothing has to wait and nothing is out of the ordinary: a GET or HEAD, or a short
// body that is all there, of JSON or a form; with a patgate token, to the API, whose session and containers are in the caches
// and which is allowed; and an answer that is short and whole. Anything else goes on in a goroutine, with the HTTP server,
// from where it stands: the loop refuses nothing, and what it passes on it has judged with the same steps (Gateway).
//
// A loop judges all its requests in one work, one after the other, so that what judging needs stays in the processor's caches.
// What a request needs until its answer is a flight.
package fast

import (
	"patgate/audit"
	"patgate/proxy/header"
	"patgate/proxy/reply"
	"patgate/proxy/surface"
	"patgate/proxy/wire"
	"patgate/routes"
	"patgate/token"
)

// Gateway are the steps of a request that goroutines take too.
type Gateway interface {
	// Begin begins a request that came on a connection of a loop, and its event.
	Begin(q *surface.Request, c *wire.Client, e *audit.Event)
	// Read reads the parts of its head.
	Read(q *surface.Request, method string, target, raw []byte, version string) *reply.Refusal
	// Quick tells whether a request may be one for a loop, by where it leads.
	Quick(q *surface.Request) bool
	// Known gives the session of its token where that is in the cache and the route table is still the request's; nil: it is not.
	Known(q *surface.Request) *token.Session
	// Judge begins its judgement.
	Judge(q *surface.Request, j *surface.Judgement, s *token.Session, e *audit.Event)
	// Classify reads its target into an operation of its surface.
	Classify(q *surface.Request, j *surface.Judgement) error
	// Owns tells whether a row is answered by patgate.
	Owns(row *routes.Route) bool
	// Rebuild writes the upstream request.
	Rebuild(q *surface.Request, b *surface.Body, j *surface.Judgement, s *surface.Sending) error
	// Record has the log accept the decision.
	Record(e *audit.Event, q *surface.Request, j *surface.Judgement) error
	// Resume has a goroutine go on with a request. What p points to, but for the event, is good until it returns.
	Resume(p Parked)
	// Panicked is told of a panic that was recovered.
	Panicked(value any)
}

// Options configure a Front.
type Options struct {
	Gateway    Gateway
	Loops      int               // how many there are
	Upstream   *surface.Upstream // the forge
	Bodies     *surface.BodyLimits
	Audit      audit.Sink
	Storage    reply.Storage
	OwnCookies header.OwnCookies
	OwnPages   bool // what is answered is a sandbox
	Shared     bool // pages of some origins may read answers
}

// Front is what event loops serve, with what each of them keeps. It is a wire.Front.
type Front struct {
	o        Options
	tail     string     // what every answer has in its head besides, with what separates it from what is in front of it
	stations []*station // by the number of the loop
}

// New makes a front.
func New(o Options) *Front {
	t := &Front{o: o}
	if o.OwnPages {
		t.tail += "\r\nContent-Security-Policy: sandbox"
	}
	if o.Shared {
		t.tail += "\r\nVary: Origin"
	}
	t.tail += "\r\nContent-Length: "
	for range o.Loops {
		t.stations = append(t.stations, newStation())
	}
	return t
}

// station gives that of a connection's loop.
func (t *Front) station(c *wire.Client) *station { return t.stations[c.Loop().Number()] }

// Step is where a goroutine goes on with a request that a loop began.
type Step uint8

// The steps. The zero value is a request that no loop began.
const (
	FromTheBeginning Step = iota
	Send                  // it is decided and recorded, and must be sent
	Again                 // as Send, on a new connection: one that had been idle was closed just now
	Receive               // it is sent; the upstream connection has what came of the answer
	Timeout               // it is sent, and the answer did not come in time
	Gone                  // it is sent, and the client did not wait for the answer
	Broken                // it is sent, and the connection broke
	Panic                 // something panicked: it is answered with 500
)

// Parked is a request that a loop hands over: it was judged, recorded, and perhaps sent.
type Parked struct {
	Step     Step
	Conn     *wire.Client
	Table    *routes.Table
	Session  *token.Session
	Event    *audit.Event
	Upstream *wire.Upstream // that its answer comes on; nil: none
	Request  []byte         // it, as it came
	Sent     []byte         // the head of the upstream request
	Body     []byte         // and its body
	Received int            // bytes of the body that came
}

// panicked is recovered while a loop judges a request. A goroutine serves it then, and answers for what goes wrong there.
func (t *Front) panicked(s *station, f *flight) {
	value := recover()
	if value == nil {
		return
	}
	recorded := s.work.recorded
	s.renew()
	f.spoiled = true
	t.o.Gateway.Panicked(value)
	if recorded {
		f.event.Failure = reply.FailurePanic
		t.o.Audit.Completion(&f.event)
	}
}

// panicked is recovered while a loop sends a request and hands its answer on.
func (f *flight) panicked() {
	value := recover()
	if value == nil {
		return
	}
	if f.over {
		panic(value) // nobody is left to be told
	}
	f.front.station(f.conn).renew()
	f.front.o.Gateway.Panicked(value)
	if f.upstream != nil {
		f.discard()
	}
	f.event.Failure = reply.FailurePanic
	f.proceed(nil, Panic)
}
