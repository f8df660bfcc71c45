// Package trust holds the policies by which a job, a pod or an agent that has an ID token of its own issuer gets a patgate token
// for minutes: it reads them, matches claims with them, and says what they grant. It takes values and returns values.
package trust

import (
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"patgate/policy"
	"patgate/routes"
)

// Mode is what becomes of tokens that a policy matches. The zero value refuses them.
type Mode uint8

// Paused refuses everything, Audit refuses and tells why and what would have been given, Enforce gives.
const (
	Paused Mode = iota
	Audit
	Enforce
)

var modeNames = [...]string{"paused", "audit", "enforce"}

// String gives the mode as policies write it.
func (m Mode) String() string {
	if int(m) < len(modeNames) {
		return modeNames[m]
	}
	return modeNames[Paused]
}

// Issuer is what policies need to know of one: its name, which they use, its URL and its kind.
type Issuer struct {
	Name, URL string
	Kind      Kind
	// Keys says where its keys are, as issuer.Issuer does.
	Keys string
	// OfFile: it stands in a file of policy as code, so that where its keys are is a part of what an owner allows.
	OfFile bool
}

// Policy says which ID tokens of one issuer are traded for which patgate token.
type Policy struct {
	Name, Description string
	Issuer, IssuerURL string
	// IssuerKeys says where the keys of the issuer are, IssuerOfFile whether a file of policy as code does.
	IssuerKeys   string
	IssuerOfFile bool
	Kind         Kind // of the issuer
	Mode         Mode
	// Match must all hold, and none of Deny. Both are in the order of their claims.
	Match, Deny []Condition
	// Owner is the username or the forge user id of whose credential acts.
	Owner string
	// Power is all that any token of this policy may ever do: what is granted, with every value that a claim may have.
	Power []policy.ScopeSpec
	// TTL is how long a token lives at most.
	TTL time.Duration
	// BindToJob: it dies with the ID token.
	BindToJob bool
	// SingleUse: an ID token is traded once.
	SingleUse bool
	// DirectUse: an ID token may be sent itself, wherever a patgate token may stand.
	DirectUse bool
	// MaxActive is how many tokens of this policy may be alive at once.
	MaxActive int
	// NameTemplate is what its tokens are called, for display alone.
	NameTemplate string
	Tests        []Test
	Source       routes.Source

	node   *yaml.Node   // the document of policy as code; nil when a file of trusts has it
	places [][2][]place // of each scope of Power: projects and groups as the policy names them
}

// Audience is what an ID token for a policy must be made for: nobody else's audience, nor that of another policy.
func (p *Policy) Audience(base string) string { return base + audiencePart + p.Name }

const audiencePart = "/trust/"

// NameOf gives the policy that an audience is for; empty when it is for none.
func NameOf(audience, base string) string {
	name, ok := strings.CutPrefix(audience, base+audiencePart)
	if !ok || !validName(name) {
		return ""
	}
	return name
}

// Verdict is whether claims are what a policy asks for, and which claim is not. The zero value is no.
type Verdict struct {
	Allowed bool
	// Claim is that which did not match, or was denied; Why says what was asked for, in words for the author of the policy.
	Claim, Why string
}

// Judge tells whether claims are what the policy asks for. It says nothing of who signed them, nor of the policy's mode.
func (p *Policy) Judge(c Claims) Verdict {
	for i := range p.Match {
		if m := &p.Match[i]; !m.Holds(c[m.Claim]) || c[m.Claim].Many && slices.Contains(p.Kind.ids(), m.Claim) {
			return Verdict{Claim: m.Claim, Why: "it must be " + m.String()}
		}
	}
	if len(p.Match) == 0 {
		return Verdict{Why: "the policy matches nothing"}
	}
	for i := range p.Deny {
		if m := &p.Deny[i]; m.Denies(c[m.Claim]) {
			return Verdict{Claim: m.Claim, Why: "it must be there and not be " + m.String()}
		}
	}
	if name, foreign := p.Kind.foreign(); name != "" {
		if v := c[name]; v.Many || v.Odd || len(v.Texts) != 1 || foreign(v.Texts[0]) && !p.lists(name, v.Texts[0]) {
			return Verdict{Claim: name, Why: "pipelines of merge and pull requests run what anybody proposes: it must be " +
				"one of another kind, or match must list it by its name"}
		}
	}
	return Verdict{Allowed: true}
}

// lists tells whether a value of a claim is asked for by equality.
func (p *Policy) lists(claim, value string) bool {
	return slices.ContainsFunc(p.Match, func(m Condition) bool { return m.Claim == claim && slices.Contains(m.Equal, value) })
}

// Grant gives what a token for claims that matched may do.
func (p *Policy) Grant(c Claims) ([]policy.ScopeSpec, bool) {
	specs := slices.Clone(p.Power)
	for i := range specs {
		var ok [2]bool
		specs[i].ProjectIDs, ok[0] = p.idsOf(p.places[i][0], c)
		specs[i].GroupIDs, ok[1] = p.idsOf(p.places[i][1], c)
		if !ok[0] || !ok[1] {
			return nil, false
		}
	}
	return specs, true
}

// Set are the policies that are in force. The zero value has none.
type Set struct {
	byName map[string]*Policy
	names  []string
}

// Find gives a policy by its name; nil when there is none.
func (s *Set) Find(name string) *Policy {
	if s == nil {
		return nil
	}
	return s.byName[name]
}

// Within gives the set without the policies that came of documents and stand among those not any more, or otherwise: what it
// keeps while something is wrong with them.
func (s *Set) Within(documents []Document) *Set {
	return s.of(func(p *Policy) bool {
		return p.node == nil || slices.ContainsFunc(documents, func(d Document) bool { return same(d.Node, p.node) })
	})
}

// OfDocuments gives the policies that came of documents.
func (s *Set) OfDocuments() *Set { return s.of(func(p *Policy) bool { return p.node != nil }) }

func (s *Set) of(is func(*Policy) bool) *Set {
	some := &Set{byName: map[string]*Policy{}}
	for _, p := range s.All() {
		if is(p) {
			some.byName[p.Name] = p
			some.names = append(some.names, p.Name)
		}
	}
	return some
}

// All gives the policies in the order of their names.
func (s *Set) All() []*Policy {
	if s == nil {
		return nil
	}
	all := make([]*Policy, 0, len(s.names))
	for _, name := range s.names {
		all = append(all, s.byName[name])
	}
	return all
}
