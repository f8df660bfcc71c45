package observe

import (
	"errors"
	"io"
	"strings"
	"testing"

	"patgate/proxy/header"
	"patgate/proxy/surface"
)

// ask makes a request with a header block and a target.
func ask(t *testing.T, target, block string) *surface.Request {
	t.Helper()
	q := &surface.Request{Dialect: surface.DialectOf(""), Upstream: &surface.Upstream{}, Target: []byte(target),
		Path: header.Before([]byte(target), '?'), Method: "GET"}
	q.Fields.Table, q.Credential.Dialect = q.Dialect.Fields, q.Dialect
	if problem := q.Fields.Parse([]byte(block + "\r\n")); problem != "" {
		t.Fatal(problem)
	}
	if refusal := q.Credential.Find(&q.Fields, q.Target); refusal != nil {
		t.Fatal(refusal)
	}
	return q
}

func TestOneCredentialIsObserved(t *testing.T) {
	basic := func(text string) string { return "Authorization: Basic " + text + "\r\n" }
	for _, c := range []struct{ name, target, block, secret, left string }{
		{"a header", "/api/v4/user?a=b", "PRIVATE-TOKEN: glpat-one\r\n", "glpat-one", "/api/v4/user?a=b"},
		{"Bearer", "/api/v4/user", "Authorization: Bearer glpat-one\r\n", "glpat-one", "/api/v4/user"},
		{"Basic", "/a/b.git/info/refs", basic("Y2k6Z2xwYXQtb25l"), "glpat-one", "/a/b.git/info/refs"},
		{"the query", "/api/v4/user?a=b&private_token=glpat-one&c=d", "", "glpat-one", "/api/v4/user?a=b&c=d"},
		{"the query alone", "/api/v4/user?access_token=glpat-one", "", "glpat-one", "/api/v4/user?"},
		{"none", "/api/v4/user", "", "", ""},
		{"two", "/api/v4/user?private_token=glpat-one", "PRIVATE-TOKEN: glpat-two\r\n", "", ""},
		{"two headers", "/api/v4/user", "PRIVATE-TOKEN: glpat-one\r\nAuthorization: Bearer glpat-one\r\n", "", ""},
		{"two in the query", "/api/v4/user?private_token=a&private_token=b", "", "", ""},
		{"an encoded one", "/api/v4/user?private_token=%61", "", "", ""},
		{"a job's", "/api/v4/user", "JOB-TOKEN: glcbt-one\r\n", "", ""},
		{"a job's as a password", "/a/b.git/info/refs", basic("Z2l0bGFiLWNpLXRva2VuOm9uZQ=="), "", ""},
		{"a deploy token", "/a/b.git/info/refs", basic("Y2k6Z2xkdC1vbmU="), "", ""},
		{"a feed's", "/a/b.atom?feed_token=glft-one", "", "", ""},
		{"a signed one", "/v2/", "Authorization: Bearer eyJhbGciOiJub25lIn0.eyJhIjoxfQ.c2ln\r\n", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := (&Observer{}).Begin(ask(t, c.target, c.block))
			switch {
			case c.secret == "":
				if r != nil {
					t.Errorf("%s", r.target)
				}
			case r == nil:
				t.Error("it is not observed")
			case r.credential.Reveal() != c.secret || string(r.target) != c.left:
				t.Errorf("%q at %s", r.credential.Reveal(), r.target)
			}
		})
	}
}

// What is kept of bodies is bounded, each and all together, and what is cut off is told from what is whole.
func TestBodiesAreBounded(t *testing.T) {
	o := &Observer{}
	begin := func() *Request { return o.Begin(ask(t, "/api/v4/user", "PRIVATE-TOKEN: glpat-one\r\n")) }
	pass := func(r *Request, n int) {
		if passed, err := io.Copy(io.Discard, r.Passing(strings.NewReader(strings.Repeat("x", n)))); err != nil || passed != int64(n) {
			t.Fatal(passed, err)
		}
	}
	short, long := begin(), begin()
	pass(short, 100)
	pass(long, mostBody+1)
	if text, err := io.ReadAll(short.body.reader()); err != nil || len(text) != 100 {
		t.Errorf("%d, %v", len(text), err)
	}
	if text, err := io.ReadAll(long.body.reader()); !errors.Is(err, errCutOff) || len(text) != mostBody {
		t.Errorf("%d, %v", len(text), err)
	}
	var all []*Request
	for range mostBodies/mostBody + 10 {
		r := begin()
		pass(r, mostBody)
		all = append(all, r)
	}
	if kept := o.bodies.Load(); kept > mostBodies {
		t.Errorf("%d bytes are kept", kept)
	}
	if last := all[len(all)-1]; !last.body.cut {
		t.Error("the last is whole")
	}
	for _, r := range append(all, short, long) {
		r.Drop()
		r.Drop()
	}
	if kept := o.bodies.Load(); kept != 0 {
		t.Errorf("%d bytes are left", kept)
	}
}

func TestOnlyGoodAnswersAreUses(t *testing.T) {
	for _, c := range []struct {
		status   int
		location string
		used     bool
	}{{200, "", true}, {204, "", true}, {304, "", true}, {302, "https://storage.example.com/x", true},
		{302, "https://gitlab.example.com/users/sign_in?a=b", false}, {303, "/user/login", false}, {401, "", false}, {403, "", false},
		{404, "", false}, {500, "", false}, {101, "", false}} {
		o := &Observer{queue: make(chan *Request, 1)}
		o.Begin(ask(t, "/api/v4/user", "PRIVATE-TOKEN: glpat-one\r\n")).Answered(c.status, []byte(c.location))
		if used := len(o.queue) == 1; used != c.used {
			t.Errorf("%d %s is a use: %t", c.status, c.location, used)
		}
	}
	// A full queue takes nothing, and nobody waits.
	o := &Observer{queue: make(chan *Request)}
	o.Begin(ask(t, "/api/v4/user", "PRIVATE-TOKEN: glpat-one\r\n")).Answered(200, nil)
	if o.Lost()["queue"] != 1 {
		t.Error(o.Lost())
	}
}
