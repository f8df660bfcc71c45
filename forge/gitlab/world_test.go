package gitlab

import (
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"patgate/forge"
	"patgate/forge/forgetest"
	"patgate/forge/resolvertest"
	"patgate/token"
)

// clock is a clock that tests move by hand.
type clock struct{ nanos atomic.Int64 }

func (c *clock) now() time.Time          { return time.Unix(1_900_000_000, c.nanos.Load()) }
func (c *clock) advance(d time.Duration) { c.nanos.Add(int64(d)) }

const testBurst = 20

// newResolver puts a resolver in front of a stand-in forge.
func newResolver(t testing.TB, f *forgetest.Forge, clk *clock, change func(*Options)) *Resolver {
	t.Helper()
	server := httptest.NewServer(f)
	o := Options{
		URL: server.URL, Timeout: 500 * time.Millisecond, TTL: 30 * time.Second, NegativeTTL: 3 * time.Second,
		Budget: forge.BudgetOptions{TokenBurst: testBurst, TokenRate: 1}, Now: clk.now,
	}
	if change != nil {
		change(&o)
	}
	r, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		r.Close()
		server.CloseClientConnections()
		server.Close()
	})
	return r
}

// fixture is the world of the conformance suite on the stand-in forge.
func fixture(t *testing.T) *resolvertest.Fixture {
	clk := &clock{}
	f := forgetest.New(forgetest.Options{Now: clk.now})
	ada, bob, eve := f.AddUser("Ada"), f.AddUser("bob"), f.AddUser("eve")
	adaToken, eveToken := f.AddToken(ada, forgetest.Token{}), f.AddToken(eve, forgetest.Token{})
	group := func(path, visibility string) resolvertest.Named {
		return resolvertest.Named{ID: f.AddGroup(path, visibility), Path: path}
	}
	project := func(path, visibility string) resolvertest.Named {
		return resolvertest.Named{ID: f.AddProject(path, visibility), Path: path}
	}
	top := group("Top", forgetest.Private)
	sub := group("Top/Sub.group", forgetest.Private)
	out := group("out", forgetest.Private)
	team := group("team", forgetest.Private)
	f.AddGroupMember(top.ID, ada, forgetest.Developer)
	f.AddGroupMember(team.ID, ada, forgetest.Developer)
	fx := &resolvertest.Fixture{
		Session:  &token.Session{TokenID: 1, OwnerUserID: ada, Username: "Ada", Credential: token.NewSecret(adaToken)},
		Stranger: &token.Session{TokenID: 2, OwnerUserID: eve, Username: "eve", Credential: token.NewSecret(eveToken)},
		Group:    top, Subgroup: sub, OutsideGroup: out,
		Inherited: project("Top/Sub.group/My.Project", forgetest.Private),
		Outside:   project("out/payroll", forgetest.Private),
		Invited:   project("out/shared", forgetest.Private),
		Public:    project("bob/library", forgetest.Public),
		Hidden:    project("bob/diary", forgetest.Private),
		Personal:  project("Ada/notes", forgetest.Private),
		Redirects: true,
		Now:       clk.now, Advance: clk.advance, Asked: f.RequestCount, TTL: 30 * time.Second, Burst: testBurst,
	}
	f.AddMember(fx.Outside.ID, ada, forgetest.Reporter)
	f.InviteToProject(fx.Invited.ID, team.ID, forgetest.Developer)
	f.AddMember(fx.Hidden.ID, bob, forgetest.Owner)
	fx.Rename = func(p resolvertest.Named, segment string) string {
		path := p.Path[:strings.LastIndexByte(p.Path, '/')+1] + segment
		f.MoveProject(p.ID, path)
		return path
	}
	fx.Create = func(path string) resolvertest.Named {
		p := project(path, forgetest.Private)
		f.AddMember(p.ID, ada, forgetest.Maintainer)
		return p
	}
	fx.Leave = func() { f.AddMember(fx.Outside.ID, ada, forgetest.NoAccess) }
	fx.Fail = func(status int) func() {
		return f.Plant(forgetest.Fault{Status: status, RetryAfter: 30 * time.Second})
	}
	fx.Hang = func() func() { return f.Plant(forgetest.Fault{Hang: true}) }
	fx.Garble = func() func() {
		return f.Plant(forgetest.Fault{Body: "<html>maintenance</html>", ContentType: "text/html"})
	}
	fx.SlowDown = func(d time.Duration) func() { return f.Plant(forgetest.Fault{Delay: d}) }
	fx.Refuse = func() { f.RevokeToken(adaToken) }
	fx.Resolver = newResolver(t, f, clk, nil)
	return fx
}

func TestConformance(t *testing.T) { resolvertest.Run(t, fixture) }
