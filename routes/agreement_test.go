package routes_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"patgate/routes"
	"patgate/routes/inspect"
	"patgate/routes/load"
)

// forgePair is one method and path of testdata/gitlab-rest.tsv with what GitLab says of it.
type forgePair struct {
	method, path string
	kind         string
	permissions  []string // own first
	boundaries   []string // in the table's order
	public       bool
}

// forgePairs is how many pairs the reference has, besides the catch-all.
const forgePairs = 2134

// TestAgreementWithGitLab asks the table about a concrete request for every endpoint that GitLab lists, and compares kind,
// permissions, boundaries and public. Optional parts are tried absent and present, splats with one and two segments.
func TestAgreementWithGitLab(t *testing.T) {
	table, err := load.GitLab()
	if err != nil {
		t.Fatal(err)
	}
	requirements := readRequirements(t)
	pairs := readForgePairs(t)
	slices.SortStableFunc(pairs, func(a, b *forgePair) int { // a HEAD comes after its GET
		return strings.Compare(strings.ReplaceAll(a.method, "HEAD", "Z"), strings.ReplaceAll(b.method, "HEAD", "Z"))
	})
	for _, p := range pairs {
		if p.path == "/namespaces/:id" && p.method == "GET" {
			p.boundaries = []string{"group", "user"} // patgate looks at the group that the path names
		}
	}
	agreed, asked := 0, 0
	rows := map[string]string{} // row by source: no two pairs may be one row
	for _, p := range pairs {
		key := p.method + " " + p.path
		row, agrees := "", true
		for _, target := range p.targets(t, requirements[key]) {
			asked++
			e := inspect.Explain(table, p.method, target)
			if difference := p.compare(e); difference != "" {
				agrees = false
				t.Errorf("%s as %s: %s\n  row %s at %s %s", key, target, difference, e.Route, e.Source, e.Refused)
			} else if row != "" && row != e.Source {
				agrees = false
				t.Errorf("%s: its spellings are two rows, %s and %s", key, row, e.Source)
			}
			row = e.Source
		}
		other, taken := rows[row]
		if twin := p.method == "HEAD" && other == "GET "+p.path; taken && agrees && !twin {
			agrees = false
			t.Errorf("%s and %s are one row, %s", key, other, row)
		} else if p.method == "HEAD" && !twin {
			t.Errorf("%s is not the row of its GET", key)
		}
		rows[row] = key
		if agrees {
			agreed++
		}
	}
	if agreed != forgePairs || len(pairs) != forgePairs {
		t.Errorf("%d of %d pairs agree, want %d", agreed, len(pairs), forgePairs)
	}
	rest := slices.DeleteFunc(slices.Clone(table.Routes()), func(r *routes.Route) bool { return r.Surface != "" })
	if len(rest) != len(rows) {
		t.Errorf("the table has %d rows of the REST API, GitLab's list touches %d of them", len(rest), len(rows))
	}
	if asked < forgePairs+300 {
		t.Errorf("only %d requests were tried", asked)
	}
	t.Run("GitLab's catch-all is no row", func(t *testing.T) {
		for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE"} {
			if e := inspect.Explain(table, method, "/no/such/endpoint"); e.Kind != "none" || e.RefusalCode != "no_route" {
				t.Errorf("%s: %+v", method, e)
			}
		}
	})
}

// TestAgreementNoticesDifferences plants a difference in each compared fact.
func TestAgreementNoticesDifferences(t *testing.T) {
	p := forgePair{kind: "permission", permissions: []string{"read_job", "read_pipeline"}, boundaries: []string{"project", "group"},
		public: true}
	same := inspect.Explanation{Kind: "permission", Permissions: []string{"read_job", "read_pipeline"},
		Boundaries: []string{"project", "group"}, Public: true}
	if d := p.compare(same); d != "" {
		t.Fatalf("the same differs: %s", d)
	}
	for name, plant := range map[string]func(*inspect.Explanation){
		"kind":        func(e *inspect.Explanation) { e.Kind = "open" },
		"permissions": func(e *inspect.Explanation) { e.Permissions = []string{"read_job"} },
		"boundaries":  func(e *inspect.Explanation) { e.Boundaries = []string{"project"} },
		"public":      func(e *inspect.Explanation) { e.Public = false },
	} {
		t.Run(name, func(t *testing.T) {
			e := same
			plant(&e)
			if d := p.compare(e); !strings.Contains(d, name) {
				t.Errorf("difference %q", d)
			}
		})
	}
}

// compare says in what an explanation differs; empty when it agrees.
func (p forgePair) compare(e inspect.Explanation) string {
	var out []string
	differ := func(what string, got, want any) {
		out = append(out, fmt.Sprintf("%s %v, GitLab says %v", what, got, want))
	}
	if e.Kind != p.kind {
		differ("kind", e.Kind, p.kind)
	}
	if !slices.Equal(e.Permissions, p.permissions) {
		differ("permissions", e.Permissions, p.permissions)
	}
	if !slices.Equal(e.Boundaries, p.boundaries) {
		differ("boundaries", e.Boundaries, p.boundaries)
	}
	if e.Public != p.public {
		differ("public", e.Public, p.public)
	}
	return strings.Join(out, "; ")
}

// readTSV gives the columns of every row of a reference file.
func readTSV(t *testing.T, name string, columns int) [][]string {
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
		if strings.HasPrefix(s.Text(), "#") {
			continue
		}
		row := strings.Split(s.Text(), "\t")
		if len(row) != columns {
			t.Fatalf("%s: %d columns in %q", name, len(row), s.Text())
		}
		out = append(out, row)
	}
	if err := s.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

