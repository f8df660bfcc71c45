package proxy

import (
	"context"
	"crypto/rand"
	"fmt"
	"hash/fnv"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"patgate/audit"
	"patgate/forge"
	"patgate/policy"
	"patgate/proxy/asking"
	"patgate/proxy/surface"
	"patgate/routes"
	"patgate/token"
)

// The world of the differential test: every reference is something, the same thing each time, and the token may do
// anything with it. What is refused there is refused for its form.

// worldProject and worldGroup are where every looked-up object belongs.
const worldProject, worldGroup = 4242, 4343

// worldLookup is added to a looked-up id: what is sent on must come from the forge's answer.
const worldLookup = 1_000_000

// worldContainer gives what a reference is. An id is itself; a path has the id of its hash.
func worldContainer(ref routes.Reference) policy.Container {
	c := policy.Container{ID: ref.ID, Path: strings.ToLower(string(ref.Path)), Visibility: policy.VisibilityPrivate, Access: policy.OwnerMember}
	if ref.ID == 0 {
		h := fnv.New32a()
		h.Write([]byte(c.Path))
		c.ID = 2_000_000 + int64(h.Sum32())
	} else {
		c.Path = fmt.Sprintf("found-by-id/g%d", ref.ID)
	}
	switch ref.Kind {
	case routes.RefProject:
		c.Boundary = routes.BoundaryProject
	case routes.RefGroup:
		c.Boundary = routes.BoundaryGroup
	case routes.RefNamespace:
		c.Boundary = routes.BoundaryGroup
		if ref.ID == 0 && strings.Contains(c.Path, "proj") {
			c.Boundary = routes.BoundaryProject
		}
	case routes.RefUser:
		c.Boundary = routes.BoundaryUser
	}
	return c
}

// worldSent gives what must be sent for a reference: the id where the kind has one of its own, else what the client sent.
func worldSent(ref routes.Reference, path bool) string {
	c := worldContainer(ref)
	switch {
	case path:
		return c.Path
	case surface.HasOwnID(&c, ref.Kind), ref.ID != 0:
		return strconv.FormatInt(c.ID, 10)
	}
	return string(ref.Path)
}

// world is the gateway's resolver. skew, when not zero, makes it lie: a planted disagreement.
type world struct{ skew int64 }

func (w world) Known(s *token.Session, ref routes.Reference, maxAge time.Duration, _ time.Time) *policy.Container {
	return knownBy(w, s, ref, maxAge)
}

func (w world) Resolve(_ context.Context, _ *token.Session, ref routes.Reference, _ time.Duration) (policy.Container, error) {
	c := worldContainer(ref)
	c.ID += w.skew
	return c, nil
}

func (world) Lookup(_ context.Context, _ *token.Session, route *routes.Route, op *routes.Operation) (forge.LookupResult, error) {
	l := route.Find.Lookup
	r := forge.LookupResult{Found: true}
	switch {
	case l.Project != "" && slices.Contains(route.Boundaries, routes.BoundaryProject):
		r.Projects = []int64{worldProject}
	case l.Group != "" && slices.Contains(route.Boundaries, routes.BoundaryGroup):
		r.Groups = []int64{worldGroup}
	case l.Instance != "" && slices.Contains(route.Boundaries, routes.BoundaryInstance):
		r.Instance = true
	default:
		r.User = true
	}
	if l.Send != "" {
		for i := range op.Captures() {
			if c := &op.Captures()[i]; strings.Contains(l.Get, "{"+c.Name+"}") {
				r.Send = worldLookedUp(string(c.Value))
				break
			}
		}
	}
	return r, nil
}

func (world) Forget(policy.Container) {}

func worldLookedUp(value string) string {
	id, err := strconv.ParseInt(value, 10, 64)
	if err != nil || id <= 0 || id > 1<<60 {
		return "77"
	}
	return strconv.FormatInt(id+worldLookup, 10)
}

// decisions is a sink that keeps each decision until it is asked for.
type decisions struct {
	mu sync.Mutex
	by map[string]audit.Event
}

func (d *decisions) Decision(e *audit.Event) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.by[e.ID.String()] = *e
	return nil
}

func (d *decisions) Completion(*audit.Event) {}

func (d *decisions) take(id string) (audit.Event, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	e, ok := d.by[id]
	delete(d.by, id)
	return e, ok
}

// worldGateway is a gateway in front of the stand-in, with a token that holds every permission wherever it can be held.
type worldGateway struct {
	address, token string
	table          *routes.Table
	decisions      *decisions
}

func newWorldGateway(t testing.TB, table *routes.Table, resolver asking.Resolver, upstream string) *worldGateway {
	t.Helper()
	g := &worldGateway{table: table, decisions: &decisions{by: map[string]audit.Event{}}}
	all := map[string]*policy.ScopeSpec{"all_memberships": {}, "user": {}, "instance": {}}
	for _, info := range table.Catalogue().All() {
		for _, b := range info.Boundaries {
			access := b.String()
			if b.InContainer() {
				access = "all_memberships"
			}
			s := all[access]
			if n := len(s.Permissions); n == 0 || s.Permissions[n-1] != info.Name {
				s.Access, s.Permissions = access, append(s.Permissions, info.Name)
			}
		}
	}
	var specs []policy.ScopeSpec
	for _, s := range all {
		specs = append(specs, *s)
	}
	grant, err := policy.Compile(42, table.Version(), specs, table.Catalogue())
	if err != nil {
		t.Fatalf("compiling the grant: %v", err)
	}
	secret, err := token.Mint(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	hash, err := token.Parse([]byte(secret.Reveal()))
	if err != nil {
		t.Fatal(err)
	}
	g.token = secret.Reveal()
	session := &token.Session{TokenID: 1, OwnerUserID: 42, Username: "owner", Grant: grant, Credential: newSecret(ownerCredential)}
	h, err := New(Options{
		Table: func() *routes.Table { return table }, Sessions: fakeSessions{hash: {session, nil}}, TokenState: tokenState,
		Resolver: resolver, Audit: g.decisions, Sealer: newTexts(t), Upstream: Upstream{URL: upstream}, Attempts: attempts(1 << 30),
		Panicked: func(v any, stack []byte) { t.Errorf("panic: %v\n%s", v, stack) },
	})
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := NewServer(h, testLog{t})
	g.address = ln.Addr().String()
	served := make(chan error, 1)
	go func() { served <- server.Serve(ln, nil) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		_ = server.Shutdown(ctx)
		ln.Close()
		<-served
		h.Close()
	})
	return g
}

// Denied implements asking.Resolver.
func (world) Denied(*token.Session, int) {}

func (world) Listed(*token.Session) error { return nil }

// Below implements asking.Resolver.
func (world) Below(context.Context, *token.Session, *policy.Container, time.Duration) ([]int64, bool, error) {
	return nil, false, nil
}
