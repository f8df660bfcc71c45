package trust

import (
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"patgate/admin/terms"
	"patgate/routes"
)

// What a policy has when it says nothing, and bounds.
const (
	standardTTL    = 15 * time.Minute
	shortestTTL    = time.Minute
	longestTTL     = 24 * time.Hour
	standardActive = 20
	mostActive     = 1000
	longestGlob    = 512
)

// policy reads one policy, which may have further keys; nil when it is none.
func (l *loader) policy(n *yaml.Node, more ...string) *Policy {
	before := len(l.problems)
	e := l.mapping(n, "the policy", append(more, "name", "description", "issuer", "mode", "match", "deny", "owner", "grant",
		"ttl", "bind_to_job", "single_use", "direct_use", "max_active", "name_template", "tests")...)
	p := &Policy{Name: l.text(e["name"], "name"), Issuer: l.text(e["issuer"], "issuer"), Owner: l.text(e["owner"], "owner"),
		Description: l.text(e["description"], "description"), Mode: Enforce, TTL: standardTTL,
		BindToJob: l.truth(e["bind_to_job"], "bind_to_job", true), SingleUse: l.truth(e["single_use"], "single_use", true),
		DirectUse: l.truth(e["direct_use"], "direct_use", false),
		MaxActive: l.number(e["max_active"], "max_active", standardActive, mostActive),
		Source:    routes.Source{File: l.name, Line: n.Line}}
	for _, key := range []string{"name", "issuer", "match", "owner", "grant", "tests"} {
		if e[key] == nil {
			l.problem(n.Line, "write "+key+":", "the policy has no %s", key)
		}
	}
	l.head(n, e, p)
	if e["match"] != nil {
		p.Match = l.conditions(e["match"], "match", p.Kind)
	}
	if e["deny"] != nil {
		p.Deny = l.conditions(e["deny"], "deny", p.Kind)
	}
	if p.Kind != NoKind && e["match"] != nil {
		l.container(e["match"], p)
	}
	if e["grant"] != nil && e["match"] != nil {
		l.grant(e["grant"], p)
	}
	if p.DirectUse && p.SingleUse {
		l.problem(e["direct_use"].Line, "write single_use: false beside it", "direct_use has an ID token shown again and "+
			"again, and single_use takes each once")
	}
	l.template(e["name_template"], p)
	if e["tests"] != nil {
		p.Tests = l.tests(e["tests"])
	}
	if len(l.problems) > before {
		return nil
	}
	for _, f := range p.RunTests() {
		l.problem(f.Line, "change the policy or what its test wants", "a test of %s fails: %s", p.Name, f.Why)
	}
	l.set.byName[p.Name] = p
	l.set.names = append(l.set.names, p.Name)
	return p
}

// head reads name, issuer, mode and lifetime.
func (l *loader) head(n *yaml.Node, e map[string]*yaml.Node, p *Policy) {
	switch {
	case p.Name == "":
	case !validName(p.Name):
		l.problem(e["name"].Line, "write a-z, 0-9 and -, at most 63, such as release-notes", "the name %q cannot stand in "+
			"an audience",
			p.Name)
	case l.set.byName[p.Name] != nil:
		l.problem(e["name"].Line, "give it another name", "there are two policies %s, the other one at %s", p.Name,
			l.set.byName[p.Name].Source)
	}
	if p.Issuer != "" {
		at := slices.IndexFunc(l.Issuers, func(i Issuer) bool { return i.Name == p.Issuer })
		if at < 0 {
			names := make([]string, len(l.Issuers))
			for i := range l.Issuers {
				names[i] = l.Issuers[i].Name
			}
			l.problem(e["issuer"].Line, "add it to oidc.issuers of the configuration, or as an Issuer to the policies; "+
				"there are: "+
				strings.Join(names, ", "),
				"there is no issuer %q", p.Issuer)
		} else {
			i := &l.Issuers[at]
			p.Kind, p.IssuerURL, p.IssuerKeys, p.IssuerOfFile = i.Kind, i.URL, i.Keys, i.OfFile
		}
	}
	if m := e["mode"]; m != nil {
		at := slices.Index(modeNames[:], m.Value)
		if at < 0 {
			l.problem(m.Line, "write enforce, audit or paused", "there is no mode %q", m.Value)
		}
		p.Mode = Mode(max(at, 0))
	}
	if t := e["ttl"]; t != nil {
		var ok bool
		if p.TTL, ok = terms.ParseSpan(t.Value); !ok || p.TTL < shortestTTL || p.TTL > longestTTL {
			l.problem(t.Line, "write 15m; from 1m to 24h", "ttl %q is not the life of a token", t.Value)
		}
	}
}