// identifier makes GitLab's identifier of a heading: "Merge Request" is merge_request.
func identifier(heading string) string {
	return strings.Trim(regexp.MustCompile(`[^a-z0-9]+`).ReplaceAllString(strings.ToLower(heading), "_"), "_")
}

// readForgePairs reads the reference. Several rows of one method and path are alternatives of boundary.
func readForgePairs(t *testing.T) []*forgePair {
	t.Helper()
	var out []*forgePair
	pairs := map[string]*forgePair{}
	for _, row := range readTSV(t, "testdata/gitlab-rest.tsv", 9) {
		kind, resource, action, boundary, method, path, public, note := row[0], row[2], row[3], row[4], row[5], row[6], row[7], row[8]
		if method == "*" {
			continue
		}
		key := method + " " + path
		p := pairs[key]
		if p == nil {
			p = &forgePair{method: method, path: path, kind: kind, public: public == "public", permissions: []string{},
				boundaries: []string{}}
			if kind == "permission" {
				p.permissions = append(p.permissions, identifier(action)+"_"+identifier(resource))
				if note != "" {
					p.permissions = append(p.permissions, identifier(note))
				}
			}
			pairs[key] = p
			out = append(out, p)
		}
		if kind == "permission" {
			p.boundaries = append(p.boundaries, strings.ToLower(boundary))
		}
	}
	for _, p := range out {
		slices.SortFunc(p.boundaries, func(a, b string) int {
			first, _ := routes.ParseBoundary(a)
			second, _ := routes.ParseBoundary(b)
			return int(first) - int(second)
		})
		p.boundaries = slices.Compact(p.boundaries)
	}
	return out
}

// captureRules are what GitLab's router says of a path: an expression for each capture, and the formats.
type captureRules struct {
	captures map[string]string
	formats  string
}

func readRequirements(t *testing.T) map[string]captureRules {
	t.Helper()
	out := map[string]captureRules{}
	for _, row := range readTSV(t, "testdata/gitlab-route-order.tsv", 6) {
		rules := captureRules{formats: row[4]}
		if err := json.Unmarshal([]byte(row[3]), &rules.captures); err != nil {
			t.Fatalf("%v: %v", row, err)
		}
		if key := row[1] + " " + row[2]; out[key].captures == nil {
			out[key] = rules
		}
	}
	return out
}

var (
	optionalPart = regexp.MustCompile(`\(([^()]*)\)`)
	capturePart  = regexp.MustCompile(`[:*][a-z_0-9]+`)
)

// targets makes concrete requests for a pair.
func (p forgePair) targets(t *testing.T, rules captureRules) []string {
	path := strings.NewReplacer(`\(`, "\x01", `\)`, "\x02").Replace(p.path)
	var out []string
	for _, form := range []struct {
		optional bool
		splat    int
		named    bool // projects and groups by path
	}{{true, 1, false}, {true, 2, false}, {false, 1, false}, {true, 1, true}} {
		s := path
		if form.optional {
			s = optionalPart.ReplaceAllString(s, "$1")
		} else {
			s = optionalPart.ReplaceAllString(s, "")
		}
		s = capturePart.ReplaceAllStringFunc(s, func(capture string) string {
			value := p.value(t, capture[1:], rules.captures[capture[1:]], form.named)
			if capture[0] == '*' && form.splat == 2 && wholeSegment(s, capture) {
				value = "first/" + value
			}
			return value
		})
		s = strings.NewReplacer("\x01", "(", "\x02", ")").Replace(s)
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

// wholeSegment tells whether a splat fills a segment. Within Packages(Id='*package_name') patgate takes no slash, which no
// package's name has, and refuses the request.
func wholeSegment(path, splat string) bool {
	return strings.HasSuffix(path, "/"+splat) || strings.Contains(path, "/"+splat+"/")
}

// value makes up a value for a capture that fulfils its requirement.
func (p forgePair) value(t *testing.T, name, requirement string, named bool) string {
	hex := regexp.MustCompile(`sha|digest|hash|signature|file_identifier`).MatchString(name)
	id := regexp.MustCompile(`^id$|_id$|_iid$|^iid$|_ids$|number`).MatchString(name)
	switch {
	case named && name == "id" && strings.HasPrefix(p.path, "/projects/:id") && requirement == "[^/]+":
		return "some.group%2Fsub%2Fsome.project"
	case named && name == "id" && strings.HasPrefix(p.path, "/groups/:id") && requirement == "[^/]+":
		return "some.group%2Fsub"
	case requirement == "" || requirement == "[^/]+" || requirement == ".+":
		switch {
		case hex:
			return strings.Repeat("deadbeef", 8)
		case id:
			return "17"
		}
		return "alpha"
	}
	re, err := regexp.Compile("^(?:" + requirement + ")$")
	if err != nil {
		t.Fatalf("%s %s: %v", p.method, p.path, err)
	}
	for _, value := range []string{"17", "alpha", "ab", "a", "scan", "v1.2.3", "alpha.gemspec.rz", strings.Repeat("deadbeef", 8)} {
		if re.MatchString(value) {
			return value
		}
	}
	t.Fatalf("%s %s: no made-up value fulfils %s of %s", p.method, p.path, requirement, name)
	return ""
}
