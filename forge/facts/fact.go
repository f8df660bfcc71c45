package facts

import (
	"hash/maphash"
	"strings"
	"sync/atomic"
	"time"

	"patgate/policy"
	"patgate/routes"
	"patgate/token"
)

// Fact is what the forge said about one reference. It is never changed once its Read has returned.
type Fact struct {
	Container policy.Container // zero: not found or not visible
	// Truncated: a group above could not be seen, so more may stand above it than Ancestors says.
	Truncated bool
	// at is the time at the beginning of the oldest read in it.
	at time.Time
	// seq is the number of the last Forget when its own read began, and base that of the oldest read in it: what it rests
	// on may be older than a Forget of the container alone, which did not concern it.
	seq, base uint64
	// asked is the path in lower case that it was asked for under; empty for an id.
	asked string
}

// Found tells whether there is a container.
func (f *Fact) Found() bool { return f.Container.Boundary != routes.BoundaryNone }

// olderOf lowers f's age to that of a read that it also rests on.
func (f *Fact) olderOf(at time.Time, seq uint64) {
	if at.Before(f.at) {
		f.at = at
	}
	f.base = min(f.base, seq)
}

// forgotten keeps, in fixed space, which facts a Forget has made worthless. Each Forget takes a number; a fact remembers
// the number that was current when its first read began.
//
//	| forgotten     | worthless afterwards                                                                     |
//	| ------------- | ---------------------------------------------------------------------------------------- |
//	| a project     | facts of that project, of every owner; absences; facts with a chain that was cut          |
//	| a group       | everything: subgroups, projects below, and memberships through the group all depend on it |
//	| anything else | absences; facts with a chain that was cut                                                 |
type forgotten struct {
	last     atomic.Uint64
	all      atomic.Uint64
	projects [1024]atomic.Uint64 // by id; two projects that share a place cost each other a read
}

func (g *forgotten) forget(c policy.Container) {
	n := g.last.Add(1)
	switch c.Boundary {
	case routes.BoundaryProject:
		raise(&g.projects[uint64(c.ID)%uint64(len(g.projects))], n)
	case routes.BoundaryGroup:
		raise(&g.all, n)
	}
}

// keeps tells whether a fact may still be used.
func (g *forgotten) keeps(f *Fact) bool {
	if g.all.Load() > f.base {
		return false
	}
	if f.seq == g.last.Load() {
		return true
	}
	if !f.Found() || f.Truncated {
		return false
	}
	return f.Container.Boundary != routes.BoundaryProject ||
		g.projects[uint64(f.Container.ID)%uint64(len(g.projects))].Load() <= f.seq
}

func raise(v *atomic.Uint64, n uint64) {
	for old := v.Load(); old < n; old = v.Load() {
		if v.CompareAndSwap(old, n) {
			return
		}
	}
}

// eye is an owner with one credential, who sees a fact. With another credential the same owner may see less.
type eye struct{ owner, credential int64 }

func (s pathSeed) eyeOf(session *token.Session) eye {
	if session.CredentialID == 0 {
		return s.eyeOfShown(session)
	}
	return eye{session.OwnerUserID, session.CredentialID}
}

// eyeOfShown is eyeOf for a credential that is not stored: a hash tells it from others of its owner's.
func (s pathSeed) eyeOfShown(session *token.Session) eye {
	return eye{session.OwnerUserID, -1 - int64(maphash.String(s.Seed, session.Credential.Reveal())>>1)}
}

// idKey names a fact by id: what an eye sees of a container or user.
type idKey struct {
	eye
	id   int64
	kind routes.RefKind
}

// pathKey names a fact by path, as an eye sees it. It holds a hash of the path in lower case, under a seed of this process.
// The fact itself says which path it is about, so equal hashes of different paths do no harm.
type pathKey struct {
	eye
	path uint64
	kind routes.RefKind
}

// pathSeed is the seed of the hashes of paths.
type pathSeed struct{ maphash.Seed }

func newPathSeed() pathSeed { return pathSeed{maphash.MakeSeed()} }

// key hashes without allocating for paths of usual length.
func (s pathSeed) key(e eye, kind routes.RefKind, path []byte) pathKey {
	var space [128]byte
	buf := space[:0]
	for _, b := range path {
		buf = append(buf, lower(b))
	}
	return pathKey{e, maphash.Bytes(s.Seed, buf), kind}
}

// lower is ASCII's lower case: paths hold no other letters (routes.ParseReference).
func lower(b byte) byte {
	if b >= 'A' && b <= 'Z' {
		return b + 'a' - 'A'
	}
	return b
}

// asksFor tells whether path is asked, but for case.
func asksFor(asked string, path []byte) bool {
	switch {
	case len(asked) != len(path):
		return false
	case asked == string(path):
		return true // most are written in lower case
	}
	for i, b := range path {
		if asked[i] != lower(b) {
			return false
		}
	}
	return true
}

// SamePath compares paths as forges do, without regard to case.
func SamePath(a, b string) bool { return strings.EqualFold(a, b) }
