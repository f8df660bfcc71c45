package proxy

import (
	"fmt"
	"math/rand/v2"
	"net/url"
	"slices"
	"strings"
)

// mutator changes requests in the ways in which the forge reads them differently from how they look.
type mutator struct {
	rng    *rand.Rand
	corpus *corpus
}

// mutate gives a request for a random pair, mostly with one change, so that many still pass; at most with four.
func (m *mutator) mutate() *spec {
	p := m.corpus.pairs[m.rng.IntN(len(m.corpus.pairs))]
	s := p.base(m.rng, m.rng.IntN(len(p.paths)))
	for range max(1, m.rng.IntN(8)-3) {
		switch n := m.rng.IntN(100); {
		case n < 40:
			m.path(s)
		case n < 67:
			m.query(s)
		case n < 85:
			m.body(s)
		case n < 95:
			m.header(s)
		default:
			m.method(s)
		}
	}
	return s
}

func (m *mutator) one(all []string) string { return all[m.rng.IntN(len(all))] }

func (s *spec) changed(format string, args ...any) {
	s.changes = append(s.changes, fmt.Sprintf(format, args...))
}

// pathInserts are put at the end of a segment or anywhere in it.
var pathInserts = []string{
	".json", "%2Ejson", "%2ejson", ".xml", ".foo", ".patch", ".txt", ".foo%2Fbar", ".", "%2E", "..", "%2e%2e", "...", ";x", ";x=1", "/",
	"//", "%2F", "%2f",
	"%252F", "%00", "%0a", "%0A", "%0d%0a", "%09", "%20", "+", "%2B", "%5c", "%5C", "%3F", "%3Fx=1", "%23", "%25", "%2525", "%7f", "%80",
	"%ff",
	"%c0%ae", "%e0%80%ae", "%c0%af", "%c3%a9", "%C3%A9", "%ef%bc%8f", "@", ":", "~", "!", "'", "*", ",", "=", "&", "$", "(", ")", "-",
	"_", "%2D", "%5F", "%61", "%",
	"%4", "%zz", "/.", "/..", "/./", "/../", "%2F..%2F2", "/%2e", "/%2e%2e/", "%2f%2e%2e%2f", "[", "]", "|", "^", "{x}", "`", "<>", "\"",
	"[slug]", "100%25.md", "%25%34%31", "%2541", "%25%2F", "%252E", "%255B", "%5B", "\xc3\xa9", "\\", "\\..\\", "%u002f", "%E2%80%8B",
	"///", "/%2F",
}

// segmentValues stand in the place of a segment.
var segmentValues = []string{
	"1", "17", "0", "007", "+5", "-1", "%2B5", "5%0A", "1%0Afoo%2Fbar", "5.0", "1_0", "0x5", "5e0", "%31", "%31%37",
	"9223372036854775807", "9223372036854775808",
	"99999999999999999999", "%D9%A1", "v1.2.3", "1.json", "1.2", ".gitignore", "a.b.c", "-", "%2d", ".", "..", "%2e", "...", "g%2Fp",
	"g%2fp", "G%2FP", "g%252Fp",
	"g%2Fmy%2Eproj", "g%2F%2Fp", "%2Fg%2Fp", "g%2Fp%2F", "g%2F..%2Fp", "g%2F.%2Fp", "g%5Cp", "g%2Fp.json", "g%2Fp%2Ejson", "some-user",
	"some.user", "self", "%73elf", "all",
	"feature%2Fx", "feature%2Fx.json", "refs%2Fheads%2Fx", "@scope%2Fname", "@scope%2fname", "a%20b", "a+b", "%E4%BD%A0", "100%25",
	"100%2525", "a%252Fb", "pages%2F[slug].tsx", "[x]|{y}", "\xe4\xbd\xa0", "%25", "%25.json", "a%25.b", "%252e%252e", "~", "index.json",
	"index", "list", "latest",
}

// prefixes of paths, in the place of /api/v4.
var pathPrefixes = []string{
	"//api/v4", "/api//v4", "/api/v4/", "/./api/v4", "/x/../api/v4", "/API/v4", "/api/V4", "/api/%764", "/%61pi/v4", "/api/v3",
	"/api/v4/../v4", "/o/default/api/v4",
	"/api/v4/%2e", "/api%2Fv4", "http://patgate.test/api/v4", "//patgate.test/api/v4", "///api/v4", "//api//v4//", "/api/v4.0",
	"/api/v04", "api/v4", "/-/api/v4", "/api/v4/api/v4",
}

