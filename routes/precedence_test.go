package routes

import (
	"bufio"
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"
)

// forgeRow is a row of testdata/gitlab-route-order.tsv: GitLab 19.3 tries them in this order and takes the first match.
type forgeRow struct {
	method, path string
	match        *regexp.Regexp
	spellings    [][]string // segments of the pattern with optional parts written out
	requirements map[string]string
}

var (
	gitlabOptional = regexp.MustCompile(`\(([^()]*)\)`)
	anyCapture     = regexp.MustCompile(`\{[^}]+\}|[:*][a-z_0-9]+`)
	gitlabCapture  = regexp.MustCompile(`[:*][a-z_0-9]+`)
)

func readForgeOrder(t *testing.T) []forgeRow {
	t.Helper()
	f, err := os.Open("testdata/gitlab-route-order.tsv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var rows []forgeRow
	for s := bufio.NewScanner(f); s.Scan(); {
		if strings.HasPrefix(s.Text(), "#") {
			continue
		}
		columns := strings.Split(s.Text(), "\t")
		if columns[1] == "*" {
			continue
		}
		row := forgeRow{method: columns[1], path: columns[2]}
		if err := json.Unmarshal([]byte(columns[3]), &row.requirements); err != nil {
			t.Fatalf("%s: %v", row.path, err)
		}
		row.spellings = spellings(row.path)
		row.match = row.expression(columns[4])
		rows = append(rows, row)
	}
	if len(rows) < 2000 {
		t.Fatalf("read %d rows: the file is not whole", len(rows))
	}
	return rows
}

// spellings writes out optional parts of GitLab's notation.
func spellings(path string) [][]string {
	path = strings.NewReplacer(`\(`, "\x01", `\)`, "\x02").Replace(path)
	var out [][]string
	var expand func(string)
	expand = func(p string) {
		if m := gitlabOptional.FindStringSubmatchIndex(p); m != nil {
			expand(p[:m[0]] + p[m[2]:m[3]] + p[m[1]:])
			expand(p[:m[0]] + p[m[1]:])
			return
		}
		p = strings.NewReplacer("\x01", "(", "\x02", ")").Replace(p)
		out = append(out, strings.Split(strings.Trim(p, "/"), "/"))
	}
	expand(path)
	return out
}

// expression is GitLab's pattern as a regular expression over the path below /api/v4.
func (row *forgeRow) expression(formats string) *regexp.Regexp {
	var alternatives []string
	for _, segments := range row.spellings {
		text := "/" + strings.Join(segments, "/")
		var b strings.Builder
		for text != "" {
			m := gitlabCapture.FindStringIndex(text)
			if m == nil {
				b.WriteString(regexp.QuoteMeta(text))
				break
			}
			b.WriteString(regexp.QuoteMeta(text[:m[0]]))
			name := text[m[0]+1 : m[1]]
			switch {
			case text[m[0]] == '*':
				b.WriteString(`(?:.+?)`)
			case row.requirements[name] != "":
				b.WriteString("(?:" + row.requirements[name] + ")")
			default:
				b.WriteString(`[^/?#.]+`)
			}
			text = text[m[1]:]
		}
		alternatives = append(alternatives, b.String())
	}
	suffix := `(?:\.[^/]+)?`
	if formats == "none" {
		suffix = ""
	} else if formats != "" {
		suffix = `(?:\.(?:` + strings.ReplaceAll(regexp.QuoteMeta(formats), ",", "|") + `))?`
	}
	base := "/api/v4"
	if strings.HasPrefix(row.path, "/api/") {
		base = ""
	}
	return regexp.MustCompile("^" + base + "(?:" + strings.Join(alternatives, "|") + ")" + suffix + "/?$")
}

// shapeOf removes capture names, so that a row of the table and a row of the forge compare.
func shapeOf(path string) string {
	return anyCapture.ReplaceAllStringFunc(path, func(s string) string {
		if strings.Contains(s, "*") {
			return "{*}"
		}
		return "{}"
	})
}

// values for captures of requests that more than one row matches.
var sampleValues = []string{"7", "g%2Fp", "ab", "main", "v1.2.3", "x.gemspec.rz"}

// common gives concrete paths that both patterns may match: where one has a literal, the literal.
func common(a, b []string) [][]string {
	switch {
	case len(a) == 0 && len(b) == 0:
		return [][]string{nil}
	case len(a) == 0 || len(b) == 0:
		return nil
	case strings.HasPrefix(b[0], "*") && !strings.HasPrefix(a[0], "*"):
		return common(b, a)
	case strings.HasPrefix(a[0], "*"):
		var out [][]string
		for n := 1; n <= len(b) && n <= 4; n++ { // the splat takes n segments of b
			for _, rest := range common(a[1:], b[n:]) {
				var head []string
				for _, s := range b[:n] {
					head = append(head, concrete(s, "7"))
				}
				out = append(out, append(head, rest...))
			}
		}
		return out
	}
	var heads []string
	aCapture, bCapture := gitlabCapture.MatchString(a[0]), gitlabCapture.MatchString(b[0])
	switch {
	case !aCapture && !bCapture:
		if a[0] != b[0] {
			return nil
		}
		heads = []string{a[0]}
	case !aCapture:
		heads = []string{a[0]}
	case !bCapture:
		heads = []string{b[0]}
	default:
		for _, v := range sampleValues[:3] {
			heads = append(heads, concrete(a[0], v))
		}
	}
	var out [][]string
	for _, rest := range common(a[1:], b[1:]) {
		for _, h := range heads {
			out = append(out, append([]string{h}, rest...))
		}
		if len(out) > 64 {
			break
		}
	}
	return out
}

func concrete(segment, value string) string { return gitlabCapture.ReplaceAllString(segment, value) }

func TestPrecedenceIsTheForgesOwn(t *testing.T) {
	table, err := LoadGitLab()
	if err != nil {
		t.Fatal(err)
	}
	rows := readForgeOrder(t)
	byMethod := map[string][]*forgeRow{}
	for i := range rows {
		byMethod[rows[i].method] = append(byMethod[rows[i].method], &rows[i])
	}
	targets := map[[2]string]bool{}
	add := func(row *forgeRow, segments []string) {
		base := "/api/v4/"
		if strings.HasPrefix(row.path, "/api/") {
			base = "/"
		}
		targets[[2]string{row.method, base + strings.Join(segments, "/")}] = true
	}
	overlaps := 0
	for _, list := range byMethod {
		for i, a := range list {
			for _, v := range sampleValues {
				for _, spelling := range a.spellings {
					var segments []string
					for _, s := range spelling {
						segments = append(segments, concrete(s, v))
					}
					add(a, segments)
				}
			}
			for _, b := range list[i+1:] {
				if strings.HasPrefix(a.path, "/api/") != strings.HasPrefix(b.path, "/api/") {
					continue
				}
				for _, x := range a.spellings {
					for _, y := range b.spellings {
						for _, segments := range common(x, y) {
							overlaps++
							add(a, segments)
						}
					}
				}
			}
		}
	}
	accepted := 0
	var op Operation
	for target := range targets {
		method, path := target[0], target[1]
		if table.Classify(&op, method, []byte(path)) != nil {
			continue // refused: nothing is forwarded
		}
		var first *forgeRow
		for _, row := range byMethod[method] {
			if row.match.MatchString(path) {
				first = row
				break
			}
		}
		if first == nil {
			continue // newer than the order file
		}
		accepted++
		if shapeOf(first.path) != shapeOf(strings.NewReplacer("(/{*suffix_path})", "(/)({*suffix_path})").Replace(op.Route.Path)) {
			t.Errorf("%s %s: patgate takes %s (%s), the forge %s", method, path, op.Route.Path, op.Route.Source, first.path)
		}
	}
	if overlaps < 400 || accepted < 2000 {
		t.Fatalf("only %d overlaps and %d accepted targets were tried: the test proves nothing", overlaps, accepted)
	}
	t.Logf("%d targets, %d accepted, %d of them from overlapping rows", len(targets), accepted, overlaps)
}
