package routes_test

import (
	"slices"
	"strings"
	"testing"

	"patgate/routes"
	"patgate/routes/load"
	"patgate/routes/routestest"
)

// addressField is a field of an answer that holds an address: the key under which its object stands ("?": any), its own, what it is, and
// of what. What stands under a key that facts name says so, so that "?" is in no object of which all is changed.
type addressField struct{ parent, name, kind, of string }

// is tells whether a key of Response.Addresses stands for the field, somewhere.
func (f addressField) is(key string) bool {
	parent, name, qualified := strings.Cut(key, ".")
	if !qualified {
		return key == f.name
	}
	return f.parent == parent && (name == "*" || name == f.name) || f.parent == "?" && name == f.name
}

// readAddressFields gives the fields of a file of facts, by entity. A name of two parts says its parent.
func readAddressFields(t *testing.T, file string, least int) map[string][]addressField {
	t.Helper()
	all, followed := map[string][]addressField{}, 0
	for _, line := range readTSV(t, file, 3) {
		f := addressField{parent: "?", name: line[1], kind: line[2], of: line[0]}
		if parent, name, found := strings.Cut(line[1], "."); found {
			f.parent, f.name = parent, name
		}
		switch f.kind {
		case "followed":
			followed++
		case "people", "set", "relative", "elsewhere":
		default:
			t.Errorf("%s: %s.%s is of no kind: %q", file, line[0], line[1], f.kind)
		}
		all[line[0]] = append(all[line[0]], f)
	}
	if followed < least {
		t.Fatalf("only %d addresses in %s are followed: the test proves nothing", followed, file)
	}
	return all
}

// judgeAddresses tells what is wrong with a row whose answer holds those fields.
func judgeAddresses(r *routes.Route, fields []addressField) (wrong []string) {
	at := r.Source.String() + ": " + r.Method + " " + r.Path
	for _, f := range fields {
		given := slices.ContainsFunc(r.Response.Addresses, f.is)
		switch {
		case r.Response.Links: // all of them lead to patgate
		case f.kind == "followed" && !given:
			wrong = append(wrong, at+" shows "+f.of+"."+f.name+", which programs follow, and which leads past patgate")
		case f.kind != "followed" && given:
			wrong = append(wrong, at+" changes "+f.of+"."+f.name+", which is "+f.kind)
		}
	}
	for _, key := range r.Response.Addresses {
		if !slices.ContainsFunc(fields, func(f addressField) bool { return f.kind == "followed" && f.is(key) }) {
			wrong = append(wrong, at+" has "+key+" under addresses, and shows nothing for it")
		}
	}
	return wrong
}

// gitlabAddresses tells what is wrong with the rows in front of GitLab, and how many show addresses that are followed.
func gitlabAddresses(t *testing.T, rows map[string]*routes.Route) (wrong []string, showing int) {
	t.Helper()
	entities, fields := readEntities(t), readAddressFields(t, "testdata/gitlab-addresses.tsv", 90)
	for name := range fields {
		if entities[name] == nil {
			t.Errorf("there is no entity %s", name)
		}
	}
	shown := map[string][]addressField{}
	for _, line := range readTSV(t, "testdata/gitlab-presented.tsv", 4) {
		seen := map[string]bool{}
		var gather func(name string)
		gather = func(name string) {
			if e := entities[name]; e != nil && !seen[name] {
				seen[name] = true
				shown[line[0]+" "+line[1]] = append(shown[line[0]+" "+line[1]], fields[name]...)
				for inside := range e.inside {
					gather(inside)
				}
			}
		}
		for name := range strings.SplitSeq(line[2], ",") {
			gather(name)
		}
	}
	for key, r := range rows {
		if r.Surface != "" || r.Kind == routes.KindOtherCredential {
			continue
		}
		if slices.ContainsFunc(shown[key], func(f addressField) bool { return f.kind == "followed" }) {
			showing++
		}
		wrong = append(wrong, judgeAddresses(r, shown[key])...)
	}
	return wrong, showing
}

