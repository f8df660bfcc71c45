// Package keys keeps the public keys of the issuers that the configuration names. Nothing is ever fetched because of what
// stands in a token: an issuer that is not configured does not exist.
package keys

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-jose/go-jose/v4"
	"golang.org/x/sync/singleflight"

	"patgate/trust/issuer"
)

const (
	// FreshFor is how long a set of keys counts before it is read again.
	FreshFor = time.Hour
	// Again is how soon a set is read again at the earliest, for an unknown key or after a failure.
	Again = 30 * time.Second
	// KeptFor is how long the last good set counts while its issuer fails: longer than any key should outlive its withdrawal.
	KeptFor = 24 * time.Hour
)

var (
	// ErrIssuer: there is no such issuer.
	ErrIssuer = errors.New("no such issuer")
	// ErrKey: the issuer has no such key.
	ErrKey = errors.New("the issuer has no such key")
	// ErrBarred is an ErrKey: the issuer had no such key a moment ago, and it is too soon to ask again.
	ErrBarred = fmt.Errorf("%w, a moment ago", ErrKey)
	// ErrWithdrawn: the issuer has no keys any more, and those before do not count.
	ErrWithdrawn = errors.New("the issuer has withdrawn its keys")
	// ErrUnavailable: there are no keys of the issuer, and they could not be read.
	ErrUnavailable = errors.New("the keys of the issuer could not be read")
)

// Issuer is one whose tokens are taken.
type Issuer struct {
	// Name is what policies call it, URL what its tokens have as iss, byte for byte.
	Name, URL string
	// KeysURL is where its keys are; empty: what its discovery document says, on the same host.
	KeysURL string
	// CAFile holds the authorities that sign its certificate; empty: the system's.
	CAFile string
	// Algorithms are those that its tokens may be signed with.
	Algorithms []jose.SignatureAlgorithm
}

// Keys says where the keys are, as the issuer of a configuration does.
func (i *Issuer) Keys() string { return (&issuer.Issuer{JWKSURL: i.KeysURL, CAFile: i.CAFile}).Keys() }

// Algorithms are all that are taken of any issuer: none that is made with what is public, or with nothing.
func Algorithms() []jose.SignatureAlgorithm {
	return []jose.SignatureAlgorithm{jose.RS256, jose.ES256, jose.EdDSA}
}

// Options configure Keys.
type Options struct {
	Issuers []Issuer
	// Report is told, by the issuer's name, when its keys could not be read. Nil drops that.
	Report func(issuer string, err error)
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// Keys are those of all issuers. It is safe for concurrent use.
type Keys struct {
	issuers atomic.Pointer[Issuers]
	report  func(string, error)
	now     func() time.Time
}

// Issuers are those that there are at a time. When there are others, it is another pointer.
type Issuers struct{ byURL map[string]*kept }

// kept is an issuer with its keys.
type kept struct {
	Issuer
	source source
	flight singleflight.Group

	mu    sync.Mutex
	keys  []jose.JSONWebKey // the last good set; never changed in place
	read  time.Time         // when that was read
	tried time.Time         // when it was last tried
}

// New makes the keys of issuers. Nothing is read before a token comes that needs it.
func New(o Options) (*Keys, error) {
	k := &Keys{report: o.Report, now: o.Now}
	k.issuers.Store(&Issuers{})
	if k.report == nil {
		k.report = func(string, error) {}
	}
	if k.now == nil {
		k.now = time.Now
	}
	if err := k.Replace(o.Issuers); err != nil {
		return nil, err
	}
	return k, nil
}

// Replace puts other issuers in the place of those that there are. One that is as it was keeps its keys; what is gone is gone at
// once, with its keys. One that cannot be had is left out, and the error says why.
func (k *Keys) Replace(issuers []Issuer) error {
	before, after := k.issuers.Load().byURL, map[string]*kept{}
	var problems []error
	same := len(issuers) == len(before)
	for _, i := range issuers {
		if len(i.Algorithms) == 0 {
			i.Algorithms = Algorithms()
		}
		if after[i.URL] != nil {
			problems = append(problems, fmt.Errorf("the issuer %s appears twice", i.URL))
			continue
		}
		if old := before[i.URL]; old != nil && reflect.DeepEqual(old.Issuer, i) {
			after[i.URL] = old
			continue
		}
		same = false
		source, err := newSource(&i)
		if err != nil {
			problems = append(problems, fmt.Errorf("issuer %s: %w", i.Name, err))
			continue
		}
		after[i.URL] = &kept{Issuer: i, source: source}
	}
	if !same || len(after) != len(before) {
		k.issuers.Store(&Issuers{after})
	}
	return errors.Join(problems...)
}

// Issuers gives those that there are now.
func (k *Keys) Issuers() *Issuers { return k.issuers.Load() }

// at gives the issuer with an address; nil when there is none.
func (k *Keys) at(url string) *kept { return k.issuers.Load().byURL[url] }

// Issuer gives the issuer that a token names; ErrIssuer when there is none.
func (k *Keys) Issuer(url string) (Issuer, error) {
	i := k.at(url)
	if i == nil {
		return Issuer{}, ErrIssuer
	}
	return i.Issuer, nil
}

// Find gives the keys of an issuer that have an id and fit an algorithm. An unknown id has the set read again, at most every
// Again.
func (k *Keys) Find(ctx context.Context, url, id string, a jose.SignatureAlgorithm) ([]jose.JSONWebKey, error) {
	i := k.at(url)
	if i == nil {
		return nil, ErrIssuer
	}
	return k.of(ctx, i, id, a)
}

// of is Find for an issuer that there was a moment ago.
func (k *Keys) of(ctx context.Context, i *kept, id string, a jose.SignatureAlgorithm) ([]jose.JSONWebKey, error) {
	found, age, has := i.find(id, a, k.now())
	asked := false
	if !has || len(found) == 0 || age >= FreshFor {
		var err error
		if asked, err = k.refresh(ctx, i); err != nil {
			return nil, err
		}
		found, age, has = i.find(id, a, k.now())
	}
	switch {
	case k.at(i.URL) != i: // it is another one meanwhile, or gone
		return nil, ErrIssuer
	case !has || age >= KeptFor:
		return nil, ErrUnavailable
	case len(found) > 0:
		return found, nil
	case i.failing(): // it may be a new key
		return nil, ErrUnavailable
	case !asked:
		return nil, ErrBarred
	}
	return nil, ErrKey
}

// failing tells whether the last try to read the set failed.
func (i *kept) failing() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.tried.After(i.read)
}

