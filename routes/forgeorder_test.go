package routes_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"patgate/routes/percent"
)

// forgeRow is a row of testdata/gitlab-route-order.tsv: GitLab 19.3 tries them in this order and takes the first match.
type forgeRow struct {
	order        int // 0: not known
	method, path string
	match        *regexp.Regexp // nil where the order is not known
	literal      string         // stands in every path that matches
	spellings    [][]string     // segments of the pattern with optional parts written out
	patterns     [][]forgeSegment
	requirements map[string]string
}

// base is the path below which the row stands.
func (row *forgeRow) base() string {
	if strings.HasPrefix(row.path, "/api/") {
		return ""
	}
	return "/api/v4"
}

// requirement gives what a capture, ":name" or "*name", takes.
func (row *forgeRow) requirement(capture string) string {
	switch expression := row.requirements[capture[1:]]; {
	case capture[0] == '*':
		return `.+?`
	case expression != "":
		return expression
	}
	return `[^/?#.]+`
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
		order, err := strconv.Atoi(columns[0])
		if err != nil {
			t.Fatal(err)
		}
		row := forgeRow{order: order, method: columns[1], path: columns[2]}
		if err := json.Unmarshal([]byte(columns[3]), &row.requirements); err != nil {
			t.Fatalf("%s: %v", row.path, err)
		}
		row.spellings = spellings(row.path)
		row.match = row.expression(columns[4])
		row.literal = literalOf(row.path)
		rows = append(rows, row)
	}
	if len(rows) < 2000 {
		t.Fatalf("read %d rows: the file is not whole", len(rows))
	}
	return rows
}

// literalOf gives the longest literal that stands in every path of a row.
func literalOf(path string) (longest string) {
	for _, literal := range gitlabCapture.Split(optionalPart.ReplaceAllString(path, ":x"), -1) {
		literal = strings.Trim(literal, "/")
		if len(literal) > len(longest) && !strings.ContainsAny(literal, `\@()'=,`) {
			longest = literal
		}
	}
	return longest
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
				b.WriteString(quoteLiteral(text))
				break
			}
			b.WriteString(quoteLiteral(text[:m[0]]))
			b.WriteString("(?:" + row.requirement(text[m[0]:m[1]]) + ")")
			text = text[m[1]:]
		}
		alternatives = append(alternatives, b.String())
	}
	suffix := `(?:(?:\.|%2[eE])[^/?#.]+)?`
	if formats == "none" {
		suffix = ""
	} else if formats != "" {
		suffix = `(?:(?:\.|%2[eE])(?:` + strings.ReplaceAll(regexp.QuoteMeta(formats), ",", "|") + `))?`
	}
	return regexp.MustCompile("^" + row.base() + "(?:" + strings.Join(alternatives, "|") + ")" + suffix + "/?$")
}

// quoteLiteral gives an expression for a literal, in which the forge takes each character encoded too. Those that need no
// encoding are never sent so.
func quoteLiteral(literal string) string {
	var b strings.Builder
	for i := range len(literal) {
		c := literal[i]
		if c == '/' || percent.Unreserved(c) {
			b.WriteString(regexp.QuoteMeta(string(c)))
		} else {
			fmt.Fprintf(&b, "(?:%s|(?i:%%%02x))", regexp.QuoteMeta(string(c)), c)
		}
	}
	return b.String()
}

// encodeLiteral writes a path with the characters encoded that may stand in a literal so or so.
func encodeLiteral(path string) string {
	var b strings.Builder
	for i := range len(path) {
		if c := path[i]; c == '/' || c == '%' || percent.Unreserved(c) {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
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