// TestAddressesOfGitLabLeadBack holds the table against what GitLab 19.3 answers with: each address of its own that programs follow leads
// to patgate, at whatever depth it stands, and nothing else is changed.
func TestAddressesOfGitLabLeadBack(t *testing.T) {
	rows := rowsByShape(t)
	wrong, showing := gitlabAddresses(t, rows)
	for _, w := range wrong {
		t.Error(w)
	}
	if showing < 150 {
		t.Errorf("only %d rows show addresses: the test proves nothing", showing)
	}
	for _, c := range []struct{ name, row, has, want string }{
		{"a row that is not listed", "GET /projects/{}", "", "shows BasicProjectDetails.http_url_to_repo, which programs follow"},
		{"a row that lacks a key", "GET /projects/{}/releases", "url", "shows Releases::Link.direct_asset_url"},
		{"a row with an address for people", "GET /projects/{}/issues", "_links.* web_url", "changes Issue.web_url, which is people"},
		{"a row with what a user has written", "GET /projects/{}", "_links.* http_url_to_repo import_url",
			"changes Projects::WithAccessAndCatalogSetting.import_url, which is set"},
		{"a row that is changed for nothing", "GET /projects/{}/jobs", "http_url_to_repo",
			"has http_url_to_repo under addresses, and shows nothing"},
	} {
		t.Run(c.name, func(t *testing.T) {
			kept := rows[c.row].Response.Addresses
			defer func() { rows[c.row].Response.Addresses = kept }()
			rows[c.row].Response.Addresses = strings.Fields(c.has)
			wrong, _ := gitlabAddresses(t, rows)
			if !slices.ContainsFunc(wrong, func(w string) bool { return strings.Contains(w, c.want) }) {
				t.Errorf("found %.1000q, want %s", wrong, c.want)
			}
		})
	}
}

// giteaAddresses is gitlabAddresses in front of Gitea, whose facts say under which key each definition stands.
func giteaAddresses(t *testing.T, table *routes.Table) (wrong []string, showing int) {
	t.Helper()
	fields := readAddressFields(t, "testdata/gitea-addresses.tsv", 40)
	shown := map[string][]addressField{}
	for _, line := range readTSV(t, "testdata/gitea-shown.tsv", 3) {
		key := line[0] + " " + giteaShape(line[1])
		for item := range strings.SplitSeq(line[2], ",") {
			parent, name, _ := strings.Cut(item, ":")
			if fields[name] == nil {
				t.Errorf("there is no definition %s", name)
			}
			for _, f := range fields[name] {
				f.parent = parent
				shown[key] = append(shown[key], f)
			}
		}
	}
	shown["GET /repos/{}/{}/contents-ext"] = shown["GET /repos/{}/{}/contents-ext/{}"]
	for _, r := range table.Routes() {
		if r.Surface != "" || r.Kind == routes.KindOtherCredential {
			continue
		}
		of := shown[r.Method+" "+giteaShape(r.Path)]
		if slices.ContainsFunc(of, func(f addressField) bool { return f.kind == "followed" }) {
			showing++
		}
		wrong = append(wrong, judgeAddresses(r, of)...)
	}
	return wrong, showing
}

// TestAddressesOfGiteaLeadBack holds the table against what Gitea 1.26 answers with.
func TestAddressesOfGiteaLeadBack(t *testing.T) {
	table, err := load.Gitea()
	if err != nil {
		t.Fatal(err)
	}
	wrong, showing := giteaAddresses(t, table)
	for _, w := range wrong {
		t.Error(w)
	}
	if showing < 150 {
		t.Errorf("only %d rows show addresses: the test proves nothing", showing)
	}
	r := routestest.Find(t, table, "GET /repos/{project}/pulls/{index}")
	for has, want := range map[string]string{
		"clone_url languages_url labels.url parent.url":         "shows Repository.url, which programs follow",
		"clone_url languages_url labels.url parent.url .url":    "changes PullRequest.url, which is people",
		"clone_url languages_url labels.url parent.url url":     "changes PullRequest.url, which is people",
		"clone_url languages_url labels.url parent.url ssh_url": "changes Repository.ssh_url, which is elsewhere",
	} {
		r.Response.Addresses = strings.Fields(has)
		if wrong, _ := giteaAddresses(t, table); !slices.ContainsFunc(wrong, func(w string) bool { return strings.Contains(w, want) }) {
			t.Errorf("found %.1000q, want %s", wrong, want)
		}
	}
}