// find looks into the set that is there.
func (i *kept) find(id string, a jose.SignatureAlgorithm, now time.Time) (found []jose.JSONWebKey, age time.Duration,
	has bool) {
	i.mu.Lock()
	keys, read := i.keys, i.read
	i.mu.Unlock()
	for n := range keys {
		if keys[n].KeyID == id && fits(&keys[n], a) {
			found = append(found, keys[n])
		}
	}
	return found, now.Sub(read), keys != nil
}

// refresh reads the set again, unless that was tried a moment ago. All who wait for it at once wait for the same. It tells
// whether the issuer was asked; the error is that of a caller who leaves.
func (k *Keys) refresh(ctx context.Context, i *kept) (asked bool, err error) {
	done := i.flight.DoChan("", func() (any, error) {
		i.mu.Lock()
		now := k.now()
		due := i.tried.IsZero() || now.Sub(i.tried) >= Again
		if due {
			i.tried = now
		}
		i.mu.Unlock()
		if !due {
			return false, nil
		}
		keys, err := i.source.read()
		if err != nil {
			k.report(i.Name, err)
		}
		if keys == nil { // the last good set stays
			return true, nil
		}
		i.mu.Lock()
		i.keys, i.read = keys, now
		i.mu.Unlock()
		return true, nil
	})
	select {
	case r := <-done:
		return r.Val.(bool), nil
	case <-ctx.Done():
		return false, fmt.Errorf("%w: %w", ErrUnavailable, ctx.Err())
	}
}

// leastRSA is how many bits a modulus must have.
const leastRSA = 2048

// fits tells whether a key is a public one to verify signatures of an algorithm with.
func fits(k *jose.JSONWebKey, a jose.SignatureAlgorithm) bool {
	if k.Use != "" && k.Use != "sig" || k.Algorithm != "" && k.Algorithm != string(a) {
		return false
	}
	switch key := k.Key.(type) {
	case *rsa.PublicKey:
		return a == jose.RS256 && key.N.BitLen() >= leastRSA && key.E >= 3
	case *ecdsa.PublicKey:
		return a == jose.ES256 && key.Curve.Params().BitSize == 256
	case ed25519.PublicKey:
		return a == jose.EdDSA
	}
	return false
}

// usable tells whether a key can verify signatures of any algorithm.
func usable(k *jose.JSONWebKey) bool {
	return k.KeyID != "" && k.Valid() && k.IsPublic() &&
		slices.ContainsFunc(Algorithms(), func(a jose.SignatureAlgorithm) bool { return fits(k, a) })
}
