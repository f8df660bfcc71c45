package proxy

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"patgate/proxy/surface"
	"patgate/proxy/surface/graphql"
	"patgate/proxy/surface/unsupported"
	"patgate/routes"
)

// corpus is every REST route of the forge with concrete requests for it, and what connects the forge's names with the
// table's.
type corpus struct {
	table    *routes.Table
	pairs    []*corpusPair
	rows     map[string]*corpusRow // by METHOD PATH of the table's row
	literals []string              // path segments of all routes
}

// corpusPair is one method and path of routes/testdata/gitlab-rest.tsv.
type corpusPair struct {
	name   string // as the forge names it: "GET /projects/:id/jobs"
	method string
	paths  []string // concrete, below the API's base
	row    *routes.Route
	// passes: a well-formed request must reach the forge.
	passes bool
}

// corpusRow connects a row with the forge's routes.
type corpusRow struct {
	names    map[string]bool   // of the forge: a HEAD route of its own is the row of its GET
	captures map[string]string // the forge's name of a capture by the row's
	splat    string            // the forge's name of a splat at the end that loses a suffix to the format
}

// forgeRoutes is how many pairs the reference has, besides the catch-all.
const forgeRoutes = 2134

var (
	forgeOptional = regexp.MustCompile(`\(([^()]*)\)`)
	forgeCapture  = regexp.MustCompile(`[:*][a-z_0-9]+`)
	rowCapture    = regexp.MustCompile(`\{\*?([a-z_0-9]+)[^}]*\}`)
)

func newCorpus(t testing.TB, table *routes.Table) *corpus {
	t.Helper()
	c := &corpus{table: table, rows: map[string]*corpusRow{}}
	requirements := map[string]map[string]string{}
	formats := map[string]string{}
	for _, line := range readTable(t, "../routes/testdata/gitlab-route-order.tsv") {
		var captures map[string]string
		if err := json.Unmarshal([]byte(line[3]), &captures); err != nil {
			t.Fatalf("%v: %v", line, err)
		}
		if name := line[1] + " " + line[2]; requirements[name] == nil {
			requirements[name], formats[name] = captures, line[4]
		}
	}
	seen := map[string]bool{}
	words := map[string]bool{}
	for _, line := range readTable(t, "../routes/testdata/gitlab-rest.tsv") {
		method, path := line[5], line[6]
		name := method + " " + path
		if seen[name] || method == "*" {
			continue
		}
		seen[name] = true
		p := &corpusPair{name: name, method: method}
		for _, form := range []struct {
			optional, named bool
			splat           string
		}{{optional: true}, {optional: true, splat: "first/"}, {}, {optional: true, named: true}} {
			full := concretePath(t, name, path, requirements[name], form.optional, form.named, form.splat)
			if !strings.HasPrefix(full, "/api/") {
				full = table.Base() + full
			}
			if !slices.Contains(p.paths, full) {
				p.paths = append(p.paths, full)
			}
		}
		for _, word := range strings.Split(path, "/") {
			if word != "" && !strings.ContainsAny(word, ":*()") {
				words[word] = true
			}
		}
		c.pairs = append(c.pairs, p)
		c.connect(t, p, formats[name])
	}
	for word := range words {
		c.literals = append(c.literals, word)
	}
	slices.Sort(c.literals)
	if len(c.pairs) != forgeRoutes {
		t.Fatalf("%d routes of the forge were read, want %d", len(c.pairs), forgeRoutes)
	}
	return c
}

// connect finds the row of a pair and notes which capture is which: both name them in path order.
func (c *corpus) connect(t testing.TB, p *corpusPair, formats string) {
	var op routes.Operation
	if err := c.table.Classify(&op, p.method, []byte(p.paths[0])); err != nil {
		t.Fatalf("%s: %s is refused: %v", p.name, p.paths[0], err)
	}
	r := op.Route
	p.row = r
	permission := r.Kind == routes.KindPermission && len(r.Needs) > 0 && len(r.Boundaries) > 0 && !r.Withheld() && r.Issues == ""
	ticketed := slices.Contains(r.Auth, routes.AuthTicket)
	path, base := []byte(p.paths[0]), c.table.Base()
	supported := !unsupported.MCP(surface.Words{}).Has(path, base) && !(&graphql.Surface{}).Has(path, base)
	p.passes = r.Refused == "" && !ticketed && supported && (permission || r.Kind == routes.KindOpen)
	key := r.Method + " " + r.Path
	if c.rows[key] == nil {
		_, forgePath, _ := strings.Cut(p.name, " ")
		theirs := forgeCapture.FindAllString(forgePath, -1)
		ours := rowCapture.FindAllStringSubmatch(r.Path, -1)
		if len(ours) != len(theirs) {
			t.Fatalf("%s has %d captures, row %s has %d", p.name, len(theirs), key, len(ours))
		}
		row := &corpusRow{names: map[string]bool{}, captures: map[string]string{}}
		for i := range ours {
			row.captures[ours[i][1]] = theirs[i][1:]
		}
		if n := len(theirs); formats == "" && n > 0 && strings.HasSuffix(forgePath, "/"+theirs[n-1]) && theirs[n-1][0] == '*' {
			row.splat = theirs[n-1][1:]
		}
		c.rows[key] = row
	}
	c.rows[key].names[p.name] = true
}

