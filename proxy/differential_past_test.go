package proxy

import (
	"bytes"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"testing"

	"patgate/routes"
	"patgate/routes/load"
)

// pastCase is a request on which patgate and the forge once disagreed.
type pastCase struct {
	name, pair string // the pair as in the corpus
	path       string // behind /api/v4
	query      []string
	kind, body string
	passes     bool
}

var pastCases = []pastCase{
	{name: "a username where the forge's router takes digits", pair: "POST /users/:id/deactivate", path: "/users/agent_workflows/deactivate"},
	{name: "the same by id", pair: "POST /users/:id/deactivate", path: "/users/17/deactivate", passes: true},
	{name: "a suffix behind a name that must end in .gemspec.rz", pair: "GET /projects/:id/packages/rubygems/quick/Marshal.4.8/:file_name",
		path: "/projects/17/packages/rubygems/quick/Marshal.4.8/alpha.gemspec.rz.json"},
	{name: "a distribution with an underscore", pair: "GET /projects/:id/packages/debian/pool/:distribution/:letter/:package_name/:package_version/:file_name",
		path: "/projects/17/packages/debian/pool/repository_storage_moves/a/alpha/alpha/alpha"},
	{name: "a project's path with a dot, on a row that answers anybody", pair: `GET /projects/:project_id/packages/nuget/v2/Packages\(\)`,
		path: "/projects/g%2Fmy%2Eproj/packages/nuget/v2/Packages()"},
	{name: "a declared format behind a splat over several segments", pair: "GET /groups/:id/-/packages/nuget/metadata/*package_name/*package_version",
		path: "/groups/17/-/packages/nuget/metadata/first/alpha/first/alpha.json", passes: true},
	{name: "the same of a Composer package", pair: "GET /group/:id/-/packages/composer/p2/*package_name",
		path: "/group/17/-/packages/composer/p2/first/alpha.json", passes: true},
	{name: "the same with an encoded dot", pair: "GET /group/:id/-/packages/composer/p2/*package_name",
		path: "/group/17/-/packages/composer/p2/first/alpha%2Ejson"},
	{name: "a declared format behind a splat", pair: "GET /groups/:id/-/packages/nuget/metadata/*package_name/*package_version",
		path: "/groups/17/-/packages/nuget/metadata/alpha/1.0.json", passes: true},
	{name: "a text that Ruby's JSON reader makes of an object", pair: "PUT /topics/:id", path: "/topics/17", kind: "application/json",
		body: `{"title":{"json_class":"String","raw":[47,109,101,114,103,101]}}`},
	{name: "a container in a parameter that is sent by its path", pair: "POST /markdown", path: "/markdown", query: []string{"project=other.group%2Fother.proj"}, passes: true},
	{name: "the path's own container again, on a row that answers anybody", pair: "GET /projects/:id/packages/nuget/index",
		path: "/projects/some.group%2Fsome.proj/packages/nuget/index", query: []string{"id=some.group%2Fsome.proj"}, passes: true},
	{name: "an id beside a container's path, on a row that answers anybody", pair: "GET /projects/:id/packages/nuget/index",
		path: "/projects/some.group%2Fsome.proj/packages/nuget/index", query: []string{"id=5"}},
	{name: "a form that is what libraries send as JSON with every request", pair: "DELETE /groups/:id/push_rule",
		path: "/groups/17/push_rule", kind: "application/x-www-form-urlencoded", body: "null", passes: true},
	{name: "a parameter called as what is removed from the answer", pair: "GET /projects/:id/triggers/:trigger_id",
		path: "/projects/17/triggers/17", query: []string{"platform_kubernetes_attributes%5Btoken%5D="}, passes: true},
}

func (p pastCase) spec(t *testing.T, c *corpus) *spec {
	t.Helper()
	i := slices.IndexFunc(c.pairs, func(one *corpusPair) bool { return one.name == p.pair })
	if i < 0 {
		t.Fatalf("the corpus has no %s", p.pair)
	}
	return &spec{pair: c.pairs[i], method: c.pairs[i].method, path: c.table.Base() + p.path, query: p.query, place: routes.AuthPrivateToken,
		contentType: p.kind, body: []byte(p.body)}
}

func pastDisagreements(t *testing.T, c *corpus, g *worldGateway, forge *grape) {
	for _, p := range pastCases {
		t.Run(p.name, func(t *testing.T) {
			tr := newTrial(c, g, forge)
			tr.send(p.spec(t, c))
			tr.report(t)
			if passed := tr.forwarded == 1; passed != p.passes {
				t.Errorf("forwarded: %v, want %v: %v %v", passed, p.passes, tr.reasons, tr.why)
			}
		})
	}
}

// send sends the specs over one connection.
func (t *trial) send(all ...*spec) {
	i := -1
	t.run(1, func(int) func() *spec {
		return func() *spec {
			if i++; i < len(all) {
				return all[i]
			}
			return nil
		}
	})
}

// plantedSample is the step between the pairs of the corpus that are sent through a gateway with a planted fault.
const plantedSample = 25

// plantedDisagreements shows that each kind of fault is reported.
func plantedDisagreements(t *testing.T, c *corpus, forge *grape) {
	sample := *c
	sample.pairs = nil
	for i := 0; i < len(c.pairs); i += plantedSample {
		sample.pairs = append(sample.pairs, c.pairs[i])
	}
	found := func(t *testing.T, tr *trial) {
		t.Helper()
		if len(tr.disagreements) == 0 {
			t.Errorf("nothing was reported in %d requests, %d of them forwarded", tr.requests, tr.forwarded)
		}
	}
	t.Run("another id than the one that was checked", func(t *testing.T) {
		tr := newTrial(&sample, newWorldGateway(t, c.table, world{skew: 1}, forge.origin), forge)
		tr.baseRequests(trialConnections, 1)
		found(t, tr)
	})
	t.Run("the raw target is forwarded", func(t *testing.T) {
		tr := newTrial(&sample, newWorldGateway(t, c.table, world{}, rawTarget(t, forge)), forge)
		var all []*spec
		for _, p := range sample.pairs {
			s := (&pastCase{pair: p.name}).spec(t, c)
			s.path = p.paths[len(p.paths)-1]
			s.headers = []string{"User-Agent: " + base64.StdEncoding.EncodeToString([]byte(s.target()))}
			all = append(all, s)
		}
		tr.send(all...)
		found(t, tr)
	})
	t.Run("a row that takes more than the forge's route", func(t *testing.T) {
		files := routes.GitLabFiles()
		for i := range files {
			files[i].Data = bytes.ReplaceAll(files[i].Data, []byte("{user: numeric_user}"), []byte("{user}"))
		}
		table, problems := load.Table(load.Options{Table: files})
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		tr := newTrial(c, newWorldGateway(t, table, world{}, forge.origin), forge)
		tr.send(pastCases[0].spec(t, c))
		found(t, tr)
	})
}

// rawTarget is a proxy in front of the stand-in that sends on the client's own target, which stands in User-Agent.
func rawTarget(t *testing.T, forge *grape) string {
	t.Helper()
	to, err := url.Parse(forge.origin)
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		if raw, err := base64.StdEncoding.DecodeString(r.In.UserAgent()); err == nil {
			r.Out.URL = &url.URL{Scheme: to.Scheme, Host: to.Host, Opaque: string(raw)}
		}
		r.Out.Header["X-Forwarded-For"] = r.In.Header["X-Forwarded-For"]
	}}
	s := httptest.NewServer(http.HandlerFunc(proxy.ServeHTTP))
	t.Cleanup(s.Close)
	return s.URL
}
