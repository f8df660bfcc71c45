package proxy

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"patgate/policy"
	"patgate/proxy/surface"
	"patgate/routes"
	"patgate/routes/load"
)

// A route table that is loaded while a token is looked up: the request is read anew under the new one, as the same request of the
// same client. Where a table is loaded each time, nothing passes.
func TestARequestIsReadAnewUnderANewTable(t *testing.T) {
	upstream := newEcho(t, nil)
	var tables atomic.Int64
	always := int64(0)
	g := newGateway(t, upstream.URL, func(o *Options) {
		first, table := o.Table(), loadTestTable(t)
		o.TrustedProxies, o.withoutLoops = prefixes("127.0.0.1/32"), true
		o.Table = func() *routes.Table {
			n := tables.Add(1)
			if n == 1 || n%2 == atomic.LoadInt64(&always) {
				return first
			}
			return table
		}
	})
	ask := func(status int) received {
		t.Helper()
		tables.Store(0)
		a := g.raw(t, request("POST", "/api/v4/projects/7/jobs/1/play", "", "X-Forwarded-For: 192.0.2.7", "Authorization: "+
			basic("x", g.token)))
		a.wants(t, status)
		return a
	}
	atomic.StoreInt64(&always, 2)
	ask(200)
	if n := tables.Load(); n != 3 {
		t.Errorf("the table was asked for %d times", n)
	}
	e := g.sink.last(t)
	if e.Client.String() != "192.0.2.7" || e.Route == nil || !strings.HasSuffix(e.Route.Path, "/play") {
		t.Errorf("the log has %v, %v", e.Client, e.Route)
	}
	atomic.StoreInt64(&always, 1)
	ask(503)
}

// What the first reading made of a target, or took out of it, does not stand in the way of the second.
func TestATargetIsReadAnewUnderANewTable(t *testing.T) {
	const module = "/api/v4/packages/terraform/modules/v1/acme/net/aws/1.0.0/file?archive=tgz"
	upstream := newEcho(t, nil)
	var tables atomic.Int64
	var both [2]*routes.Table
	for i := range both {
		table, err := load.GitLab()
		if err != nil {
			t.Fatal(err)
		}
		both[i] = table
	}
	g := newGateway(t, upstream.URL, func(o *Options) {
		o.Resolver, o.withoutLoops = giteaResolver{}, true
		o.Table = func() *routes.Table { return both[min(tables.Add(1)-1, 1)] }
	})
	g.table = both[1]
	secret := g.mint(t, nil, policy.ScopeSpec{Access: "selected_memberships", GroupIDs: []int64{3}, Permissions: []string{"read_package"}})
	q := &surface.Request{}
	q.Credential.Secret = []byte(secret)
	hash, err := q.TokenHash()
	if err != nil {
		t.Fatal(err)
	}
	ticket := g.handler.seals.Seal(surface.SealTicket, hash, time.Now().Add(time.Minute), "aaaa.bbbb.cccc")
	for name, request := range map[string]string{
		"a ticket":                    get(module + "&token=" + ticket),
		"a ticket, doubled slashes":   get("//" + module + "&token=" + ticket),
		"a token, doubled slashes":    get("//api//v4/projects/7/packages", "PRIVATE-TOKEN: "+secret),
		"a token, an absolute target": get("http://patgate.test//api/v4/projects/7/packages", "Authorization: "+basic("x", secret)),
	} {
		t.Run(name, func(t *testing.T) {
			tables.Store(0)
			g.raw(t, request).wants(t, 200)
			if n := tables.Load(); n != 3 {
				t.Errorf("the table was asked for %d times", n)
			}
			if got := upstream.last(t).target; strings.Contains(got, "//") || strings.Contains(got, ticket) {
				t.Errorf("the forge got %s", got)
			}
		})
	}
}
