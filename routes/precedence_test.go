package routes_test

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"patgate/routes"
	"patgate/routes/load"
	"patgate/routes/pattern"
)

// TestPrecedenceIsTheForgesOwn makes paths that more than one row of the forge matches, whatever their captures take, and
// demands that patgate refuses each or takes it for the row that the forge tries first.
func TestPrecedenceIsTheForgesOwn(t *testing.T) {
	if testing.Short() {
		t.Skip("it compares all rows, one after the other")
	}
	table, err := load.GitLab()
	if err != nil {
		t.Fatal(err)
	}
	p := newPrecedence(t, table)
	p.tryAll(func(*forgeRow) bool { return true })
	for _, difference := range p.wrong {
		t.Error(difference)
	}
	if p.overlaps < 4000 || p.accepted < 10_000 || p.several < 100 {
		t.Error("so few prove nothing")
	}
	t.Logf("%d targets, %d accepted, %d from overlapping rows, %d with several segments for a capture",
		len(p.tried), p.accepted, p.overlaps, p.several)
}

// TestPrecedenceNoticesPlantedFaults takes out of the table what keeps single rows in the forge's order.
func TestPrecedenceNoticesPlantedFaults(t *testing.T) {
	for _, c := range []struct {
		name          string
		file          string
		text, planted string
		rows          string // that are tried
		want          string // in the row that is taken wrongly
	}{
		{"an id of several segments",
			"table.yaml", "  - /projects/{*id}/-/work_items(/{*rest})\n", "",
			"/work_items/:work_item_iid|/mlflow-artifacts/", "/artifacts/{model_version}/{*file_path}"},
		{"a ref of several segments",
			"table.yaml", "  - /projects/{id}/jobs/artifacts/{*ref_name}/download\n", "",
			"/jobs/artifacts/", "/raw/{*artifact_path"},
		{"a capture that takes more than the forge's",
			"packages_and_registry.yaml", "component: '/(?i:[a-z0-9][a-z0-9.-]*)/'", "component: text",
			"/debian/dists/", "{component}"},
		{"a capture that takes a literal of an earlier row",
			"packages_and_registry.yaml", "file_sha256: hex", "file_sha256: word",
			"/debian/dists/", "{file_sha256}"},
	} {
		t.Run(c.name, func(t *testing.T) {
			files := routes.Files(routes.ForgeGitLab)
			planted := false
			for i := range files {
				if strings.HasSuffix(files[i].Name, "/"+c.file) && bytes.Contains(files[i].Data, []byte(c.text)) {
					files[i].Data = bytes.Replace(files[i].Data, []byte(c.text), []byte(c.planted), 1)
					planted = true
				}
			}
			table, problems := load.Table(load.Options{Table: files})
			if table == nil || !planted {
				t.Fatalf("not planted: %v", problems)
			}
			p := newPrecedence(t, table)
			rows := regexp.MustCompile(c.rows)
			p.tryAll(func(row *forgeRow) bool { return rows.MatchString(row.path) })
			if !strings.Contains(strings.Join(p.wrong, "\n"), c.want) {
				t.Errorf("%d differences, none with %s", len(p.wrong), c.want)
			}
		})
	}
}

// TestWideCapturesAreListed demands that `wide` names every capture of the forge's order whose requirement takes slashes.
func TestWideCapturesAreListed(t *testing.T) {
	wides := readWides(t)
	rows := 0
	for _, row := range readForgeOrder(t) {
		for _, spelling := range row.spellings {
			for i, s := range row.forgeSegments(spelling) {
				if !s.many || strings.HasPrefix(s.text, "*") {
					continue
				}
				rows++
				path := row.base() + "/" + strings.Join(slices.Concat(spelling[:i], []string{"a", "b"}, spelling[i+1:]), "/")
				path = strings.NewReplacer(":", "", "*", "").Replace(path)
				if !slices.ContainsFunc(wides, func(w *pattern.Wide) bool { return routes.Takes(w, path) }) {
					t.Errorf("%s %s: %s takes several segments, and no path under `wide` says so", row.method, row.path, s.text)
				}
			}
		}
	}
	if rows < 60 {
		t.Errorf("only %d captures take several segments: the test proves nothing", rows)
	}
}

// readWides reads the lists under `wide` of the embedded table.
func readWides(t *testing.T) (wides []*pattern.Wide) {
	t.Helper()
	for _, file := range routes.GitLabFiles() {
		var content struct{ Wide []string }
		if err := yaml.Unmarshal(file.Data, &content); err != nil {
			t.Fatal(err)
		}
		for _, path := range content.Wide {
			parsed, err := routes.ParsePattern(path, routes.PatternSpec{Base: "/api/v4"})
			if err != nil {
				t.Fatal(err)
			}
			w, err := pattern.NewWide(parsed.Pattern)
			if err != nil {
				t.Fatal(err)
			}
			wides = append(wides, w)
		}
	}
	return wides
}

