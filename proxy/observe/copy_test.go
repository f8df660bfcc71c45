package observe

import (
	"errors"
	"io"
	"strings"
	"testing"

	"patgate/forge"
	"patgate/proxy/header"
	"patgate/proxy/surface"
	"patgate/routes"
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
	begin := func() *Copy { return o.Begin(ask(t, "/api/v4/user", "PRIVATE-TOKEN: glpat-one\r\n")) }
	pass := func(r *Copy, n int) {
		if passed, err := io.Copy(io.Discard, r.Passing(strings.NewReader(strings.Repeat("x", n)), -1)); err != nil || passed != int64(n) {
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
	var all []*Copy
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

// What the forge did not read of a body is not there: its answer came before.
func TestUnreadBodiesAreCut(t *testing.T) {
	for _, c := range []struct {
		name   string
		length int64
		read   int64
		cut    bool
	}{{"a length, and all is read", 100, 100, false}, {"a length, and some is", 100, 60, true}, {"no length, and all is", -1, 200, false},
		{"no length, and some is", -1, 60, true}, {"no length, and its end is not seen", -1, 100, true}} {
		t.Run(c.name, func(t *testing.T) {
			o := newQueue(1)
			r := o.Begin(ask(t, "/api/v4/user", "PRIVATE-TOKEN: glpat-one\r\n"))
			_, _ = io.CopyN(io.Discard, r.Passing(strings.NewReader(strings.Repeat("x", 100)), c.length), c.read)
			r.Answered(Outcome{Status: 201})
			if r.body.cut != c.cut {
				t.Errorf("it is cut: %t", r.body.cut)
			}
		})
	}
}

// newQueue makes an observer that has nobody look at its queue.
func newQueue(room int) *Observer {
	return &Observer{queue: make(chan *Copy, room), waiting: map[forge.Fingerprint]int{}}
}

func TestOnlyGoodAnswersAreUses(t *testing.T) {
	download, other := &routes.Route{Kind: routes.KindPermission, Redirects: true}, &routes.Route{Kind: routes.KindPermission}
	download.NeedSet.Add(1)
	other.NeedSet.Add(1)
	open := &routes.Route{Kind: routes.KindOpen}
	for _, c := range []struct {
		status int
		away   bool
		row    *routes.Route
		used   bool
	}{{200, false, other, true}, {204, false, other, true}, {304, false, other, true}, {200, false, nil, true}, {200, false, open, false},
		{302, true, download, true}, {307, true, download, true}, {302, false, download, false}, {302, true, other, false},
		{302, true, open, false}, {302, true, nil, false}, {301, false, other, false}, {401, false, other, false},
		{403, true, other, false}, {404, false, other, false}, {500, false, other, false}, {101, false, other, false}} {
		o := newQueue(1)
		r := o.Begin(ask(t, "/api/v4/user", "PRIVATE-TOKEN: glpat-one\r\n"))
		r.Answered(Outcome{Status: c.status, Away: c.away})
		if used := len(o.queue) == 1 && r.mayBeUse(c.row); used != c.used {
			t.Errorf("%+v is a use: %t", c, used)
		}
	}
	// A full queue takes nothing, and nobody waits.
	o := newQueue(0)
	o.Begin(ask(t, "/api/v4/user", "PRIVATE-TOKEN: glpat-one\r\n")).Answered(Outcome{Status: 200})
	if o.Lost()["queue"] != 1 {
		t.Error(o.Lost())
	}
}

// One busy credential leaves room for others.
func TestOneCredentialDoesNotFillTheQueue(t *testing.T) {
	o := newQueue(queued)
	busy, other := forge.Fingerprint{1, 1}, forge.Fingerprint{2, 1}
	come := func(of forge.Fingerprint) {
		o.Begin(ask(t, "/api/v4/user", "PRIVATE-TOKEN: glpat-one\r\n")).Answered(Outcome{Status: 200, Of: of})
	}
	for range queued {
		come(busy)
	}
	come(other)
	if lost := o.Lost()["queue"]; len(o.queue) != queuedOne+1 || lost != queued-queuedOne {
		t.Errorf("%d wait, %d are lost", len(o.queue), lost)
	}
	o.dequeued((<-o.queue).outcome.Of)
	come(busy)
	if len(o.queue) != queuedOne+1 {
		t.Errorf("%d wait after there was room", len(o.queue))
	}
	for len(o.queue) > 0 {
		o.dequeued((<-o.queue).outcome.Of)
	}
	if len(o.waiting) != 0 {
		t.Errorf("%v is kept of an empty queue", o.waiting)
	}
}

// proving is a surface on which good answers prove what they are told.
type proving struct {
	surface.Surface
	is bool
}

func (p proving) Proves(*surface.Request, *surface.Body) bool { return p.is }

func TestWhatProvesACredential(t *testing.T) {
	const form, json = "Content-Type: application/x-www-form-urlencoded\r\n", "Content-Type: application/json\r\n"
	const header, query = "/api/v4/user", "/api/v4/user?private_token=glpat-one"
	for _, c := range []struct {
		name, target, block, body string
		outcome                   Outcome
		surface                   surface.Surface
		proves                    bool
	}{
		{"a row that looks", header, "", "", Outcome{Status: 200}, proving{is: true}, true},
		{"one that does not", header, "", "", Outcome{Status: 200}, proving{}, false},
		{"a surface without such rows", header, "", "", Outcome{Status: 200}, nil, false},
		{"it was accepted before", header, "", "", Outcome{Status: 200, Accepted: true}, nil, true},
		{"nothing was changed since", header, "", "", Outcome{Status: 304}, proving{is: true}, false},
		{"a redirect", header, "", "", Outcome{Status: 302, Away: true}, proving{is: true}, false},
		{"the query", query, "", "", Outcome{Status: 200}, proving{is: true}, true},
		{"a form", header, form, "body=x", Outcome{Status: 201}, proving{is: true}, true},
		{"JSON", header, json, `{"body":"x"}`, Outcome{Status: 201}, proving{is: true}, true},
		{"a form with another", header, form, "private_token=x", Outcome{Status: 201}, proving{is: true}, false},
		{"JSON with another", header, json, `{"private_token":"x"}`, Outcome{Status: 201}, proving{is: true}, false},
		{"what may have another", header, json, "{", Outcome{Status: 201}, proving{is: true}, false},
		{"what was not kept", header, form, strings.Repeat("x", mostBody+1), Outcome{Status: 201}, proving{is: true}, false},
		{"what is packed", header, form + "Content-Encoding: gzip\r\n", "x", Outcome{Status: 201}, proving{is: true}, false},
		{"a file", header, "Content-Type: application/octet-stream\r\n", strings.Repeat("x", mostBody+1), Outcome{Status: 201},
			proving{is: true}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.target == header {
				c.block += "PRIVATE-TOKEN: glpat-one\r\n"
			}
			q := ask(t, c.target, c.block)
			r := newQueue(1).Begin(q)
			if c.body != "" {
				r.Whole([]byte(c.body))
			}
			r.Answered(c.outcome)
			if q.Surface = c.surface; r.proves(q) != c.proves {
				t.Errorf("it proves: %t", !c.proves)
			}
		})
	}
}
