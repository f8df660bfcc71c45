package observe

import (
	"context"
	"crypto/sha256"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"patgate/audit"
	"patgate/forge"
	"patgate/learn"
	"patgate/policy"
	"patgate/proxy/surface"
	"patgate/routes"
	"patgate/token"
)

// Forge is what is asked of the forge. It is a resolver of its own: what it knows decides nothing, and may be older.
type Forge interface {
	surface.Resolver
	// Whose tells whose a credential is.
	Whose(ctx context.Context, credential token.Secret) (forge.Identity, error)
}

// Keeper keeps whose credentials are.
type Keeper interface {
	PutSubject(ctx context.Context, s learn.Subject) (learn.Subject, error)
}

// Options say what an Observer works with. All must be given.
type Options struct {
	Table   func() *routes.Table
	Dialect *surface.Dialect
	Forge   Forge
	Origin  string // of the forge
	Keeper  Keeper
	// Hash gives the keyed hash of a credential.
	Hash func(credential []byte) [sha256.Size]byte
	// Observed counts what a request did. whole is false when its projects and groups are not known.
	Observed func(e *audit.Event, whole bool)
}

const (
	queued  = 1024 // requests that may wait
	workers = 2
	// questions is how many questions about containers are asked in a second, and identities how many credentials.
	questions, questionsAtOnce   = 10, 40
	identities, identitiesAtOnce = 1, 30
	// mostKnown bounds the credentials that are remembered by their hashes, knownFor and unknownFor for how long.
	mostKnown  = 10_000
	knownFor   = time.Hour
	unknownFor = 10 * time.Minute
	failedFor  = 30 * time.Second
	deadline   = 30 * time.Second // for all that is asked for one request
)

// Observer finds out what requests did. It is safe for concurrent use. A nil one observes nothing.
type Observer struct {
	o      Options
	rules  surface.Rules
	limits surface.BodyLimits
	queue  chan *Request
	bodies atomic.Int64 // bytes that are kept of them
	turns  *rate.Limiter
	lost   [len(losses)]atomic.Int64

	mu    sync.Mutex
	known map[[sha256.Size]byte]known
	grant *policy.Grant // of everything, under table
	table *routes.Table

	ctx  context.Context
	stop context.CancelFunc
	done sync.WaitGroup
}

// known is what is remembered of a credential.
type known struct {
	subject learn.Subject
	unsaid  bool // nobody says whose it is
	until   time.Time
}

// Loss is why a request was not observed.
type Loss uint8

// The reasons.
const (
	LostQueue    Loss = iota // so many wait that another cannot
	LostIdentity             // the forge does not say whose the credential is, or could not be asked
	LostForge                // the forge could not be asked about containers, or too often
	LostUnread               // no row has the request, or it cannot be read
)

var losses = [...]string{"queue", "identity", "forge", "unread"}

// New makes an observer and starts it. Close ends it.
func New(o Options) *Observer {
	w := &Observer{o: o, queue: make(chan *Request, queued), known: map[[sha256.Size]byte]known{},
		turns: rate.NewLimiter(identities, identitiesAtOnce)}
	w.ctx, w.stop = context.WithCancel(context.Background())
	w.rules = surface.Rules{Resolver: &paced{Resolver: o.Forge, ctx: w.ctx, turns: rate.NewLimiter(questions, questionsAtOnce)},
		Deadline: deadline}
	w.limits = surface.BodyLimits{Room: surface.NewRoom(4*mostBodies, 0), Bytes: mostBody, Memory: mostBody, Wait: time.Second}
	for range workers {
		w.done.Go(w.work)
	}
	return w
}

// Close ends the observer. What waits is forgotten.
func (o *Observer) Close() {
	if o == nil {
		return
	}
	o.stop()
	o.done.Wait()
	for {
		select {
		case r := <-o.queue:
			r.Drop()
		default:
			return
		}
	}
}

// Lost is how many requests were not observed, by why.
func (o *Observer) Lost() map[string]int64 {
	of := map[string]int64{}
	if o == nil {
		return of
	}
	for i := range o.lost {
		of[losses[i]] = o.lost[i].Load()
	}
	return of
}

