package proxy

import (
	"strings"
	"sync/atomic"
	"testing"

	"patgate/routes"
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
