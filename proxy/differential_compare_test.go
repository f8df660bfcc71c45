package proxy

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"patgate/audit"
	"patgate/policy"
	"patgate/routes"
)

// compare says in what the forge's reading of a request differs from what the gateway decided on.
func (c *corpus) compare(s *spec, e *audit.Event, seen *sighting) []string {
	d := &difference{}
	if e.Route == nil {
		return []string{"it was forwarded without a route"}
	}
	row := c.rows[e.Route.Method+" "+e.Route.Path]
	if row == nil || !row.names[seen.Route] {
		d.add("route", seen.Route, e.Route.Method+" "+e.Route.Path)
		return d.list
	}
	d.equal("method", seen.Method, s.method)
	d.equal("method before overrides", seen.OriginalMethod, s.method)
	var op routes.Operation
	if err := c.table.Classify(&op, s.method, []byte(plainTarget(s.target()))); err != nil {
		return append(d.list, "the table refuses what was sent: "+err.Error())
	}
	d.equal("row of what was sent", op.Route.Method+" "+op.Route.Path, e.Route.Method+" "+e.Route.Path)
	lookedUp(&op)
	c.target(d, &op, seen, s.method)
	overridden := c.captures(d, row, &op, seen)
	parameters(d, s, &op, seen, overridden)
	credentials(d, s, e, seen)
	return d.list
}

// plainTarget gives a target as it is meant: without the authority, with a slash for several, and with what needs an escape
// escaped. It is written without looking at the gateway's own.
func plainTarget(target string) string {
	if i := strings.Index(target, "://"); i > 0 && i < len("https")+1 {
		target = target[i+3:]
		target = target[strings.IndexByte(target, '/'):]
	}
	raw, query, has := strings.Cut(target, "?")
	for strings.Contains(raw, "//") {
		raw = strings.ReplaceAll(raw, "//", "/")
	}
	plain := ""
	for _, c := range []byte(raw) {
		if c > '~' || strings.ContainsRune("[]|^{}<>`\"", rune(c)) {
			plain += fmt.Sprintf("%%%02X", c)
		} else {
			plain += string(c)
		}
	}
	if has {
		plain += "?" + query
	}
	return plain
}

// difference collects what differs.
type difference struct{ list []string }

func (d *difference) add(what string, got, want any) {
	d.list = append(d.list, fmt.Sprintf("%s: the forge has %.300q, patgate %.300q", what, fmt.Sprint(got), fmt.Sprint(want)))
}

func (d *difference) equal(what, got, want string) {
	if got != want {
		d.add(what, got, want)
	}
}

// lookedUp gives the operation the id that the world's look-up answers.
func lookedUp(op *routes.Operation) {
	if l := op.Route.Find.Lookup; l != nil && l.Send != "" {
		for i := range op.Captures() {
			if c := &op.Captures()[i]; c.Ref == routes.RefNone && strings.Contains(l.Get, "{"+c.Name+"}") {
				id, _ := strconv.ParseInt(worldLookedUp(string(c.Value)), 10, 64)
				op.SetID(i, id)
				return
			}
		}
	}
}

// checked gives the value of a capture that was checked.
func checked(op *routes.Operation, i int) string {
	c := &op.Captures()[i]
	if c.Ref == routes.RefNone {
		if c.ID != 0 {
			return strconv.FormatInt(c.ID, 10)
		}
		return string(c.Value)
	}
	if c.Name != op.Route.Find.Name && !isTargetCapture(op.Route, c.Name) {
		if c.ID != 0 {
			return strconv.FormatInt(c.ID, 10)
		}
		return string(c.Value) // a user, or a container that the row does not check
	}
	return worldSent(c.Reference(), false)
}

func isTargetCapture(r *routes.Route, name string) bool {
	return slices.ContainsFunc(r.Targets, func(t routes.Target) bool { return t.Capture == name })
}

// target checks the path that was sent: Workhorse's reading of it changes nothing, and it classifies to the same row.
func (c *corpus) target(d *difference, op *routes.Operation, seen *sighting, method string) {
	raw, _, _ := strings.Cut(seen.Target, "?")
	if clean := path.Clean(raw); clean != strings.TrimSuffix(raw, "/") {
		d.add("Workhorse's path", clean, raw)
	}
	var again routes.Operation
	if err := c.table.Classify(&again, method, []byte(seen.Target)); err != nil {
		d.add("what was forwarded", seen.Target, err)
		return
	}
	if again.Route != op.Route || len(again.Captures()) != len(op.Captures()) {
		d.add("row of what was forwarded", again.Route.Path, op.Route.Path)
		return
	}
	for i := range again.Captures() {
		d.equal("capture "+again.Captures()[i].Name+" of what was forwarded", string(again.Captures()[i].Value), checked(op, i))
	}
}

