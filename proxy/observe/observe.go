package observe

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/netip"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"
	"golang.org/x/time/rate"

	"patgate/audit"
	"patgate/forge"
	"patgate/learn"
	"patgate/policy"
	"patgate/proxy/asking"
	"patgate/proxy/surface"
	"patgate/routes"
	"patgate/token"
)

// Forge is what is asked of the forge. It is a resolver of its own: what it knows decides nothing, and may be older.
type Forge interface {
	asking.Resolver
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
	// Refused counts a client's credential that the forge refused when it was asked whose the credential is.
	Refused func(client netip.Addr, credential []byte)
	// Observed counts what a request did. whole is false when its projects and groups are not known.
	Observed func(e *audit.Event, whole bool)
	// Panicked is told of the first panic that was recovered: the value and the stack.
	Panicked func(value any, stack []byte)
}

const (
	queued    = 1024 // requests that may wait
	queuedOne = 64   // those of one credential
	workers   = 2
	// questions is how many questions about containers are asked in a second, and identities how many credentials.
	questions, questionsAtOnce = 10, 40
	// questionsOfOne are those for one owner; questionsOfOneAtOnce keep a worker for four seconds at most. Questions are counted
	// for mostOwners owners.
	questionsOfOne, questionsOfOneAtOnce = 2, 40
	mostOwners                           = 1000
	identities, identitiesAtOnce         = 1, 30
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
	queue  chan *Copy
	bodies atomic.Int64 // bytes that are kept of them
	turns  *rate.Limiter
	lost   [len(losses)]atomic.Int64

	panicked sync.Once

	mu      sync.Mutex
	waiting map[forge.Fingerprint]int // requests in the queue, by credential
	known   map[[sha256.Size]byte]known
	grant   *policy.Grant // of everything, under table
	table   *routes.Table

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
	LostQueue    Loss = iota // so many wait that another cannot, or another of its credential
	LostIdentity             // the forge does not say whose the credential is, could not be asked, or perhaps never looked at it
	LostForge                // the forge could not be asked about containers, or too often
	LostUnread               // no row has the request, or it cannot be read
)

var losses = [...]string{"queue", "identity", "forge", "unread"}

// New makes an observer and starts it. Close ends it.
func New(o Options) *Observer {
	w := &Observer{o: o, queue: make(chan *Copy, queued), waiting: map[forge.Fingerprint]int{},
		known: map[[sha256.Size]byte]known{}, turns: rate.NewLimiter(identities, identitiesAtOnce)}
	w.ctx, w.stop = context.WithCancel(context.Background())
	w.rules = surface.Rules{Resolver: newPaced(w.ctx, o.Forge), Deadline: deadline}
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

// Answered hands a request over that the forge has answered. Only what was answered well may have been a use: 2xx, 304, and a
// redirect to another host, if its row downloads. Other redirects lead to a page for signing in, or to another name of the
// same thing.
func (r *Copy) Answered(a Outcome) {
	if r == nil {
		return
	}
	if !a.isGood() && !a.isDownload() {
		r.Drop()
		return
	}
	r.outcome = a
	if b := r.body; b != nil && b.from != nil && b.left != 0 {
		b.cut = true // the forge answered before it had read all
	}
	if o := r.from; !o.enqueue(r) {
		o.lost[LostQueue].Add(1)
		r.Drop()
	}
}

func (a *Outcome) isGood() bool {
	return a.Status >= 200 && a.Status < 300 || a.Status == fasthttp.StatusNotModified
}

func (a *Outcome) isDownload() bool { return a.Status >= 300 && a.Status < 400 && a.Away }

// enqueue has a request wait, if there is room for it and another one of its credential. Nobody waits for that.
func (o *Observer) enqueue(r *Copy) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	of := r.outcome.Of
	if o.waiting[of] >= queuedOne {
		return false
	}
	select {
	case o.queue <- r:
		o.waiting[of]++
		return true
	default:
		return false
	}
}

// dequeued makes room for another request of a credential.
func (o *Observer) dequeued(of forge.Fingerprint) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.waiting[of]--; o.waiting[of] <= 0 {
		delete(o.waiting, of)
	}
}

func (o *Observer) work() {
	j := &surface.Judgement{}
	for {
		select {
		case <-o.ctx.Done():
			return
		case r := <-o.queue:
			o.dequeued(r.outcome.Of)
			o.observe(r, j)
			r.Drop()
		}
	}
}

// observe finds out what a request did and counts it.
func (o *Observer) observe(r *Copy, j *surface.Judgement) {
	defer j.Reset()
	defer func() {
		if value := recover(); value != nil { // what was sent must end nothing else
			o.lost[LostUnread].Add(1)
			o.panicked.Do(func() { o.o.Panicked(value, debug.Stack()) })
		}
	}()
	e := &audit.Event{Start: r.start, Client: r.client, Method: r.method}
	whole, err := o.judge(r, j, e)
	switch {
	case errors.Is(err, errNothing):
	case errors.Is(err, errIdentity):
		o.lost[LostIdentity].Add(1)
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

// identify finds out whose a credential is. What the forge said is remembered for a while. It is asked only of a credential that
// it has accepted, or it would be asked of guesses. A wrong one is counted as the client's.
func (o *Observer) identify(r *Copy, proven bool) (learn.Subject, bool) {
	hash := o.o.Hash([]byte(r.credential.Reveal()))
	now := time.Now()
	o.mu.Lock()
	k, found := o.known[hash]
	o.mu.Unlock()
	found = found && !(k.unsaid && !now.Before(k.until))
	if found && now.Before(k.until) {
		return k.subject, !k.unsaid
	}
	if !found && !proven {
		return k.subject, false
	}
	if !o.turns.Allow() {
		return k.subject, found
	}
	ctx, cancel := context.WithTimeout(o.ctx, deadline)
	defer cancel()
	subject, err := o.ask(ctx, r.credential, hash)
	if errors.Is(err, forge.ErrCredential) && !r.outcome.Accepted && r.auth != routes.AuthBasic { // a password may be good there
		o.o.Refused(r.client, []byte(r.credential.Reveal()))
	}
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
	if id.Application != "" { // its token of tomorrow is another, and the same subject; no credential has a line feed in it
		hash = sha256.Sum256(fmt.Appendf(nil, "OAuth application\n%s\n%d", id.Application, id.UserID)) // both are public
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