func readTable(t testing.TB, name string) [][]string {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var out [][]string
	s := bufio.NewScanner(f)
	s.Buffer(nil, 1<<20)
	for s.Scan() {
		if !strings.HasPrefix(s.Text(), "#") {
			out = append(out, strings.Split(s.Text(), "\t"))
		}
	}
	if err := s.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

// concretePath fills the forge's notation with values that its requirements take.
func concretePath(t testing.TB, name, path string, requirements map[string]string, optional, named bool, splat string) string {
	s := strings.NewReplacer(`\(`, "\x01", `\)`, "\x02").Replace(path)
	if optional {
		s = forgeOptional.ReplaceAllString(s, "$1")
	} else {
		s = forgeOptional.ReplaceAllString(s, "")
	}
	s = forgeCapture.ReplaceAllStringFunc(s, func(capture string) string {
		value := concreteValue(t, name, capture[1:], requirements[capture[1:]], named)
		if capture[0] == '*' && (strings.HasSuffix(s, "/"+capture) || strings.Contains(s, "/"+capture+"/")) {
			value = splat + value
		}
		return value
	})
	return strings.NewReplacer("\x01", "(", "\x02", ")").Replace(s)
}

var (
	hexCapture = regexp.MustCompile(`sha|digest|hash|signature|file_identifier`)
	idCapture  = regexp.MustCompile(`^id$|_id$|_iid$|^iid$|_ids$|number`)
	sampleHex  = strings.Repeat("deadbeef", 8)
)

func concreteValue(t testing.TB, name, capture, requirement string, named bool) string {
	_, path, _ := strings.Cut(name, " ")
	switch requirement {
	case "[^/]+", "", ".+", ".*", "[^/]+(?:/[^/]+)*", "[0-9]*":
		switch {
		case named && capture == "id" && requirement == "[^/]+" && strings.HasPrefix(path, "/projects/:id"):
			return "some.group%2Fsub%2Fsome.project"
		case named && capture == "id" && requirement == "[^/]+" && strings.HasPrefix(path, "/groups/:id"):
			return "some.group%2Fsub"
		case hexCapture.MatchString(capture):
			return sampleHex
		case idCapture.MatchString(capture):
			return "17"
		}
		return "alpha"
	}
	re, err := regexp.Compile("^(?:" + requirement + ")$")
	if err != nil {
		t.Fatalf("%s %s: %v", name, capture, err)
	}
	for _, value := range []string{"17", "alpha", "ab", "a", "scan", "v1.2.3", "alpha.gemspec.rz", sampleHex} {
		if re.MatchString(value) {
			return value
		}
	}
	t.Fatalf("%s: no value for %s is known that fulfils %s", name, capture, requirement)
	return ""
}

// required gives the parameters without which the row's request is refused.
func required(r *routes.Route) []parameter {
	var out []parameter
	add := func(name string, ref routes.RefKind) {
		out = append(out, parameter{name, sampleReference(ref, len(out))})
	}
	if r.Find.From == routes.FindInParam {
		add(r.Find.Name, r.Find.Ref)
	}
	for i := range r.Targets {
		if target := &r.Targets[i]; target.Param != "" && target.Required && !(r.Find.From == routes.FindInParam && r.Find.Name == target.Param) {
			add(target.Param, target.Ref)
		}
	}
	return out
}

// parameter has the canonical name of the route table: entities[].destination_namespace.
type parameter struct{ name, value string }

func sampleReference(ref routes.RefKind, n int) string {
	switch {
	case n%2 == 0 && ref == routes.RefProject:
		return "other.group/other.proj"
	case n%2 == 0 && ref != routes.RefUser:
		return "other.group/sub"
	}
	return fmt.Sprint(170 + n)
}