// captures compares the path's captures and gives the forge's names of them: they win over parameters of the same name.
func (c *corpus) captures(d *difference, row *corpusRow, op *routes.Operation, seen *sighting) map[string]bool {
	overridden := map[string]bool{}
	format, hasFormat := seen.Grape["format"].(string)
	for ours, theirs := range row.captures {
		got := seen.Grape[theirs]
		if theirs == row.splat && hasFormat && !c.declares(op, seen, format) {
			// Grape takes the suffix of a splat for the format; where it is none, GitLab's endpoints put the two together again.
			got, hasFormat = fmt.Sprint(got, ".", format), false
		}
		i := slices.IndexFunc(op.Captures(), func(c routes.Capture) bool { return c.Name == ours })
		if i < 0 { // an optional part that is absent: the name is that of a parameter, if of anything
			overridden[theirs] = got == ""
			continue
		}
		overridden[theirs] = true
		d.equal("capture "+theirs, fmt.Sprint(got), checked(op, i))
	}
	if hasFormat && !overridden["format"] && op.Route.Params["format"] == routes.ParamUndeclared && !c.declares(op, seen, format) {
		d.add("format", format, "nothing")
	}
	return overridden
}

// declares tells whether the row declares a format: without it, the path is the same operation.
func (c *corpus) declares(op *routes.Operation, seen *sighting, format string) bool {
	raw, _, _ := strings.Cut(seen.Target, "?")
	bare, cut := strings.CutSuffix(raw, "."+format)
	var without routes.Operation
	if !cut || c.table.Classify(&without, op.Route.Method, []byte(bare)) != nil || without.Route != op.Route || len(without.Captures()) != len(op.Captures()) {
		return false
	}
	for i := range without.Captures() {
		if string(without.Captures()[i].Value) != checked(op, i) {
			return false
		}
	}
	return true
}

// parameters compares what Grape and Rails have with a plain reading of what was sent.
func parameters(d *difference, s *spec, op *routes.Operation, seen *sighting, overridden map[string]bool) {
	query, body, err := readPlainly(s, op.Route)
	if err != nil {
		d.list = append(d.list, "it was taken, but has not one plain reading: "+err.Error())
		return
	}
	if seen.BodyTaken {
		body = nil
	}
	query = slices.DeleteFunc(query, func(l leafValue) bool { return op.Route.Params[l.canonical()] == routes.ParamDrop })
	want := sent(op.Route, op, append(query, body...))
	for i := range op.Route.Force {
		f := &op.Route.Force[i]
		if !slices.ContainsFunc(query, func(l leafValue) bool { return l.canonical() == f.Name }) {
			want = append(want, leafValue{[]string{f.Name}, 's', f.Value})
		}
	}
	grape := leaves(nil, nil, seen.Grape)
	path := func(l leafValue) bool { return overridden[l.path[0]] || l.path[0] == "format" && len(l.path) == 1 }
	compareLeaves(d, "Grape", slices.DeleteFunc(grape, path), slices.DeleteFunc(slices.Clone(want), path))
	rails := leaves(nil, nil, seen.Rails)
	if op.Route.Body.Text {
		rails = slices.DeleteFunc(rails, func(l leafValue) bool { return len(l.path) == 1 && l.path[0] == "_json" && l.kind == 's' })
	}
	compareLeaves(d, "Rails", rails, want)
}

// compareLeaves compares without order. Rails drops nulls from lists and then the empty list, so these are left out.
func compareLeaves(d *difference, reader string, got, want []leafValue) {
	text := func(all []leafValue) []string {
		var out []string
		for _, l := range all {
			if l.kind == 'e' || l.kind == '0' && slices.Contains(l.path, "[]") {
				continue
			}
			out = append(out, l.String())
		}
		slices.Sort(out)
		return out
	}
	g, w := text(got), text(want)
	for _, one := range g {
		if i, found := slices.BinarySearch(w, one); found {
			w = slices.Delete(w, i, i+1)
			continue
		}
		d.add("parameter of "+reader, one, "none")
	}
	for _, one := range w {
		d.add("parameter of "+reader, "none", one)
	}
}

// credentials checks that the owner's credential, once and where the forge looks for it, is all that the forge could use.
func credentials(d *difference, s *spec, e *audit.Event, seen *sighting) {
	want := "[]"
	anonymous := e.Reason == policy.ReasonOpen.String() || e.Reason == policy.ReasonPublic.String()
	if !anonymous {
		at := map[routes.Auth]string{
			routes.AuthPrivateToken: "header PRIVATE-TOKEN",
			routes.AuthBearer:       "bearer",
			routes.AuthBasic:        "basic",
			routes.AuthNugetKey:     "header X-NuGet-ApiKey",
		}
		want = fmt.Sprintf("[[%s %s]]", at[placedAt(e.Route.Method, e.Route.Path, s.place)], ownerCredential)
	}
	got := slices.DeleteFunc(slices.Clone(seen.Credentials), func(c [2]any) bool {
		// A setting of the endpoint's own: GitLab takes it for a job's token only where nothing came before it.
		return c[0] == "parameter token" && e.Route.Params["token"] == routes.ParamPass
	})
	if got == nil {
		got = [][2]any{}
	}
	d.equal("credentials", fmt.Sprint(got), want)
	if seen.Sudo != nil {
		d.add("sudo", seen.Sudo, "nobody")
	}
	d.equal("client", fmt.Sprint(seen.Headers["HTTP_X_FORWARDED_FOR"]), "127.0.0.1")
	for _, name := range []string{"HTTP_X_HTTP_METHOD_OVERRIDE", "HTTP_SUDO", "HTTP_COOKIE", "HTTP_X_FORWARDED_HOST", "HTTP_FORWARDED", "HTTP_CONTENT_ENCODING"} {
		if value, there := seen.Headers[name]; there {
			d.add("header "+name, value, "none")
		}
	}
}