// checked are the claims that are judged of every token.
var checked = []string{"iss", "aud", "exp", "nbf", "iat", "jti"}

// conditions reads match and deny.
func (l *loader) conditions(n *yaml.Node, what string, k Kind) (all []Condition) {
	l.entries(n, what, func(key, value *yaml.Node) {
		m := Condition{Claim: key.Value}
		if slices.Contains(checked, m.Claim) {
			l.problem(key.Line, "leave it out", "%s is checked of every token", m.Claim)
			return
		}
		if partsOf(m.Claim) == nil {
			l.problem(key.Line, "write a/b for b within a; a slash within a name is ~1, and ~ is ~0",
				"no claim can have the name %q", m.Claim)
			return
		}
		values := []*yaml.Node{value}
		if value.Kind == yaml.SequenceNode {
			values = l.list(value, m.Claim)
		}
		for _, v := range values {
			l.value(v, &m, what == "deny")
		}
		if m.Absent && len(m.Equal)+len(m.Globs) == 0 {
			l.problem(key.Line, "write what is denied beside it", "%s denies nothing", m.Claim)
		}
		all = append(all, m)
	})
	slices.SortFunc(all, func(a, b Condition) int { return strings.Compare(a.Claim, b.Claim) })
	return all
}

// value reads one value of a claim.
func (l *loader) value(n *yaml.Node, m *Condition, deny bool) {
	glob := n.Kind == yaml.MappingNode
	if glob {
		known := []string{"glob"}
		if deny {
			known = append(known, "absent")
		}
		e := l.mapping(n, m.Claim, known...)
		only, absent := e["glob"], e["absent"]
		if absent != nil {
			if absent.Value != "allow" || only != nil {
				l.problem(absent.Line, "write {absent: allow}, as an entry of its own", "%s: absent is %q", m.Claim, absent.Value)
			}
			m.Absent = true
			return
		}
		if only == nil {
			return // said already, where there are no regular expressions
		}
		n = only
	}
	text := l.text(n, m.Claim)
	switch {
	case text == "":
	case n.Tag == "!!float", n.Tag == "!!timestamp", n.Tag == "!!binary":
		l.problem(n.Line, `put it in quotes: "`+text+`"`, "%s: %s is not text", m.Claim, text)
	case strings.ContainsAny(text, "{}") || strings.Contains(text, "$("):
		l.problem(n.Line, "write the value itself: claims stand for something in the grant alone", "%s: %q has a template in it",
			m.Claim, text)
	case !glob && strings.Contains(text, "*"):
		l.problem(n.Line, `write {glob: "`+text+`"}`, "%s: %q is compared letter by letter, and has a * in it", m.Claim, text)
	case !glob:
		m.Equal = append(m.Equal, text)
	case strings.Trim(text, "*") == "":
		l.problem(n.Line, "leave the claim out, or say more", "%s: %q fits anything", m.Claim, text)
	case strings.Contains(text, "***") || len(text) > longestGlob:
		l.problem(n.Line, "* stands for anything without / and :, ** for anything", "%s: %q is not a glob, or is "+
			"too long", m.Claim, text)
	default:
		m.Globs = append(m.Globs, text)
	}
}

// container refuses a policy that does not name a container by an id: names are used again.
func (l *loader) container(n *yaml.Node, p *Policy) {
	for i := range p.Match {
		m := &p.Match[i]
		if !slices.Contains(p.Kind.ids(), m.Claim) || len(m.Globs) > 0 || len(m.Equal) == 0 {
			continue
		}
		if p.Kind.numeric() && !slices.ContainsFunc(m.Equal, func(text string) bool { return id(text) == 0 }) {
			return
		}
		if !p.Kind.numeric() {
			return
		}
	}
	l.problem(n.Line, "match one of "+strings.Join(p.Kind.ids(), ", ")+" by equality",
		"match names nothing by its id: whoever is given a name that became free would have this trust, or anybody at the issuer")
}

// template reads what tokens are called.
func (l *loader) template(n *yaml.Node, p *Policy) {
	if n == nil {
		return
	}
	p.NameTemplate = l.text(n, "name_template")
	rest := p.NameTemplate
	for rest != "" {
		_, after, open := strings.Cut(rest, "{")
		if !open {
			break
		}
		claim, behind, closed := strings.Cut(after, "}")
		if !closed || claim == "" || strings.Contains(claim, "{") {
			l.problem(n.Line, "write {project_path}", "name_template %q has a { without a claim and a }", p.NameTemplate)
			return
		}
		rest = behind
	}
}
