package load

import (
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"patgate/routes"
	"patgate/routes/load/document"
)

// overlayRows applies the rows and removals of a user's file. A row takes the place of one with its METHOD PATH, or is added.
func (s *section) overlayRows(rows, own []row) []row {
	if s.Root == nil {
		return rows
	}
	if n := document.Value(s.Root, "remove"); n != nil {
		s.remove(rows, n)
	}
	shapes := map[string]string{}
	for _, r := range rows {
		shapes[r.shape()] = r.key()
	}
	for _, r := range own {
		i, replaces := s.table.index[r.key()]
		switch other, taken := shapes[r.shape()]; {
		case replaces && rows[i].Source.File == s.File:
			s.duplicate(r, rows[i])
		case replaces && rows[i].Surface != r.Surface:
			s.ProblemAt(r.Source.Line, "put it into a file with `surface: "+rows[i].Surface+"`",
				"row %s is one of surface %s", r.key(), rows[i].Surface)
		case replaces:
			s.replace(&rows[i], r)
		case r.Surface != "":
			s.ProblemAt(r.Source.Line, "replace or remove a row that is there: see `patgate routes list`",
				"surface %s has no row %s, and no request would find it", r.Surface, r.key())
		case taken:
			s.ProblemAt(r.Source.Line, "write it as "+other+" to replace that row", "row %s matches the same requests as %s",
				r.key(), other)
		default:
			s.table.index[r.key()] = len(rows)
			rows = append(rows, r)
		}
	}
	return rows
}

// remove refuses the rows that `remove:` names. They stay in the table, refused: without the row, a request might match
// a less literal one, which the forge does not route it to.
func (s *section) remove(rows []row, n *yaml.Node) {
	for _, item := range s.Items(n, "remove") {
		text, ok := s.Text(item, "a row to remove")
		if !ok {
			continue
		}
		key := strings.Join(splitWords(text), " ")
		i, found := s.table.index[key]
		if !found {
			s.Problem(item, s.table.nearRow(key),
				"there is no row %s to remove", key)
			continue
		}
		gone := *rows[i].Route
		gone.Refused = "this route was removed by " + s.Source(item).String()
		gone.Source = s.Source(item)
		rows[i] = row{Route: &gone, removed: rows[i].Route}
	}
}

// replace puts r in the place of old, unless r drops something that protects and does not say that it means to.
func (s *section) replace(old *row, r row) {
	before := old.Route
	if old.removed != nil {
		before = old.removed
	}
	lost := dropped(before, r.Route)
	switch {
	case len(lost) > 0 && !r.unsafe:
		s.ProblemAt(r.Source.Line, "add them to the row, or say `unsafe: true` in it",
			"row %s replaces the one at %s and drops what protects it: %s", r.key(), before.Source, strings.Join(lost, ", "))
	case len(lost) == 0 && r.unsafe:
		s.ProblemAt(r.Source.Line, "remove `unsafe`",
			"row %s says unsafe, but drops nothing of the one at %s", r.key(), before.Source)
	}
	*old = r
}

// dropped lists what protects the row old and is missing in r.
func dropped(old, r *routes.Route) []string {
	var lost []string
	if old.Kind == routes.KindOtherCredential && r.Kind != routes.KindOtherCredential {
		lost = append(lost, "that it takes another credential ("+old.Credential+")")
	}
	if old.Find.From != routes.FindNowhere && !sameFind(old.Find, r.Find) {
		lost = append(lost, "where its container is found")
	}
	for _, t := range old.Targets {
		if !slices.ContainsFunc(r.Targets, func(o routes.Target) bool { return keeps(o, t) }) {
			lost = append(lost, "target "+t.Param+t.Capture)
		}
	}
	for _, key := range old.Response.Remove {
		if !slices.Contains(r.Response.Remove, key) {
			lost = append(lost, "response.remove "+key)
		}
	}
	if old.Response.ShowsRendered == "" && r.Response.ShowsRendered != "" {
		lost = append(lost, "that its answer shows no rendered text")
	}
	if old.Response.Links && !r.Response.Links {
		lost = append(lost, "links")
	}
	if old.Mints != "" && r.Mints == "" {
		lost = append(lost, "mints")
	}
	if old.Withheld() && r.Mints != "" && !r.Withheld() {
		lost = append(lost, "that patgate does not hand out what it mints (escapes)")
	}
	if r.Since < old.Since && !r.Withheld() && r.Refused == "" && (r.Writes() || r.Mints != "") {
		lost = append(lost, "since="+strconv.Itoa(old.Since))
	}
	for _, effect := range routes.NamedEffects() {
		if slices.Contains(old.Effects, effect) && !slices.Contains(r.Effects, effect) {
			lost = append(lost, effect)
		}
	}
	if old.Issues != r.Issues {
		lost = append(lost, "issues")
	}
	if old.Refused != "" && r.Refused == "" {
		lost = append(lost, "refuse")
	}
	if old.Spans && !r.Spans {
		lost = append(lost, "spans")
	}
	if old.Surface != "" && (old.Refs != r.Refs || old.Reads != r.Reads || old.Fresh && !r.Fresh) {
		lost = append(lost, "refs, reads or fresh")
	}
	if r.Redirects && !old.Redirects {
		lost = append(lost, "that it redirects to no other host")
	}
	for _, f := range old.Force {
		if !slices.Contains(r.Force, f) {
			lost = append(lost, "force "+f.Name)
		}
	}
	var params []string
	for name, rule := range old.Params {
		if now := r.Params[name]; now != routes.ParamRefuse &&
			(rule == routes.ParamRefuse && now != routes.ParamDrop || rule == routes.ParamClosed && now != rule ||
				rule == routes.ParamDrop && now != rule) {
			params = append(params, "parameters "+name)
		}
	}
	slices.Sort(params)
	return append(lost, params...)
}

func sameFind(a, b routes.Find) bool {
	if a.Lookup != nil && b.Lookup != nil {
		return *a.Lookup == *b.Lookup
	}
	return a == b
}

// keeps tells whether o checks at least what t checks.
func keeps(o, t routes.Target) bool {
	return o.Param == t.Param && o.Capture == t.Capture && o.Ref == t.Ref && o.Before == t.Before &&
		o.NeedSet.Contains(&t.NeedSet) && (o.Required || !t.Required)
}

// shape names the requests that a row matches, whatever its captures are called.
func (r row) shape() string { return r.Method + r.Pattern.Shape() }
