package proxy

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/valyala/fasthttp"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"

	"patgate/forge"
	"patgate/policy"
	"patgate/routes"
	"patgate/routes/graphql"
	"patgate/routes/load"
	"patgate/token"
)

// willingResolver knows whatever a document names.
type willingResolver struct{ plainResolver }

func (willingResolver) Known(_ *token.Session, ref routes.Reference, _ time.Duration, _ time.Time) *policy.Container {
	c := granted
	if ref.Kind == routes.RefGroup || ref.Kind == routes.RefNamespace && ref.ID != 0 {
		c = above
	}
	if ref.ID == 0 {
		c.Path = string(ref.Path)
	}
	return &c
}

func (r willingResolver) Resolve(_ context.Context, s *token.Session, ref routes.Reference,
	maxAge time.Duration) (policy.Container, error) {
	return *r.Known(s, ref, maxAge, time.Time{}), nil
}

func (willingResolver) Lookup(context.Context, *token.Session, *routes.Route, *routes.Operation) (forge.LookupResult, error) {
	return forge.LookupResult{Found: true, Projects: []int64{granted.ID}}, nil
}

// sentDocument is one of those that clients send.
type sentDocument struct {
	query string
	body  [8][]byte // the request, as if nobody had sent it before: with other blanks behind the document
}

// sentDocuments gives those of the corpus that can be allowed, and scopes for all that they do.
func sentDocuments(t testing.TB, table *routes.Table) (docs []sentDocument, scopes []policy.ScopeSpec) {
	t.Helper()
	files, err := filepath.Glob("../routes/graphql/testdata/corpus/*.json")
	if err != nil {
		t.Fatal(err)
	}
	needed := map[string]map[string]bool{}
	for _, file := range files {
		var corpus []struct {
			Query, Want string
			Variables   map[string]any
		}
		data, err := os.ReadFile(file)
		if err == nil {
			err = json.Unmarshal(data, &corpus)
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range corpus {
			if c.Want != "allowed" {
				continue
			}
			doc := sentDocument{query: c.Query}
			for i := range doc.body {
				query := c.Query + strings.Repeat(" ", i)
				if doc.body[i], err = json.Marshal(map[string]any{"query": query, "variables": c.Variables}); err != nil {
					t.Fatal(err)
				}
			}
			request, err := graphql.ParseRequest(doc.body[0])
			if err != nil {
				t.Fatal(err)
			}
			read, err := graphql.Of(table).Read(request)
			if err != nil {
				t.Fatal(err)
			}
			docs = append(docs, doc)
			for _, a := range read.Acts {
				for _, boundary := range a.Row.Boundaries {
					access := "all_memberships"
					if !boundary.InContainer() {
						access = boundary.String()
					}
					for _, name := range table.Catalogue().Names(a.Row.Needs) {
						if needed[access] == nil {
							needed[access] = map[string]bool{}
						}
						needed[access][name] = true
					}
				}
			}
		}
	}
	for access, names := range needed {
		scopes = append(scopes, policy.ScopeSpec{Access: access, Permissions: slices.Sorted(maps.Keys(names))})
	}
	return docs, scopes
}

// BenchmarkDocuments is everything that patgate does with what clients send, between the HTTP parser and the upstream connection: with
// a document for the first time, and again. CPU is that of the process, the collector's with it; beside it stands how often the
// parser alone would have read the same documents meanwhile.
func BenchmarkDocuments(b *testing.B) {
	table, err := load.GitLab()
	if err != nil {
		b.Fatal(err)
	}
	docs, scopes := sentDocuments(b, table)
	g := newGateway(b, mustNotBeCalled(b), func(o *Options) {
		o.Table = func() *routes.Table { return table }
		o.Audit, o.Resolver = noSink{}, willingResolver{}
	})
	g.table = table
	key := g.mint(b, nil, scopes...)
	ctx := newRequest(b, request("POST", "/api/graphql", "", "PRIVATE-TOKEN: "+key, "Content-Type: application/json", "Accept: */*"))
	docs = slices.DeleteFunc(docs, func(d sentDocument) bool { return g.decide(ctx, d.body[0]) != nil })
	if len(docs) < 180 {
		b.Fatalf("only %d documents are allowed", len(docs)) // the others have the forge find a group where a project is meant
	}
	var parsing float64
	for _, c := range []struct {
		name string
		do   func(i int)
	}{
		{"parser alone", func(i int) {
			if _, err := parser.ParseQueryWithTokenLimit(&ast.Source{Input: docs[i%len(docs)].query}, graphql.MaxTokens); err != nil {
				return // of what client-go sends with nothing between parentheses
			}
		}},
		{"first", func(i int) { decided(b, g.decide(ctx, docs[i%len(docs)].body[i/len(docs)%8])) }},
		{"again", func(i int) { decided(b, g.decide(ctx, docs[i/64%len(docs)].body[0])) }},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			n, began := 0, cpuTime(b)
			for ; b.Loop(); n++ {
				c.do(n)
			}
			took := float64(cpuTime(b)-began) / float64(n)
			if parsing == 0 {
				parsing = took
			}
			b.ReportMetric(took/1000, "CPU-us/op")
			b.ReportMetric(took/parsing, "x-parser")
		})
	}
}

// decide has a document decided and written anew.
func (g *gateway) decide(ctx *fasthttp.RequestCtx, body []byte) error {
	x := g.handler.acquire(ctx)
	defer x.release()
	x.body.Open(&g.handler.bodies, bytes.NewReader(body), len(body))
	if r := x.read(); r != nil {
		return r
	}
	if err := x.identify(); err != nil {
		return err
	}
	if err := x.judgement.Judge(&x.request, &x.body); err != nil {
		return err
	}
	return x.h.rebuild(&x.request, &x.body, &x.judgement, &x.sending)
}

func decided(b *testing.B, err error) {
	if err != nil {
		b.Fatal(err)
	}
}

func cpuTime(t testing.TB) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
