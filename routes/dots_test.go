package routes_test

import (
	"strings"
	"testing"

	"patgate/routes"
	"patgate/routes/load"
)

// TestNamespacesAreSentAsTheForgeReadsThem: a user's namespace has no id of its own, so that it is sent by its path. Where the
// forge's router takes no dots for the capture, what follows one would be a format, and another namespace would be meant.
func TestNamespacesAreSentAsTheForgeReadsThem(t *testing.T) {
	table, err := load.GitLab()
	if err != nil {
		t.Fatal(err)
	}
	requirements := readRequirements(t)
	seen, dotless := 0, 0
	check := func(table *routes.Table) (wrong []string) {
		for _, r := range table.Routes() {
			rules, known := requirements[r.Method+" "+newerRow(r).path]
			if !known {
				continue
			}
			theirs := capturePart.FindAllString(newerRow(r).path, -1)
			dots := r.TakesDots()
			for i, name := range r.Pattern.Captures() {
				if r.Pattern.Reference(name) != routes.RefNamespace || i >= len(theirs) {
					continue
				}
				seen++
				if rules.captures[strings.TrimLeft(theirs[i], ":*")] != "" {
					continue
				}
				dotless++
				if dots[i] {
					wrong = append(wrong, r.Method+" "+r.Path+": "+name)
				}
			}
		}
		return wrong
	}
	requirements = withNames(t, table, requirements)
	if wrong := check(table); len(wrong) > 0 {
		t.Errorf("these take dots, and the forge does not: %v", wrong)
	}
	if seen < 10 || dotless == 0 {
		t.Errorf("%d captures name a namespace, in %d the forge takes no dots: that proves nothing", seen, dotless)
	}
	files := routes.Files(routes.ForgeGitLab)
	for i := range files {
		files[i].Data = []byte(strings.ReplaceAll(string(files[i].Data), "target_id: numeric_namespace", "target_id: namespace"))
	}
	planted, problems := load.Table(load.Options{Table: files})
	if planted == nil {
		t.Fatal(problems)
	}
	if wrong := check(planted); len(wrong) != 2 || !strings.Contains(wrong[0], "minutes/move") {
		t.Errorf("a planted fault: %v", wrong)
	}
}

// withNames gives the requirements of rows by the names of the table's captures, which may be others than the forge's.
func withNames(t *testing.T, table *routes.Table, theirs map[string]captureRules) map[string]captureRules {
	t.Helper()
	byShape := map[string]string{}
	for key := range theirs {
		method, path, _ := strings.Cut(key, " ")
		byShape[method+" "+shapeOf(path)] = key
	}
	out := map[string]captureRules{}
	for _, r := range table.Routes() {
		key, found := byShape[r.Method+" "+tableShape(r)]
		if !found {
			continue
		}
		_, path, _ := strings.Cut(key, " ")
		ours, forges := capturePart.FindAllString(newerRow(r).path, -1), capturePart.FindAllString(path, -1)
		rules := captureRules{formats: theirs[key].formats, captures: map[string]string{}}
		for i := range min(len(ours), len(forges)) {
			rules.captures[strings.TrimLeft(ours[i], ":*")] = theirs[key].captures[strings.TrimLeft(forges[i], ":*")]
		}
		out[r.Method+" "+newerRow(r).path] = rules
	}
	return out
}
