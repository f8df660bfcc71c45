package gitea

import (
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"patgate/forge"
	"patgate/forge/giteatest"
	"patgate/forge/resolvertest"
	"patgate/token"
)

// clock is a clock that tests move by hand.
type clock struct{ nanos atomic.Int64 }

func (c *clock) now() time.Time          { return time.Unix(1_900_000_000, c.nanos.Load()) }
func (c *clock) advance(d time.Duration) { c.nanos.Add(int64(d)) }

const testBurst = 20

// newResolver puts a resolver in front of an address.
func newResolver(t testing.TB, address string, clk *clock) *Resolver {
	t.Helper()
	r, err := New(Options{
		URL: address, Timeout: 2 * time.Second, TTL: 30 * time.Second, NegativeTTL: 3 * time.Second,
		Budget: forge.BudgetOptions{TokenBurst: testBurst, TokenRate: 1}, Now: clk.now,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

func session(id int64, name, secret string) *token.Session {
	return &token.Session{TokenID: 1, OwnerUserID: id, Username: name, Credential: token.NewSecret(secret)}
}

// fixture is the world of the conformance suite on a Gitea. Names carry a number, so that many fit on one.
func fixture(t *testing.T, g giteatest.World, n int64) *resolvertest.Fixture {
	named := func(name string) string { return fmt.Sprintf("%s%d", name, n) }
	ada, bob, eve := named("Ada"), named("bob"), named("eve")
	adaID, adaToken := g.AddUser(ada)
	g.AddUser(bob)
	eveID, eveToken := g.AddUser(eve)
	group := func(name, visibility string) resolvertest.Named {
		return resolvertest.Named{ID: g.AddOrganization(name, visibility), Path: name}
	}
	project := func(path string, private bool) resolvertest.Named {
		return resolvertest.Named{ID: g.AddRepository(path, private), Path: path}
	}
	top, out, friends := named("Top-Org"), named("out"), named("friends")
	clk := &clock{}
	fx := &resolvertest.Fixture{
		Session: session(adaID, ada, adaToken), Stranger: session(eveID, eve, eveToken),
		Group: group(top, "private"), OutsideGroup: group(out, "limited"), UserIsGroup: true,
		Inherited: project(top+"/My.Project", true), Outside: project(out+"/payroll", true),
		Public: project(bob+"/library", false), Hidden: project(bob+"/diary", true), Personal: project(ada+"/notes", true),
		Redirects: true, Now: clk.now, Advance: clk.advance, TTL: 30 * time.Second, Burst: testBurst,
	}
	group(friends, "public")
	fx.Invited = project(friends+"/shared", true)
	g.AddTeam(top, "developers", "write", ada, "My.Project")
	g.AddTeam(friends, "readers", "read", ada, "shared")
	g.AddCollaborator(fx.Outside.Path, ada, "write")
	fx.Rename = func(p resolvertest.Named, segment string) string {
		g.Rename(p.Path, segment)
		return p.Path[:strings.LastIndexByte(p.Path, '/')+1] + segment
	}
	fx.Create = func(path string) resolvertest.Named {
		p := project(path, true)
		g.AddCollaborator(path, ada, "admin")
		return p
	}
	fx.Leave = func() { g.RemoveCollaborator(fx.Outside.Path, ada) }
	fx.Refuse = func() { g.Revoke(ada, adaToken) }
	faults := resolvertest.NewFaults(t, g.URL())
	faults.Into(fx)
	fx.Resolver = newResolver(t, faults.URL, clk)
	return fx
}

// TestConformance runs on the real Gitea where there is one, and else on the stand-in, which must then answer as it does.
func TestConformance(t *testing.T) {
	if os.Getenv(giteatest.ProgramVariable) == "" {
		t.Log("on the stand-in; for the real one " + giteatest.How)
		resolvertest.Run(t, func(t *testing.T) *resolvertest.Fixture { return fixture(t, giteatest.NewStandIn(t), 1) })
		return
	}
	g := giteatest.Start(t)
	var worlds atomic.Int64
	resolvertest.Run(t, func(t *testing.T) *resolvertest.Fixture { return fixture(t, g, worlds.Add(1)) })
}
