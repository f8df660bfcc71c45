package gateway

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

//go:generate go test . -run ^TestMetricsPage$ -update

var update = flag.Bool("update", false, "write docs/metrics.md instead of comparing it")

// series is what a gateway may show under one name.
type series struct {
	name, help string
	labels     []string
}

// description reads what prometheus says of a series, which it tells as text alone.
var description = regexp.MustCompile(`^Desc\{fqName: "(.*?)", help: "(.*)", ` +
	`unit: ".*", constLabels: \{(.*?)\}, variableLabels: \{(.*?)\}\}$`)

// allSeries gives all that a gateway may show, but for what Go and the process show in every program.
func allSeries(t *testing.T) (all []series) {
	t.Helper()
	c, problems := loaded(t, nil)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	g, err := newGateway(t.Context(), c, silent(t), true)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = g.open.close() })
	described := make(chan *prometheus.Desc)
	go func() {
		g.metrics.Describe(described)
		close(described)
	}()
	for d := range described {
		read := description.FindStringSubmatch(d.String())
		if read == nil {
			t.Fatalf("%s cannot be read", d)
		}
		s := series{name: read[1], help: strings.ReplaceAll(read[2], `\"`, `"`)}
		for label := range strings.FieldsFuncSeq(read[3], func(r rune) bool { return r == ',' }) {
			name, _, _ := strings.Cut(label, "=")
			s.labels = append(s.labels, name)
		}
		s.labels = append(s.labels, strings.FieldsFunc(read[4], func(r rune) bool { return r == ',' })...)
		if strings.HasPrefix(s.name, "patgate_") {
			all = append(all, s)
		}
	}
	slices.SortFunc(all, func(a, b series) int { return strings.Compare(a.name, b.name) })
	return slices.CompactFunc(all, func(a, b series) bool { return a.name == b.name }) // a fault is a series
}

// TestMetricsPage holds docs/metrics.md to what a gateway shows; `make docs` rewrites the page.
func TestMetricsPage(t *testing.T) {
	const page = "../../docs/metrics.md"
	var b strings.Builder
	b.WriteString(`<!-- Generated from what a gateway shows by "make docs". Do not edit. -->

# Metrics

` + "`/metrics` of the admin listener (`admin.listen`) shows them in Prometheus' format, besides those of Go (`go_`) " +
		"and of the process (`process_`).\n" +
		"Rules for alerts and a dashboard are in [deploy/](../deploy).\n\n" +
		"| name | labels | what |\n| --- | --- | --- |\n")
	all := allSeries(t)
	for _, s := range all {
		if s.help == "" || !strings.HasSuffix(s.help, ".") {
			t.Errorf("%s does not say in a sentence what it is: %q", s.name, s.help)
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", s.name, strings.Join(s.labels, ", "), s.help)
	}
	if len(all) < 20 {
		t.Errorf("only %d series were found", len(all))
	}
	if *update {
		if err := os.WriteFile(page, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if got, err := os.ReadFile(page); err != nil || string(got) != b.String() {
		t.Errorf("%s does not agree with what a gateway shows: run `make docs`", page)
	}
}
