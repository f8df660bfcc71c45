package asking

import (
	"context"
	"errors"
	"time"

	"patgate/forge"
	"patgate/policy"
	"patgate/proxy/wire"
	"patgate/routes"
	"patgate/token"
)

// Resolver tells what the forge says of the containers that a request names. It is the part of forge.Resolver that the
// gateway needs. Event loops, which may not wait, ask for what is Known.
type Resolver interface {
	Resolve(ctx context.Context, s *token.Session, ref routes.Reference, maxAge time.Duration) (policy.Container, error)
	Known(s *token.Session, ref routes.Reference, maxAge time.Duration, now time.Time) *policy.Container
	Lookup(ctx context.Context, s *token.Session, route *routes.Route, op *routes.Operation) (forge.LookupResult, error)
	Denied(s *token.Session, questions int)
	Listed(s *token.Session) error
	Below(ctx context.Context, s *token.Session, group *policy.Container, maxAge time.Duration) (projects []int64, complete bool,
		err error)
	Forget(container policy.Container)
}

// Asker is a Resolver for one request. A question that waits is given up with wire.ErrGone soon after the client has ended its
// side of the connection: nobody waits for the answer, and others wait for the question's place.
type Asker struct {
	Resolver
	Client *wire.Client // nil: it never goes
	// Gone is how long a question is waited for when the client has gone; 0 is for as long as any.
	Gone time.Duration
}

// Resolve is the resolver's.
func (a Asker) Resolve(ctx context.Context, s *token.Session, ref routes.Reference, maxAge time.Duration) (c policy.Container,
	err error) {
	ctx, end := a.begin(ctx)
	defer func() { err = end(err) }()
	return a.Resolver.Resolve(ctx, s, ref, maxAge)
}

// Lookup is the resolver's.
func (a Asker) Lookup(ctx context.Context, s *token.Session, route *routes.Route, op *routes.Operation) (
	result forge.LookupResult, err error) {
	ctx, end := a.begin(ctx)
	defer func() { err = end(err) }()
	return a.Resolver.Lookup(ctx, s, route, op)
}

// Below is the resolver's.
func (a Asker) Below(ctx context.Context, s *token.Session, group *policy.Container, maxAge time.Duration) (projects []int64,
	complete bool, err error) {
	ctx, end := a.begin(ctx)
	defer func() { err = end(err) }()
	return a.Resolver.Below(ctx, s, group, maxAge)
}

// begin begins a question. end must be called with the question's error, and gives what is to be told of it.
func (a Asker) begin(ctx context.Context) (asking context.Context, end func(error) error) {
	asking, cancel := context.WithCancel(ctx)
	if a.Client == nil || a.Gone == 0 {
		return asking, func(err error) error { cancel(); return err }
	}
	w := &wait{Context: asking, cancel: cancel, client: a.Client, again: max(a.Gone/4, time.Millisecond)}
	first := time.AfterFunc(a.Gone, w.look)
	return asking, func(err error) error {
		first.Stop()
		if err != nil && errors.Is(asking.Err(), context.Canceled) && ctx.Err() == nil {
			err = wire.ErrGone
		}
		cancel()
		return err
	}
}

// wait is a question whose client may go.
type wait struct {
	context.Context
	cancel context.CancelFunc
	client *wire.Client
	again  time.Duration
}

// look ends the question if its client is gone, and looks again later if not.
func (w *wait) look() {
	switch {
	case w.Err() != nil: // it is over
	case w.client.Ended():
		w.cancel()
	default:
		time.AfterFunc(w.again, w.look)
	}
}
