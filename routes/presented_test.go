package routes_test

import (
	"slices"
	"strings"
	"testing"

	"patgate/routes"
)

// renderedSuffix ends the keys that are taken out of JSON where a row's answer holds rendered texts (proxy/answer).
const renderedSuffix = "_html"

// renderedField is a rendered field of an entity, and the parameter without which it is not shown.
type renderedField struct {
	path string // entity.field
	with string // empty: always
}

// entity is a line of testdata/gitlab-entities.tsv.
type entity struct {
	rendered map[string]string // the parameter by field
	inside   map[string]string // the parameter by entity
}

// forgeEntities are the entities of GitLab 19.3, by name.
type forgeEntities map[string]*entity

func readEntities(t *testing.T) forgeEntities {
	t.Helper()
	all := forgeEntities{}
	split := func(list string) map[string]string {
		out := map[string]string{}
		for _, item := range strings.FieldsFunc(list, func(c rune) bool { return c == ',' }) {
			name, with, _ := strings.Cut(item, "?")
			out[name] = with
		}
		return out
	}
	for _, line := range readTSV(t, "testdata/gitlab-entities.tsv", 3) {
		all[line[0]] = &entity{rendered: split(line[1]), inside: split(line[2])}
	}
	if len(all) < 500 {
		t.Fatalf("only %d entities: the file is not whole", len(all))
	}
	return all
}

// fields gives the rendered fields that an entity shows, itself or inside. A field that needs two parameters needs the first.
func (all forgeEntities) fields(t *testing.T, name, with string, seen map[string]bool) (out []renderedField) {
	t.Helper()
	e := all[name]
	if e == nil {
		t.Fatalf("there is no entity %s in testdata/gitlab-entities.tsv", name)
	}
	if seen[name+"?"+with] {
		return nil
	}
	seen[name+"?"+with] = true
	either := func(p string) string {
		if with != "" {
			return with
		}
		return p
	}
	for field, p := range e.rendered {
		out = append(out, renderedField{name + "." + field, either(p)})
	}
	for inner, p := range e.inside {
		out = append(out, all.fields(t, inner, either(p), seen)...)
	}
	return out
}

// queryParameters gives the query parameters that GitLab's rows take, by METHOD PATH with {} for every capture.
func queryParameters(t *testing.T) map[string][]string {
	t.Helper()
	out := map[string][]string{}
	for _, op := range readTSV(t, "testdata/gitlab-openapi.tsv", 6) {
		out[op[0]+" "+anyBraces.ReplaceAllString(op[1], "{}")] = strings.Split(op[3]+","+op[5], ",")
	}
	return out
}

// judgeRendered tells what is wrong with the rows, and counts those that show rendered texts.
func judgeRendered(t *testing.T, rows map[string]*routes.Route, all forgeEntities) (showing int, wrong []string) {
	t.Helper()
	takes := queryParameters(t)
	presented := map[string][]string{}
	for _, line := range readTSV(t, "testdata/gitlab-presented.tsv", 4) {
		presented[line[0]+" "+line[1]] = strings.Split(line[2], ",")
	}
	for key, r := range rows {
		entities, known := presented[key]
		switch {
		case r.Kind != routes.KindPermission || r.Surface == "git" || r.Surface == "registry" || r.Surface == routes.SurfaceGraphQL:
			continue // rendered fields of GraphQL are told by their names
		case !known:
			wrong = append(wrong, key+" is not in testdata/gitlab-presented.tsv: nobody has looked what it answers with")
			continue
		}
		var fields []renderedField
		for _, name := range entities {
			switch name {
			case "-":
			case "?": // it may be anything
				fields = append(fields, renderedField{path: "?" + renderedSuffix})
			default:
				fields = append(fields, all.fields(t, name, "", map[string]bool{})...)
			}
		}
		fields = slices.DeleteFunc(fields, func(f renderedField) bool { return f.with != "" && !slices.Contains(takes[key], f.with) })
		if len(fields) > 0 {
			showing++
		}
		wrong = append(wrong, judgeRow(key, r, fields)...)
	}
	return showing, wrong
}

// judgeRow tells what is wrong with a row whose answer holds those fields.
func judgeRow(key string, r *routes.Route, fields []renderedField) (wrong []string) {
	always := false
	for _, f := range fields {
		always = always || f.with == ""
		removable := strings.HasSuffix(f.path, renderedSuffix) || r.Surface == "web"
		switch {
		case r.Response.ShowsRendered != "" && f.with == "":
		case f.with != "" && (r.Params[f.with] == routes.ParamRefuse || r.Params[f.with] == routes.ParamDrop):
		case removable && (r.Response.Rendered || f.with != "" && slices.Contains(r.Response.RenderedFor, f.with)):
		default:
			wrong = append(wrong, r.Source.String()+": "+key+" shows "+f.path+" "+f.with)
		}
	}
	for _, p := range r.Response.RenderedFor {
		if !slices.ContainsFunc(fields, func(f renderedField) bool { return f.with == p }) {
			wrong = append(wrong, key+" is listed under rendered with "+p+", and shows nothing for it")
		}
	}
	if !always && (r.Response.Rendered || r.Response.ShowsRendered != "") {
		wrong = append(wrong, key+" is said to show rendered texts, and shows none")
	}
	return wrong
}

// TestRenderedTextsAreTakenOut holds the table against what GitLab 19.3 answers with: each row whose answer holds a text that was
// rendered, at whatever depth, has it taken out, refuses the parameter that asks for it, or says why it stays.
func TestRenderedTextsAreTakenOut(t *testing.T) {
	all := readEntities(t)
	rows := rowsByShape(t)
	showing, wrong := judgeRendered(t, rows, all)
	for _, w := range wrong {
		t.Error(w)
	}
	if showing < 160 {
		t.Errorf("only %d rows show rendered texts: the test proves nothing", showing)
	}
	for _, c := range []struct {
		name  string
		plant func()
		want  string
	}{
		{"a row that shows a label", func() { rows["GET /projects/{}/labels"].Response.Rendered = false },
			"GET /projects/{}/labels shows ProjectLabel.description_html"},
		{"a row that shows one when it is asked", func() { rows["GET /projects/{}/issues"].Response.RenderedFor = nil },
			"GET /projects/{}/issues shows LabelBasic.description_html with_labels_details"},
		{"a field that is new", func() { all["Ci::ResourceGroup"].rendered["key_html"] = "" }, "shows Ci::ResourceGroup.key_html"},
		{"a row that is not in the table", func() { rows["GET /projects/{}/new"] = &routes.Route{Kind: routes.KindPermission} },
			"GET /projects/{}/new is not in"},
		{"a row that is filtered for nothing", func() { rows["GET /projects/{}/jobs"].Response.Rendered = true },
			"GET /projects/{}/jobs is said to show rendered texts"},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.plant()
			_, wrong := judgeRendered(t, rows, all)
			if !slices.ContainsFunc(wrong, func(w string) bool { return strings.Contains(w, c.want) }) {
				t.Errorf("found %q, want %s", wrong, c.want)
			}
		})
	}
}

// TestFeedsLoseWhatIsRendered demands it of every feed.
func TestFeedsLoseWhatIsRendered(t *testing.T) {
	feeds := 0
	for key, r := range rowsByShape(t) {
		if strings.HasSuffix(r.Path, ".atom") || strings.HasSuffix(r.Path, "format=atom") {
			feeds++
			if !r.Response.Rendered {
				t.Errorf("%s shows rendered texts", key)
			}
		}
	}
	if feeds < 10 {
		t.Errorf("only %d feeds: the test proves nothing", feeds)
	}
}
