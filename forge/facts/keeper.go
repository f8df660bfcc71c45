package facts

import (
	"context"
	"errors"
	"fmt"
	"time"

	"patgate/cache"
	"patgate/dial"
	"patgate/forge"
	"patgate/forge/rest"
	"patgate/policy"
	"patgate/routes"
	"patgate/token"
)

// Read asks the forge for one reference, of any kind but RefNone, and fills in f.Container. It stays zero when nothing is there
// or the owner cannot see it. Read asks with Ask and Node only, so that f is as old as its oldest part.
type Read func(ctx context.Context, s *token.Session, f *Fact, ref routes.Reference, maxAge time.Duration) error

// Options says where a forge is, how it is asked and how its facts are kept. Zero fields get their defaults.
type Options struct {
	// URL is the forge's address: https, or http to a loopback address. It may have a path (a relative URL root).
	URL string
	// AllowHTTP permits http to other addresses. Credentials then travel in the clear.
	AllowHTTP bool
	// Dialer connects to it; nil connects to the host in URL and trusts the system's authorities.
	Dialer *dial.Dialer
	// Via, when not empty, goes with every question as the header of that name (RFC 9110, 7.6.3).
	Via string
	// Timeout bounds one question, with all the requests that it needs. Default 5 s.
	Timeout time.Duration
	// TTL bounds the age of every fact; default 30 s. NegativeTTL is the same for "not found"; default 3 s.
	TTL, NegativeTTL time.Duration
	// MaxEntries bounds each of the caches. Default 100,000.
	MaxEntries int64
	// Budget limits how often tokens may cause questions.
	Budget forge.BudgetOptions
	// Saw, when not nil, gets each answer of the forge's about a project, group or user, with the user who asked: the container
	// that the reference names, or the zero Container when it does not exist or that user cannot see it. It must not wait, nor
	// keep ref.Path.
	Saw func(userID int64, ref routes.Reference, c policy.Container)
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// withDefaults gives the options with their defaults.
func (o Options) withDefaults() Options {
	setDefault(&o.Timeout, 5*time.Second)
	setDefault(&o.TTL, 30*time.Second)
	setDefault(&o.NegativeTTL, min(3*time.Second, o.TTL))
	setDefault(&o.MaxEntries, 100_000)
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Saw == nil {
		o.Saw = func(int64, routes.Reference, policy.Container) {}
	}
	if o.Budget.Now == nil {
		o.Budget.Now = o.Now
	}
	return o
}

func setDefault[T comparable](field *T, value T) {
	if *field == *new(T) {
		*field = value
	}
}

// Keeper implements Resolve and Forget of forge.Resolver around a Read. N is what it keeps about the nodes that facts rest on.
// It is safe for concurrent use. Close it when done.
type Keeper[N any] struct {
	// Client asks what is asked on nobody's account, such as whose a credential is.
	Client  *rest.Client
	read    Read
	saw     func(userID int64, ref routes.Reference, c policy.Container)
	budget  *forge.Budget
	now     func() time.Time
	ttl     time.Duration
	timeout time.Duration
	seed    pathSeed
	byPath  *cache.Cache[pathKey, *Fact]
	byID    *cache.Cache[idKey, *Fact]
	nodes   *cache.Cache[idKey, *node[N]]
	lists   *cache.Cache[idKey, *below]
	dropped forgotten
}

// New makes a keeper; it does not ask the forge anything yet.
func New[N any](o Options, api rest.API, read Read) (*Keeper[N], error) {
	o = o.withDefaults()
	client, err := rest.NewClient(rest.Options{
		URL:       o.URL,
		AllowHTTP: o.AllowHTTP,
		Dialer:    o.Dialer,
		Via:       o.Via,
		Timeout:   o.Timeout,
		API:       api,
	})
	if err != nil {
		return nil, err
	}
	k := &Keeper[N]{
		Client:  client,
		read:    read,
		saw:     o.Saw,
		budget:  forge.NewBudget(o.Budget),
		now:     o.Now,
		ttl:     o.TTL,
		timeout: o.Timeout,
		seed:    newPathSeed(),
	}
	options := func(name string) cache.Options {
		return cache.Options{Name: name, MaxEntries: o.MaxEntries, TTL: o.TTL, NegativeTTL: o.NegativeTTL, Now: o.Now}
	}
	if k.byPath, err = cache.New[pathKey, *Fact](options("forge paths")); err != nil {
		return nil, err
	}
	if k.byID, err = cache.New[idKey, *Fact](options("forge ids")); err != nil {
		return nil, err
	}
	if k.nodes, err = cache.New[idKey, *node[N]](options("forge groups")); err != nil {
		return nil, err
	}
	kept := options("forge lists")
	kept.MaxEntries = min(kept.MaxEntries, mostLists)
	if k.lists, err = cache.New[idKey, *below](kept); err != nil {
		return nil, err
	}
	return k, nil
}

// Close ends the caches' goroutines and closes idle connections. No call may be under way.
func (k *Keeper[N]) Close() {
	k.byPath.Close()
	k.byID.Close()
	k.nodes.Close()
	k.lists.Close()
	k.Client.CloseIdleConnections()
}

// Stats gives the counters of the caches.
func (k *Keeper[N]) Stats() []cache.Stats {
	return []cache.Stats{k.byPath.Stats(), k.byID.Stats(), k.nodes.Stats(), k.lists.Stats()}
}

// Forget implements forge.Resolver.
func (k *Keeper[N]) Forget(c policy.Container) { k.dropped.forget(c) }

// Known implements forge.Resolver. It does not allocate, but for what a user's own id names.
func (k *Keeper[N]) Known(s *token.Session, ref routes.Reference, maxAge time.Duration, now time.Time) *policy.Container {
	maxAge = k.limit(maxAge)
	switch {
	case ref.Kind == routes.RefNone || ref.ID <= 0 && len(ref.Path) == 0:
		return &policy.Container{}
	case ref.Kind == routes.RefUser && ref.ID == s.OwnerUserID:
		// The owner's own id needs no question. The username does: it may be another's by now.
		return &policy.Container{Boundary: routes.BoundaryUser, ID: s.OwnerUserID, Path: s.Username, Access: policy.OwnerMember}
	case ref.ID > 0:
		if f, _, ok := k.byID.PeekAt(idKey{k.seed.eyeOf(s), ref.ID, ref.Kind}, maxAge, now); ok && k.usable(f, maxAge, now) {
			return &f.Container
		}
		return nil
	}
	key := k.seed.key(k.seed.eyeOf(s), ref.Kind, ref.Path)
	if f, _, ok := k.byPath.PeekAt(key, maxAge, now); ok && k.usable(f, maxAge, now) && asksFor(f.asked, ref.Path) {
		return &f.Container
	}
	return nil
}

// limit bounds an age.
func (k *Keeper[N]) limit(maxAge time.Duration) time.Duration {
	if maxAge <= 0 || maxAge > k.ttl {
		return k.ttl
	}
	return maxAge
}

// Resolve implements forge.Resolver. A hit does not allocate, but for what a user's own id names.
func (k *Keeper[N]) Resolve(ctx context.Context, s *token.Session, ref routes.Reference,
	maxAge time.Duration) (policy.Container, error) {
	if c := k.Known(s, ref, maxAge, k.now()); c != nil {
		return *c, nil
	}
	maxAge = k.limit(maxAge)
	if ref.ID > 0 {
		return resolveThrough(ctx, k, s, k.byID, idKey{k.seed.eyeOf(s), ref.ID, ref.Kind}, ref, maxAge)
	}
	key := k.seed.key(k.seed.eyeOf(s), ref.Kind, ref.Path)
	// The reference may point into the request's bytes, which a load that others wait for may outlive.
	ref.Path = append([]byte(nil), ref.Path...)
	return resolveThrough(ctx, k, s, k.byPath, key, ref, maxAge)
}

// usable tells whether a cached fact is young enough in all its parts and was not forgotten.
func (k *Keeper[N]) usable(f *Fact, maxAge time.Duration, now time.Time) bool {
	age := now.Sub(f.at)
	return age >= 0 && age <= maxAge && k.dropped.keeps(f)
}

// resolveThrough asks the forge, with the others that ask for the same, and pays for it.
func resolveThrough[K comparable, N any](ctx context.Context, k *Keeper[N], s *token.Session, c *cache.Cache[K, *Fact], key K,
	ref routes.Reference, maxAge time.Duration) (found policy.Container, err error) {
	end, err := k.Begin(ctx, s)
	if err != nil {
		return policy.Container{}, fmt.Errorf("resolving a %s: %w", ref.Kind, err)
	}
	defer func() { end(err == nil && found.Boundary == routes.BoundaryNone) }()
	load := func(ctx context.Context) (*Fact, bool, error) {
		k.budget.Spend(s.OwnerUserID)
		ctx, cancel := k.Bound(ctx)
		defer cancel()
		f, err := k.load(ctx, s, ref, maxAge)
		switch {
		case errors.Is(err, context.DeadlineExceeded): // the only deadline here is the forge's
			return nil, false, forge.ErrTimeout
		case err != nil:
			return nil, false, err
		}
		return f, f.Found(), nil
	}
	for range cache.MaxReloads {
		f, _, err := c.GetBy(ctx, key, s.TokenID, maxAge, load)
		switch {
		case errors.Is(err, cache.ErrContended):
			return policy.Container{}, fmt.Errorf("resolving a %s: it changes too fast: %w", ref.Kind, forge.ErrUnavailable)
		case err != nil:
			return policy.Container{}, fmt.Errorf("resolving a %s: %w", ref.Kind, err)
		case ref.ID == 0 && !asksFor(f.asked, ref.Path):
			// Another path with the same hash: leave the cache to it.
			if f, _, err = load(ctx); err != nil {
				return policy.Container{}, fmt.Errorf("resolving a %s: %w", ref.Kind, err)
			}
			return f.Container, nil
		case k.usable(f, maxAge, k.now()):
			return f.Container, nil
		}
		c.Invalidate(key)
	}
	return policy.Container{}, fmt.Errorf("resolving a %s: it is forgotten faster than read: %w", ref.Kind, forge.ErrUnavailable)
}

// load reads one reference. What was found by its path is known by its id as well.
func (k *Keeper[N]) load(ctx context.Context, s *token.Session, ref routes.Reference, maxAge time.Duration) (*Fact, error) {
	seq := k.dropped.last.Load()
	f := &Fact{at: k.now(), seq: seq, base: seq}
	mark := k.byID.Mark()
	if ref.ID == 0 {
		asked := make([]byte, len(ref.Path))
		for i, b := range ref.Path {
			asked[i] = lower(b)
		}
		f.asked = string(asked)
	}
	if err := k.read(ctx, s, f, ref, maxAge); err != nil {
		return nil, err
	}
	k.saw(s.OwnerUserID, ref, f.Container)
	if ref.ID == 0 && ref.Kind != routes.RefNamespace && f.Found() {
		k.byID.Put(idKey{k.seed.eyeOf(s), f.Container.ID, ref.Kind}, mark, f, true)
	}
	return f, nil
}
