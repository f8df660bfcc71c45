// Package gitlab answers the questions of package forge from GitLab's REST API, version 4, as of GitLab 19.3.
//
// Facts are cached for each credential of an owner, by id and by path, with the time at which their oldest part was read:
//
//	| cache    | key                                  | value                              | kept for            | purpose                        |
//	| -------- | ------------------------------------ | ---------------------------------- | ------------------- | ------------------------------ |
//	| by path  | credential, kind, path in lower case | container with access              | TTL (30 s)          | requests that name a path      |
//	| by id    | credential, kind, id                 | container with access              | TTL                 | requests that name an id       |
//	| groups   | credential, group id                 | parent, path, visibility           | TTL                 | chains of groups above         |
//	| absences | in each of them                      | "not found or not visible"         | NegativeTTL (3 s)   | clients that ask again         |
//
// A caller's maxAge shortens that (the gateway uses 5 s for writes). Nothing that failed is cached.
package gitlab

import (
	"context"
	"errors"
	"fmt"
	"time"

	"patgate/cache"
	"patgate/forge"
	"patgate/policy"
	"patgate/routes"
	"patgate/token"
)

// Options says where GitLab is and how it is asked.
type Options struct {
	// URL is GitLab's address: https, or http to a loopback address. It may have a path (a relative URL root).
	URL string
	// AllowHTTP permits http to other addresses. Credentials then travel in the clear.
	AllowHTTP bool
	// CAFile is a PEM file of the certificate authorities to trust; empty is the system's.
	CAFile string
	// Timeout bounds one question, with all the requests that it needs. Default 5 s.
	Timeout time.Duration
	// TTL bounds the age of every fact; default 30 s. NegativeTTL is the same for "not found"; default 3 s.
	TTL, NegativeTTL time.Duration
	// MaxEntries bounds each of the caches. Default 100,000.
	MaxEntries int64
	// Budget limits how often tokens may cause questions.
	Budget forge.BudgetOptions
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// Resolver implements forge.Resolver. Close it when done.
type Resolver struct {
	client  *client
	budget  *forge.Budget
	now     func() time.Time
	ttl     time.Duration
	timeout time.Duration
	seeds   pathSeeds
	byPath  *cache.Cache[pathKey, *fact]
	byID    *cache.Cache[idKey, *fact]
	groups  *cache.Cache[idKey, *groupNode]
	dropped forgotten
}

var _ forge.Resolver = (*Resolver)(nil)

// New makes a resolver; it does not ask the forge anything yet.
func New(o Options) (*Resolver, error) {
	setDefault(&o.Timeout, 5*time.Second)
	setDefault(&o.TTL, 30*time.Second)
	setDefault(&o.NegativeTTL, min(3*time.Second, o.TTL))
	setDefault(&o.MaxEntries, 100_000)
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Budget.Now == nil {
		o.Budget.Now = o.Now
	}
	c, err := newClient(&o)
	if err != nil {
		return nil, err
	}
	r := &Resolver{client: c, budget: forge.NewBudget(o.Budget), now: o.Now, ttl: o.TTL, timeout: o.Timeout, seeds: newPathSeeds()}
	options := func(name string) cache.Options {
		return cache.Options{Name: name, MaxEntries: o.MaxEntries, TTL: o.TTL, NegativeTTL: o.NegativeTTL, Now: o.Now}
	}
	if r.byPath, err = cache.New[pathKey, *fact](options("forge paths")); err != nil {
		return nil, err
	}
	if r.byID, err = cache.New[idKey, *fact](options("forge ids")); err != nil {
		return nil, err
	}
	if r.groups, err = cache.New[idKey, *groupNode](options("forge groups")); err != nil {
		return nil, err
	}
	return r, nil
}

func setDefault[T comparable](field *T, value T) {
	if *field == *new(T) {
		*field = value
	}
}

// Close ends the caches' goroutines and closes idle connections. No call may be under way.
func (r *Resolver) Close() {
	r.byPath.Close()
	r.byID.Close()
	r.groups.Close()
	r.client.http.CloseIdleConnections()
}

// Stats gives the counters of the caches.
func (r *Resolver) Stats() []cache.Stats {
	return []cache.Stats{r.byPath.Stats(), r.byID.Stats(), r.groups.Stats()}
}

// Forget implements forge.Resolver.
func (r *Resolver) Forget(c policy.Container) { r.dropped.forget(c) }

// Resolve implements forge.Resolver. A hit does not allocate.
func (r *Resolver) Resolve(ctx context.Context, s *token.Session, ref routes.Reference, maxAge time.Duration) (policy.Container, error) {
	if maxAge <= 0 || maxAge > r.ttl {
		maxAge = r.ttl
	}
	switch {
	case ref.Kind == routes.RefNone || ref.ID <= 0 && len(ref.Path) == 0:
		return policy.Container{}, nil
	case ref.Kind == routes.RefUser && ref.ID == s.OwnerUserID:
		// The owner's own id needs no question. The username does: it may be another's by now.
		return policy.Container{Boundary: routes.BoundaryUser, ID: s.OwnerUserID, Path: s.Username, Access: policy.OwnerMember}, nil
	case ref.ID > 0:
		key := idKey{eyeOf(s), ref.ID, ref.Kind}
		if f, _, ok := r.byID.Peek(key, maxAge); ok && r.usable(f, maxAge) {
			return f.container, nil
		}
		return resolveThrough(ctx, r, s, r.byID, key, ref, maxAge)
	}
	key := r.seeds.key(eyeOf(s), ref.Kind, ref.Path)
	if f, _, ok := r.byPath.Peek(key, maxAge); ok && r.usable(f, maxAge) && asksFor(f.asked, ref.Path) {
		return f.container, nil
	}
	// The reference may point into the request's bytes, which a load that others wait for may outlive.
	ref.Path = append([]byte(nil), ref.Path...)
	return resolveThrough(ctx, r, s, r.byPath, key, ref, maxAge)
}

// usable tells whether a cached fact is young enough in all its parts and was not forgotten.
func (r *Resolver) usable(f *fact, maxAge time.Duration) bool {
	age := r.now().Sub(f.at)
	return age >= 0 && age <= maxAge && r.dropped.keeps(f)
}

// resolveThrough asks the forge, with the others that ask for the same, and pays for it.
func resolveThrough[K comparable](ctx context.Context, r *Resolver, s *token.Session, c *cache.Cache[K, *fact], key K, ref routes.Reference, maxAge time.Duration) (policy.Container, error) {
	if err := r.budget.Take(s.TokenID, s.OwnerUserID); err != nil {
		return policy.Container{}, fmt.Errorf("resolving a %s: %w", ref.Kind, err)
	}
	load := func(ctx context.Context) (*fact, bool, error) {
		ctx, cancel := context.WithTimeout(ctx, r.timeout)
		defer cancel()
		f, err := r.read(ctx, s, ref, maxAge)
		switch {
		case errors.Is(err, context.DeadlineExceeded): // the only deadline here is the forge's
			return nil, false, forge.ErrTimeout
		case err != nil:
			return nil, false, err
		}
		return f, f.found(), nil
	}
	for range cache.MaxReloads {
		f, _, err := c.Get(ctx, key, maxAge, load)
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
			return f.container, nil
		case r.usable(f, maxAge):
			return f.container, nil
		}
		c.Invalidate(key)
	}
	return policy.Container{}, fmt.Errorf("resolving a %s: it is forgotten faster than read: %w", ref.Kind, forge.ErrUnavailable)
}