func (m *mutator) path(s *spec) {
	segments := strings.Split(s.path, "/")
	i := 1
	if len(segments) > 3 {
		i = 3 + m.rng.IntN(len(segments)-3) // behind /api/v4
	}
	switch m.rng.IntN(12) {
	case 0, 1, 2:
		insert := m.one(pathInserts)
		at := len(segments[i])
		if m.rng.IntN(3) == 0 {
			at = m.rng.IntN(at + 1)
		}
		s.changed("%q in segment %d", insert, i)
		segments[i] = segments[i][:at] + insert + segments[i][at:]
	case 3, 4, 5:
		value := m.one(segmentValues)
		s.changed("segment %d is %q", i, value)
		segments[i] = value
	case 6, 7:
		literal := m.one(m.corpus.literals)
		s.changed("segment %d is the literal %q", i, literal)
		segments[i] = literal
	case 8:
		if n := len(segments[i]); n > 0 {
			at := m.rng.IntN(n)
			hexes := fmt.Sprintf([...]string{"%%%02x", "%%%02X", "%%25%02x"}[m.rng.IntN(3)], segments[i][at])
			s.changed("%s in segment %d", hexes, i)
			segments[i] = segments[i][:at] + hexes + segments[i][at+1:]
		}
	case 9:
		switch m.rng.IntN(4) {
		case 0:
			s.changed("without segment %d", i)
			segments = slices.Delete(segments, i, i+1)
		case 1:
			s.changed("segment %d twice", i)
			segments = slices.Insert(segments, i, segments[i])
		case 2:
			more := m.one([]string{"", ".", "..", "-", m.one(segmentValues), m.one(m.corpus.literals)})
			s.changed("further segment %q", more)
			segments = slices.Insert(segments, i, more)
		default:
			segments[i] = strings.ToUpper(segments[i])
			s.changed("segment %d in capitals", i)
		}
	case 10:
		prefix := m.one(pathPrefixes)
		s.changed("prefix %q", prefix)
		s.path = prefix + strings.TrimPrefix(s.path, "/api/v4")
		return
	default:
		insert := m.one([]string{"/", ".json", "%2Ejson", "//", "/.", ".", "#x", "%20", ";", ".atom", ".md", "/index.json", ".html"})
		s.changed("%q at the end", insert)
		s.path += insert
		return
	}
	s.path = strings.Join(segments, "/")
}

// hostileNames are parameter names that the forge reads in more ways than one, or that mean something to a part of it.
var hostileNames = []string{
	"sudo", "[sudo]", "[[sudo]]", "sudo[]", "sudo]", "]sudo", "sudo[x]", "sud%6f", "%73udo", "%20sudo", "+sudo", "SUDO", "sudo%00",
	"sudo%20", "x[sudo]",
	"id", "id[]", "id[x]", "%69d", "project_id", "group_id", "user_id", "project_id[]", "namespace_id", "namespace", "path",
	"to_project_id", "target_project_id",
	"private_token", "private%5Ftoken", "[private_token]", "private_token[]", "access_token", "bearer_token", "job_token", "token",
	"feed_token", "rss_token", "PRIVATE_TOKEN",
	"_method", "[_method]", "_method[]", "%5Fmethod", "format", "[format]", "format[]", "go-get", "go%2Dget", "[go-get]", "_json",
	"authenticity_token", "version", "route_info", "method",
	"controller", "action", "page", "per_page", "search", "state", "title", "labels", "labels[]", "not[author_id]", "not[state]", "a;b",
	"a.b", "Title", "x-y", "utf8", "%00", "%", "a%0Ab",
	"a[b][c]", "a[][b]", "a[][]", "a[b", "a]b", "a[]]", "[]", "", "%F0%9F%98%80", "%ff", "a%3Db", "a%26sudo", "a[%73udo]", "a%5Bb%5D",
	":action", "include_ancestor_groups", "with_shared",
}

var hostileValues = []string{
	"1", "5", "17", "170", "root", "", "%00", "1%0A2", "a+b", "a%20b", "%C3%A9", "%ff", "some.group%2Fsub%2Fsome.project",
	"some.group%2Fsub", "true", "false", "null", "NaN", "1.5", "005", "%2B5",
	"%2e%2e%2f", "a%26sudo%3Droot", "a;sudo=root", "[1]", "{}", "json", "xml", "DELETE", "glpat-other", "a=b", "a%0D%0Ab", "%", "%4",
	"1%20", "other.group%2Fother.proj", "9223372036854775808", "*", "1,2",
}

// name gives a parameter name: a hostile one, or one that means something to the row.
func (m *mutator) name(s *spec) string {
	r := s.pair.row
	if m.rng.IntN(3) == 0 {
		names := []string{r.Find.Name}
		for i := range r.Targets {
			names = append(names, r.Targets[i].Param, r.Targets[i].Capture)
		}
		for name := range r.Params {
			names = append(names, name)
		}
		for i := range r.Force {
			names = append(names, r.Force[i].Name)
		}
		for _, c := range m.corpus.rows[r.Method+" "+r.Path].captures {
			names = append(names, c)
		}
		slices.Sort(names) // maps have no order, seeds have
		if name := m.one(names); name != "" {
			return url.QueryEscape(wireName(name)) + m.one([]string{"", "", "", "[]", "[x]", "%20"})
		}
	}
	return m.one(hostileNames)
}

func (m *mutator) query(s *spec) {
	pair := m.name(s) + "=" + m.one(hostileValues)
	switch m.rng.IntN(10) {
	case 0:
		if len(s.query) > 0 {
			pair = m.one(s.query) // twice
		}
	case 1:
		pair = m.name(s) // without a value
	case 2:
		pair += ";" + m.name(s) + "=" + m.one(hostileValues)
	case 3:
		pair = m.one([]string{"", "=", "=x", "&", "&&", "?", "a=b?c=d", "%26sudo=root", "sudo", "=sudo", "a==b"})
	}
	s.changed("query %q", pair)
	s.query = slices.Insert(s.query, m.rng.IntN(len(s.query)+1), pair)
}

func (m *mutator) method(s *spec) {
	s.method = m.one([]string{"GET", "HEAD", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "get", "TRACE", "LINK", "Post"})
	s.changed("method %s", s.method)
}
