package graphql

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"patgate/routes/graphql"
	"patgate/routes/load"
)

func newRecent(t *testing.T) *recent {
	t.Helper()
	table, err := load.GitLab()
	if err != nil {
		t.Fatal(err)
	}
	return new(Surface).recently(graphql.Of(table))
}

// kept counts the documents that are kept.
func (r *recent) kept() (n int) {
	for i := range r.slots {
		if r.slots[i].Load() != nil {
			n++
		}
	}
	return n
}

// alike tells whether two readings of one request came to the same.
func alike(a, b *graphql.Document, errA, errB error) bool {
	if errA != nil || errB != nil {
		var first, second *graphql.Refusal
		return errors.As(errA, &first) && errors.As(errB, &second) && reflect.DeepEqual(first, second)
	}
	return bytes.Equal(a.Body, b.Body) && reflect.DeepEqual(a.Acts, b.Acts) && reflect.DeepEqual(a.Texts, b.Texts) &&
		a.Mutates == b.Mutates && a.Introspects == b.Introspects
}

const twoOperations = `query A($p: ID!, $deep: Boolean = false) { project(fullPath: $p) { ...P } }
	query B($p: ID!) { group(fullPath: $p) { name } }
	fragment P on Project { name issues @include(if: $deep) { nodes { title } } }`

// TestADocumentIsReadAgain: of a document that was read before, the request's own values and operation count, and nothing of the
// request before.
func TestADocumentIsReadAgain(t *testing.T) {
	kept := newRecent(t)
	text := func(s string) jsontext.Value { return jsontext.Value(`"` + s + `"`) }
	requests := []graphql.Request{
		{Query: twoOperations, Operation: "A", Variables: map[string]jsontext.Value{"p": text("a/one")}},
		{Query: twoOperations, Operation: "A", Variables: map[string]jsontext.Value{"p": text("a/two"), "deep": jsontext.Value("true")}},
		{Query: twoOperations, Operation: "A"},
		{Query: twoOperations, Operation: "B", Variables: map[string]jsontext.Value{"p": text("a")}},
		{Query: twoOperations},
		{Query: twoOperations, Operation: "C"},
		{Query: twoOperations, Operation: "A", Variables: map[string]jsontext.Value{"p": jsontext.Value("[]")}},
		{Query: strings.Replace(twoOperations, "name issues", "nameFullPath: fullPath issues", 1), Operation: "A",
			Variables: map[string]jsontext.Value{"p": text("a/one")}},
		{Query: `{project(fullPath:"a/one"){runnersToken}}`},
	}
	for round := range 3 {
		for i := range requests {
			want, wantErr := kept.reader.Read(&requests[i])
			if got, err := kept.read(&requests[i]); !alike(want, got, wantErr, err) {
				t.Errorf("round %d, request %d: %v %v, and without what was before %v %v", round, i, got, err, want, wantErr)
			}
		}
	}
}

// TestManyReadOneDocument has the same document read by many at once, each with a project of its own.
func TestManyReadOneDocument(t *testing.T) {
	r := newRecent(t)
	var all sync.WaitGroup
	for worker := range 8 {
		all.Go(func() {
			for i := range 50 {
				path := fmt.Sprintf("group%d/project%d", worker, i)
				d, err := r.read(&graphql.Request{Query: twoOperations, Operation: "A",
					Variables: map[string]jsontext.Value{"p": jsontext.Value(`"` + path + `"`)}})
				if err != nil || d.Acts[0].Reference.Path != path || !bytes.Contains(d.Body, []byte(`"p":"`+path+`"`)) {
					t.Errorf("%s: %v %+v", path, err, d)
					return
				}
			}
		})
	}
	all.Wait()
}

// TestWhatIsKeptOfDocuments: nothing of what is refused or large, and few of the rest.
func TestWhatIsKeptOfDocuments(t *testing.T) {
	r := newRecent(t)
	var aliases strings.Builder
	for i := range 90 {
		fmt.Fprintf(&aliases, "a%d:", i)
		aliases.WriteString("issues{nodes{title description state webUrl}}")
	}
	for query, refused := range map[string]bool{
		`{project(fullPath:"a/b"){runnersToken}}`:                      true,
		`{project(fullPath:"a/b"){name`:                                true,
		`{project(fullPath:"a/b"){` + aliases.String() + `}}`:          false,
		`{project(fullPath:"a/b"){name}}#` + strings.Repeat("x", 4096): false,
	} {
		if _, err := r.read(&graphql.Request{Query: query}); (err != nil) != refused || r.kept() != 0 {
			t.Errorf("%.60s: %v, %d kept", query, err, r.kept())
		}
	}
	for i := range 2000 {
		if _, err := r.read(&graphql.Request{Query: fmt.Sprintf(`{project(fullPath:"a/b%d"){name}}`, i)}); err != nil {
			t.Fatal(err)
		}
	}
	if n := r.kept(); n < 32 || n > 64 {
		t.Errorf("%d documents are kept of 2,000", n)
	}
}

// TestFloods: documents that are refused take no memory once they are answered, whatever they are refused for, and those that are
// accepted no more than there are places.
func TestFloods(t *testing.T) {
	r := newRecent(t)
	heap := func() int64 {
		runtime.GC()
		runtime.GC() // what pools keep goes with the second
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	const each = 1500
	long := strings.Repeat("x", 3<<10)
	for _, c := range []struct {
		name, query string
		refused     bool
		bound       int64
	}{
		{"no document", `{project(fullPath:"a/%d"){name "` + long, true, 1 << 20},
		{"an unknown field", `{project(fullPath:"a/%d"){name x` + long + `}}`, true, 1 << 20},
		{"what nobody gets", `{project(fullPath:"a/%d"){trackingKey}}#` + long, true, 1 << 20},
		{"a bad reference", `query($p:ID!="` + long + `"){project(fullPath:"%d"){name}}`, true, 1 << 20},
		{"a fragment within itself", `{project(fullPath:"a/%d"){...F}} fragment F on Project{...F}#` + long, true, 1 << 20},
		{"too many fields", `{project(fullPath:"a/%d"){` + strings.Repeat("a:name ", 101) + `}}#` + long, true, 1 << 20},
		{"accepted ones", `{project(fullPath:"a/b%d"){` + strings.Repeat("name ", 600) + `}}`, false, 64 * 300 << 10},
	} {
		before := heap()
		for i := range each {
			if _, err := r.read(&graphql.Request{Query: fmt.Sprintf(c.query, i)}); (err != nil) != c.refused {
				t.Fatalf("%s: %v", c.name, err)
			}
		}
		if grown := heap() - before; grown > c.bound {
			t.Errorf("%s: %d of them leave %d bytes", c.name, each, grown)
		}
		if c.refused && r.kept() != 0 {
			t.Errorf("%s: %d are kept", c.name, r.kept())
		}
	}
	runtime.KeepAlive(r)
}

// TestAnotherTable: nothing is kept of the documents that a table before read.
func TestAnotherTable(t *testing.T) {
	var s Surface
	request := &graphql.Request{Query: `{project(fullPath:"a/b"){name}}`}
	for range 2 {
		table, err := load.GitLab()
		if err != nil {
			t.Fatal(err)
		}
		r := s.recently(graphql.Of(table))
		if r.kept() != 0 {
			t.Fatal("something is kept before anything was read")
		}
		if _, err := r.read(request); err != nil || r.kept() != 1 || s.recently(graphql.Of(table)) != r {
			t.Fatalf("%v, %d kept", err, r.kept())
		}
	}
}