// precedence compares a table with the order of the forge.
type precedence struct {
	table    *routes.Table
	rows     []*forgeRow // in the order of the forge, then those of the table that are newer
	byMethod map[string][]*forgeRow
	ordered  map[string]bool // METHOD shape
	tried    map[[2]string]bool
	op       routes.Operation
	wrong    []string // differences

	overlaps, several, accepted int
}

func newPrecedence(t *testing.T, table *routes.Table) *precedence {
	p := &precedence{table: table, byMethod: map[string][]*forgeRow{}, ordered: map[string]bool{}, tried: map[[2]string]bool{}}
	for _, row := range readForgeOrder(t) {
		p.add(&row)
		p.ordered[row.method+" "+shapeOf(row.path)] = true
	}
	for _, r := range table.Routes() {
		if r.Surface == "" && !p.ordered[r.Method+" "+tableShape(r)] {
			p.add(newerRow(r))
		}
	}
	return p
}

func (p *precedence) add(row *forgeRow) {
	for _, spelling := range row.spellings {
		row.patterns = append(row.patterns, row.forgeSegments(spelling))
	}
	p.rows = append(p.rows, row)
	p.byMethod[row.method] = append(p.byMethod[row.method], row)
}

// tableShape is shapeOf for a row of the table.
func tableShape(r *routes.Route) string {
	return shapeOf(strings.NewReplacer("(/{*suffix_path})", "(/)({*suffix_path})").Replace(r.Path))
}

// newerRow gives a row of the table, of which the forge's order is not known, in the forge's notation.
func newerRow(r *routes.Route) *forgeRow {
	path := anyCapture.ReplaceAllStringFunc(r.Path, func(s string) string {
		name, _, _ := strings.Cut(strings.Trim(s, "{}"), ":")
		if splat, ok := strings.CutPrefix(name, "*"); ok {
			return "*" + splat
		}
		return ":" + name
	})
	return &forgeRow{method: r.Method, path: path, spellings: spellings(path)}
}

// tryAll tries the rows that are wanted, alone and in pairs.
func (p *precedence) tryAll(wanted func(*forgeRow) bool) {
	for _, r := range p.rows {
		if !wanted(r) {
			continue
		}
		p.tryAlone(r)
		for _, other := range p.byMethod[r.method] {
			if other != r && (other.order == 0 || other.order > r.order) && wanted(other) {
				p.tryBoth(r, other)
			}
		}
	}
}

// tryAlone tries paths of one row.
func (p *precedence) tryAlone(row *forgeRow) {
	for _, pattern := range row.patterns {
		for _, segments := range spread(pattern) {
			p.try(row, segments)
		}
	}
}

// tryBoth tries paths that two rows match.
func (p *precedence) tryBoth(a, b *forgeRow) {
	if a.base() != b.base() {
		return
	}
	for _, x := range a.patterns {
		for _, y := range b.patterns {
			for _, segments := range common(x, y) {
				p.overlaps++
				if len(segments) != len(x) || len(segments) != len(y) {
					p.several++
				}
				p.try(a, segments)
			}
		}
	}
}

// try compares who takes a path, with every format.
func (p *precedence) try(row *forgeRow, segments []string) {
	path := row.base() + "/" + strings.Join(segments, "/")
	for _, format := range sampleFormats {
		for _, target := range []string{path + format, encodeLiteral(path) + format} {
			if key := [2]string{row.method, target}; !p.tried[key] {
				p.tried[key] = true
				p.compare(row.method, target)
			}
		}
	}
}

func (p *precedence) compare(method, target string) {
	op := &p.op
	if p.table.Classify(op, method, []byte(target)) != nil {
		return // refused: nothing is forwarded
	}
	if op.Route.Kind == routes.KindOtherCredential || op.Route.Refused != "" {
		return
	}
	for i := range op.Captures() {
		if op.Captures()[i].Ref != routes.RefNone {
			op.SetID(i, 17)
		}
	}
	sent := string(op.AppendPath(nil))
	taken := tableShape(op.Route)
	first := p.first(method, sent)
	switch {
	case first != nil && shapeOf(first.path) != taken:
		p.differ("%s %s: patgate takes %s (%s), the forge %s", method, target, op.Route.Path, op.Route.Source, first.path)
	case first == nil && p.ordered[method+" "+taken]:
		p.differ("%s %s: patgate takes %s (%s), the forge no row", method, target, op.Route.Path, op.Route.Source)
	}
	p.accepted++
}

func (p *precedence) differ(format string, args ...any) {
	p.wrong = append(p.wrong, fmt.Sprintf(format, args...))
}

// first gives the row that the forge takes; nil for none of known order.
func (p *precedence) first(method, path string) *forgeRow {
	for _, row := range p.byMethod[method] {
		if row.match != nil && strings.Contains(path, row.literal) && row.match.MatchString(path) {
			return row
		}
	}
	return nil
}