// Answered hands a request over that the forge has answered. Only what was answered well was a use: 2xx, and 3xx that do not lead
// to where people sign in.
func (r *Request) Answered(status int, location []byte) {
	switch {
	case r == nil:
		return
	case status < 200 || status >= 400, status >= 300 && isSignIn(string(location)):
		r.Drop()
		return
	}
	o := r.from
	select {
	case o.queue <- r:
	default:
		o.lost[LostQueue].Add(1)
		r.Drop()
	}
}

// isSignIn tells whether a redirect leads to where people sign in: nobody was let in.
func isSignIn(location string) bool {
	path, _, _ := strings.Cut(location, "?")
	return strings.HasSuffix(path, "/users/sign_in") || strings.HasSuffix(path, "/user/login")
}

func (o *Observer) work() {
	j := &surface.Judgement{}
	for {
		select {
		case <-o.ctx.Done():
			return
		case r := <-o.queue:
			o.observe(r, j)
			r.Drop()
		}
	}
}

// observe finds out what a request did and counts it.
func (o *Observer) observe(r *Request, j *surface.Judgement) {
	defer j.Reset()
	defer func() {
		if recover() != nil { // what was sent must end nothing else
			o.lost[LostUnread].Add(1)
		}
	}()
	subject, ok := o.identify(r.credential)
	if !ok {
		o.lost[LostIdentity].Add(1)
		return
	}
	e := &audit.Event{Start: r.start, Client: r.client, Method: r.method, TokenID: subject.ID, OwnerID: subject.UserID}
	whole, err := o.judge(r, &subject, j, e)
	switch {
	case errors.Is(err, errNothing):
	case err != nil && (errors.Is(err, forge.ErrUnavailable) || errors.Is(err, forge.ErrTimeout) || errors.Is(err,
		forge.ErrBudget) ||
		errors.Is(err, context.Canceled)):
		o.lost[LostForge].Add(1)
	case err != nil:
		o.lost[LostUnread].Add(1)
	default:
		o.o.Observed(e, whole)
	}
}

// identify finds out whose a credential is. What the forge said is remembered for a while.
func (o *Observer) identify(credential token.Secret) (learn.Subject, bool) {
	hash := o.o.Hash([]byte(credential.Reveal()))
	now := time.Now()
	o.mu.Lock()
	k, found := o.known[hash]
	o.mu.Unlock()
	if found && now.Before(k.until) {
		return k.subject, !k.unsaid
	}
	if !o.turns.Allow() {
		return k.subject, found && !k.unsaid
	}
	ctx, cancel := context.WithTimeout(o.ctx, deadline)
	defer cancel()
	subject, err := o.ask(ctx, credential, hash)
	switch {
	case err == nil:
		k = known{subject: subject, until: now.Add(knownFor)}
	case errors.Is(err, forge.ErrCredential), errors.Is(err, forge.ErrCredentialKind):
		k = known{unsaid: true, until: now.Add(unknownFor)}
	default:
		k = known{unsaid: true, until: now.Add(failedFor)}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.known) >= mostKnown {
		o.makeRoomLocked(now)
	}
	o.known[hash] = k
	return k.subject, !k.unsaid
}

// ask asks the forge whose a credential is, and keeps that.
func (o *Observer) ask(ctx context.Context, credential token.Secret, hash [sha256.Size]byte) (s learn.Subject, err error) {
	id, err := o.o.Forge.Whose(ctx, credential)
	if err != nil {
		return s, err
	}
	now := time.Now()
	return o.o.Keeper.PutSubject(ctx, learn.Subject{Hash: hash, Origin: o.o.Origin, UserID: id.UserID, Username: id.Username,
		Kind: id.Kind.String(), ForgeID: id.TokenID, Name: id.TokenName, Scopes: id.Scopes, First: now, Last: now})
}

// makeRoomLocked forgets what is over, and some of the rest where that is not enough.
func (o *Observer) makeRoomLocked(now time.Time) {
	for hash, k := range o.known {
		if !now.Before(k.until) {
			delete(o.known, hash)
		}
	}
	for hash := range o.known {
		if len(o.known) < mostKnown*7/8 {
			return
		}
		delete(o.known, hash)
	}
}
