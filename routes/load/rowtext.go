package load

import (
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"patgate/routes"
	"patgate/routes/load/document"
	"patgate/routes/nearest"
)

// rowText is a row's one-line form, split: METHOD PATH [flag...].
type rowText struct {
	method, path string
	public       bool
	spans        bool
	slash        bool
	reads        bool
	fresh        bool
	redirects    bool
	refs         routes.RefRule
	auth         []routes.Auth
	links        bool
	boundaries   []routes.Boundary
	formats      []string
	effects      []string
	since        int
}

// rowFlags are the flags of a row, as messages list them.
var rowFlags = [...]string{"public", "spans", "slash", "boundary=", "formats=", "since=", "reads", "fresh", "redirects", "refs=",
	"auth=", "links", "runs_as_owner", "exports", routes.EffectGrantsRights, routes.EffectChangesVisibility,
	routes.EffectStoresSecret}

// parseRowText reads a row's one-line form. ok is false without a method or path; after other problems it reads on.
func parseRowText(d *document.Document, n *yaml.Node, s string) (rowText, bool) {
	var row rowText
	words := splitWords(s)
	if len(words) < 2 {
		d.Problem(n, "write METHOD PATH, such as GET /projects/{project}/jobs", "row %q has no path", s)
		return row, false
	}
	row.method, row.path = words[0], words[1]
	if !routes.HasRows(row.method) {
		fix := "use GET, POST, PUT, PATCH or DELETE"
		if upper := strings.ToUpper(row.method); upper != row.method && routes.HasRows(upper) {
			fix = "write " + upper
		} else if row.method == "HEAD" {
			fix = "remove it: HEAD is read as GET"
		}
		d.Problem(n, fix, "method %q has no rows", row.method)
		return row, false
	}
	seen := map[string]bool{}
	for _, word := range words[2:] {
		name, value, _ := strings.Cut(word, "=")
		if seen[name] {
			d.Problem(n, "write it once", "flag %q appears twice", name)
			continue
		}
		seen[name] = true
		rowFlag(d, n, &row, word, name, value)
	}
	return row, true
}

func rowFlag(d *document.Document, n *yaml.Node, row *rowText, word, name, value string) {
	switch {
	case word == "public":
		row.public = true
		if row.method != "GET" && row.method != "POST" { // some reads are sent by POST
			d.Problem(n, "remove the flag", "flag \"public\" on %s: only reads can be public", row.method)
		}
	case word == "spans":
		row.spans = true
	case word == "slash":
		row.slash = true
	case word == "reads":
		row.reads = true
		if row.method != "POST" {
			d.Problem(n, "remove the flag", "flag \"reads\" on %s: it is for a POST that changes nothing", row.method)
		}
	case word == "fresh":
		row.fresh = true
	case word == "redirects":
		row.redirects = true
	case word == "links":
		row.links = true
	case name == "auth" && value != "":
		row.auth = parsePlaces(d, n, value)
	case name == "refs" && value != "":
		switch value {
		case "listed":
			row.refs = routes.RefsListed
		case "none":
			row.refs = routes.RefsNone
		default:
			d.Problem(n, "write refs=listed or refs=none", "flag %q has an unknown value", word)
		}
	case slices.Contains(effectNames[:], word):
		row.effects = append(row.effects, word)
	case name == "boundary" && value != "":
		row.boundaries = parseBoundaries(d, n, strings.Split(value, ","))
	case name == "formats" && value != "":
		row.formats = strings.Split(value, ",")
		for _, f := range row.formats {
			if f == "" || strings.Trim(f, "abcdefghijklmnopqrstuvwxyz0123456789.") != "" {
				d.Problem(n, "write suffixes without the first dot: formats=json,txt",
					"format %q has characters that no suffix has", f)
			}
		}
	case name == "since" && value != "":
		since, err := strconv.Atoi(value)
		if err != nil || since < 1 {
			d.Problem(n, "write the table's version from which on the row holds: since=2", "flag %q has no version", word)
			return
		}
		row.since = since
	default:
		known := rowFlags[:]
		d.Problem(n, nearest.DidYouMean(word, known, "use one of "+strings.Join(known, ", ")), "unknown flag %q", word)
	}
}

// anyPlace stands for the places that GitLab reads on every row, and Basic credentials.
const anyPlace = "any"

// parsePlaces reads the value of the flag auth=.
func parsePlaces(d *document.Document, n *yaml.Node, value string) []routes.Auth {
	if value == anyPlace {
		return []routes.Auth{routes.AuthPrivateToken, routes.AuthBearer, routes.AuthBasic}
	}
	var out []routes.Auth
	for name := range strings.SplitSeq(value, ",") {
		auth, known := routes.ParseAuth(name)
		switch {
		case !known:
			d.Problem(n, "use any alone, or some of "+strings.Join(routes.AuthNames(), ", "), "unknown place %q in auth=", name)
		case slices.Contains(out, auth):
			d.Problem(n, "write it once", "place %q appears twice in auth=", name)
		default:
			out = append(out, auth)
		}
	}
	if len(out) > 1 && slices.Contains(out, routes.AuthTicket) {
		d.Problem(n, "write auth=ticket alone", "a row with auth=ticket takes nothing else")
	}
	return out
}

// parseBoundaries reads names of boundaries into their order, project first.
func parseBoundaries(d *document.Document, n *yaml.Node, names []string) []routes.Boundary {
	var have [routes.BoundaryInstance + 1]bool
	for _, name := range names {
		b, err := routes.ParseBoundary(name)
		switch {
		case err != nil:
			d.Problem(n, "use project, group, user or instance", "unknown boundary %q", name)
		case have[b]:
			d.Problem(n, "write it once", "boundary %q appears twice", name)
		}
		have[b] = true
	}
	out := []routes.Boundary{} // not nil: something was declared, even if it was wrong
	for b := routes.BoundaryProject; b <= routes.BoundaryInstance; b++ {
		if have[b] {
			out = append(out, b)
		}
	}
	return out
}

// splitWords splits at blanks that are not inside braces, so that {name: class} stays together.
func splitWords(s string) []string {
	var words []string
	start, depth := -1, 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		if (c == ' ' || c == '\t') && depth <= 0 {
			if start >= 0 {
				words = append(words, s[start:i])
				start = -1
			}
			continue
		}
		switch c {
		case '{':
			depth++
		case '}':
			depth--
		}
		if start < 0 {
			start = i
		}
	}
	if start >= 0 {
		words = append(words, s[start:])
	}
	return words
}