// read asks the forge for one reference.
func (r *Resolver) read(ctx context.Context, s *token.Session, ref routes.Reference, maxAge time.Duration) (*fact, error) {
	f := &fact{at: r.now(), seq: r.dropped.last.Load()}
	mark := r.byID.Mark()
	if ref.ID == 0 {
		asked := make([]byte, len(ref.Path))
		for i, b := range ref.Path {
			asked[i] = lower(b)
		}
		f.asked = string(asked)
	}
	var err error
	switch ref.Kind {
	case routes.RefProject:
		err = r.readProject(ctx, s, f, ref, maxAge)
	case routes.RefGroup:
		err = r.readGroup(ctx, s, f, ref, maxAge)
	case routes.RefNamespace:
		err = r.readNamespace(ctx, s, f, ref, maxAge)
	case routes.RefUser:
		err = r.readUser(ctx, s, f, ref)
	}
	if err != nil {
		return nil, err
	}
	if ref.ID == 0 && ref.Kind != routes.RefNamespace && f.found() {
		r.byID.Put(idKey{eyeOf(s), f.container.ID, ref.Kind}, mark, f, true)
	}
	return f, nil
}

// ask is one request on behalf of a session. A 429 stops the owner's other questions for a while.
func (r *Resolver) ask(ctx context.Context, s *token.Session, path string) (reply, error) {
	rep, err := r.client.get(ctx, s.Credential, path)
	if after, limited := forge.RetryAfter(err); limited {
		return reply{}, r.budget.Pause(s.OwnerUserID, after)
	}
	return rep, err
}

// segment writes a reference as one path segment: the id, or the path with its slashes encoded.
func segment(ref routes.Reference) string {
	if ref.ID > 0 {
		return fmt.Sprint(ref.ID)
	}
	return escape(ref.Path)
}
