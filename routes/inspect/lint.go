package inspect

import (
	"slices"

	"patgate/routes"
	"patgate/routes/graphql"
	"patgate/routes/load"
)

// Report is what Lint found. Table is nil when there are problems.
type Report struct {
	Table    *routes.Table
	Problems []routes.Problem // a table with these is not loaded
	Warnings []routes.Problem // it is loaded, but its author may want to know
}

// Lint loads a table and looks for rows that are allowed but rarely meant. Warnings are about the overlay's rows, or about all
// rows when there is no overlay.
func Lint(opts load.Options) Report {
	t, problems := load.Table(opts)
	report := Report{Table: t, Problems: problems}
	if t == nil {
		return report
	}
	if wrong := graphql.Check(t); len(wrong) > 0 {
		return Report{Problems: wrong}
	}
	var files []string
	for _, f := range opts.Overlay {
		files = append(files, f.Name)
	}
	known := builtInWarnings(opts)
	for _, r := range t.Routes() {
		if own := slices.Contains(files, r.Source.File); own || len(files) == 0 {
			report.Warnings = append(report.Warnings, slices.DeleteFunc(warnings(r, t, own),
				func(p routes.Problem) bool { return known[p.Message] })...)
		}
	}
	routes.SortProblems(report.Warnings, files)
	return report
}

// builtInWarnings are the messages that built-in rows would get if they were a user's: a user's copy of such a row is no mistake.
// Each names its row.
func builtInWarnings(opts load.Options) map[string]bool {
	known := map[string]bool{}
	if len(opts.Overlay) == 0 {
		return known
	}
	opts.Overlay = nil
	t, _ := load.Table(opts)
	if t == nil {
		return known
	}
	for _, r := range t.Routes() {
		for _, p := range warnings(r, t, true) {
			known[p.Message] = true
		}
	}
	return known
}

// warnings lists what is odd about a row; own tells that it is the user's. The forge itself has writes whose container
// cannot be found, so that is only odd in a row of the user.
func warnings(r *routes.Route, t *routes.Table, own bool) []routes.Problem {
	var out []routes.Problem
	warn := func(message, fix string) {
		out = append(out, routes.Problem{Source: r.Source, Message: r.Method + " " + r.Path + " " + message, Fix: fix})
	}
	for _, p := range r.Needs {
		info := t.Catalogue().Info(p)
		if info.Deprecated {
			warn("needs the deprecated permission "+info.Name, "put the row under the permission that took its place")
		}
		for _, b := range r.Boundaries {
			// A group's lists hold what its projects have.
			listed := r.Surface == routes.SurfaceGraphQL && b == routes.BoundaryGroup
			if !slices.Contains(info.Boundaries, b) && !listed {
				warn("has boundary "+b.String()+", on which "+info.Name+" is not granted",
					"add the boundary to the permission, or remove it from the row")
			}
		}
	}
	for _, target := range r.Targets {
		for _, p := range target.Needs {
			if info := t.Catalogue().Info(p); info.Deprecated {
				warn("needs the deprecated permission "+info.Name+" of a target", "name the permission that took its place")
			}
		}
	}
	if own && r.Writes() && r.OnlyAllMemberships() {
		warn("writes, and only scopes with all_memberships reach it", "say under find or lookup where its container is found")
	}
	return out
}
