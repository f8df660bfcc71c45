package routes_test

import (
	"slices"
	"strings"
	"testing"

	"patgate/routes"
)

// textFacts reads testdata/gitlab-quick-actions.tsv: what GitLab reads for commands, as its source says.
func textFacts(t *testing.T) [][]string {
	return readTSV(t, "testdata/gitlab-quick-actions.tsv", 5)
}

// TestTextsAgreeWithTheForge holds the rows to the facts, both ways: a parameter whose text reaches GitLab's quick actions is
// read for them, as a text of the right kind, and none is read that is not known to reach them.
func TestTextsAgreeWithTheForge(t *testing.T) {
	compared, wrong := compareTexts(rowsByShape(t), textFacts(t))
	for _, problem := range wrong {
		t.Error(problem)
	}
	if compared < 50 {
		t.Errorf("only %d texts were compared", compared)
	}
}

// compareTexts tells where rows and facts differ.
func compareTexts(rows map[string]*routes.Route, facts [][]string) (compared int, wrong []string) {
	known := map[string]bool{}
	for _, fact := range facts {
		method, path, param, kind, how := fact[0], fact[1], fact[2], fact[3], fact[4]
		if method == "-" {
			continue // no row stands for it
		}
		compared++
		key := method + " " + path
		r := rows[key]
		switch {
		case r == nil:
			wrong = append(wrong, key+": there is no such row")
			continue
		case kind == "refuse":
			if r.Params[param] != routes.ParamRefuse {
				wrong = append(wrong, key+" "+param+": refuse it, "+how)
			}
			continue
		}
		known[key+" "+param] = true
		at := slices.IndexFunc(r.Texts, func(f routes.TextField) bool { return f.Param == param && f.Kind.String() == kind })
		switch {
		case at < 0:
			wrong = append(wrong, key+" "+param+": it is a text for quick actions of a "+kind+", "+how)
		case r.Texts[at].Template != strings.Contains(how, "template:"):
			wrong = append(wrong, key+" "+param+": it and templates: disagree, "+how)
		}
	}
	for key, r := range rows {
		for _, f := range r.Texts {
			if !known[key+" "+f.Param] {
				wrong = append(wrong, key+" "+f.Param+": nobody knows how it would reach quick actions")
			}
		}
	}
	return compared, wrong
}

// TestADisagreementOfTextsIsNoticed plants one of each kind.
func TestADisagreementOfTextsIsNoticed(t *testing.T) {
	facts := textFacts(t)
	for _, c := range []struct {
		name, row string
		change    func(*routes.Route)
		want      string
	}{
		{"a text that is not read", "PUT /projects/{}",
			func(r *routes.Route) { r.Texts = r.Texts[1:] },
			"PUT /projects/{} issues_template: it is a text for quick actions of a work_item"},
		{"a text of another kind", "PUT /projects/{}/merge_requests/{}",
			func(r *routes.Route) {
				r.Texts = []routes.TextField{{Param: "description", Kind: routes.CommandsCommit}}
			},
			"description: it is a text for quick actions of a merge_request"},
		{"a template that nobody minds", "POST /projects/{}/issues",
			func(r *routes.Route) {
				r.Texts = []routes.TextField{{Param: "description", Kind: routes.CommandsWorkItem}}
			}, "description: it and templates: disagree"},
		{"drafts that are published by the way", "POST /projects/{}/merge_requests/{}/approve",
			func(r *routes.Route) { r.Params = nil }, "publish_review: refuse it"},
		{"a text that is read without need", "POST /projects/{}/releases",
			func(r *routes.Route) {
				r.Texts = []routes.TextField{{Param: "description", Kind: routes.CommandsCommit}}
			}, "nobody knows how"},
		{"a row that is gone", "POST /projects/{}/issues/{}/notes",
			nil, "there is no such row"},
	} {
		t.Run(c.name, func(t *testing.T) {
			rows := rowsByShape(t)
			if c.change == nil {
				delete(rows, c.row)
			} else {
				changed := *rows[c.row]
				c.change(&changed)
				rows[c.row] = &changed
			}
			if _, wrong := compareTexts(rows, facts); len(wrong) != 1 || !strings.Contains(wrong[0], c.want) {
				t.Errorf("noticed %q, want %q", wrong, c.want)
			}
		})
	}
}
