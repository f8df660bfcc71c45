package trust

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"patgate/policy"
)

// Rules are all of a policy that decides who gets its tokens, and for how long: what its owner allows beside the grant. They are
// kept as JSON with what was allowed, so that an edit of the file counts when it narrows them, and no more than that.
type Rules struct {
	Issuer       string      `json:"issuer"`
	URL          string      `json:"url"`
	Kind         Kind        `json:"kind"`
	Keys         string      `json:"keys,omitempty"` // where those of an issuer of a file are, when it says so
	AudienceBase string      `json:"audience"`
	Match        []Condition `json:"match"`
	Deny         []Condition `json:"deny,omitempty"`
	// Places are the projects and groups of each scope as the policy names them: ids, and claims in braces.
	Places    [][2][]string `json:"places"`
	TTL       time.Duration `json:"ttl"`
	BindToJob bool          `json:"bind_to_job"`
	SingleUse bool          `json:"single_use"`
	DirectUse bool          `json:"direct_use,omitempty"`
	MaxActive int           `json:"max_active"`
}

// Rules gives those of a policy whose ID tokens are made for an audience with that base.
func (p *Policy) Rules(audience string) *Rules {
	r := &Rules{Issuer: p.Issuer, URL: p.IssuerURL, Kind: p.Kind, AudienceBase: audience, Match: p.Match, Deny: p.Deny,
		TTL: p.TTL, BindToJob: p.BindToJob, SingleUse: p.SingleUse, DirectUse: p.DirectUse, MaxActive: p.MaxActive}
	if p.IssuerOfFile {
		r.Keys = p.IssuerKeys
	}
	for _, scope := range p.places {
		var named [2][]string
		for i := range scope {
			for _, at := range scope[i] {
				named[i] = append(named[i], at.String())
			}
		}
		r.Places = append(r.Places, named)
	}
	return r
}

// String writes rules as they are stored.
func (r *Rules) String() string {
	data, err := json.Marshal(r)
	if err != nil {
		panic(err) // texts, numbers and truth values alone
	}
	return string(data)
}

// ParseRules reads what String wrote.
func ParseRules(text string) (*Rules, error) {
	var r Rules
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		return nil, fmt.Errorf("reading the rules of a trust: %w", err)
	}
	return &r, nil
}

// Beyond says what lets through more, or longer, than other rules do; empty when nothing does. What cannot be shown to be
// narrower counts as wider.
func (r *Rules) Beyond(o *Rules) string {
	switch {
	case r.Issuer != o.Issuer || r.URL != o.URL || r.Kind != o.Kind || r.Keys != o.Keys:
		return "issuer"
	case r.AudienceBase != o.AudienceBase:
		return "audience"
	case r.TTL > o.TTL:
		return "ttl"
	case r.MaxActive > o.MaxActive:
		return "max_active"
	case o.BindToJob && !r.BindToJob:
		return "bind_to_job"
	case o.SingleUse && !r.SingleUse:
		return "single_use"
	case r.DirectUse && !o.DirectUse:
		return "direct_use"
	}
	for i := range o.Match {
		m := find(r.Match, o.Match[i].Claim)
		if m == nil || !within(m.Equal, o.Match[i].Equal) || !within(m.Globs, o.Match[i].Globs) {
			return "match of " + o.Match[i].Claim
		}
	}
	// A further claim narrows, except where listing a value is what lets it through.
	if name, foreign := r.Kind.foreign(); name != "" && find(o.Match, name) == nil {
		m := find(r.Match, name)
		if m != nil && slices.ContainsFunc(m.Equal, foreign) {
			return "match of " + name
		}
	}
	for i := range o.Deny {
		m := find(r.Deny, o.Deny[i].Claim)
		if m == nil || !within(o.Deny[i].Equal, m.Equal) || !within(o.Deny[i].Globs, m.Globs) ||
			m.Absent && !o.Deny[i].Absent {
			return "deny of " + o.Deny[i].Claim
		}
	}
	return ""
}

// Grant gives what scopes that were allowed with these rules come to for claims: where a scope names a claim, what that is. Not
// ok is for claims that the rules do not let through.
func (r *Rules) Grant(scopes []policy.ScopeSpec, c Claims) ([]policy.ScopeSpec, bool) {
	p := Policy{Match: r.Match, Power: scopes}
	if len(r.Places) != len(scopes) {
		return nil, false
	}
	for _, named := range r.Places {
		var at [2][]place
		for i := range named {
			for _, text := range named[i] {
				one, ok := placeOf(text)
				if !ok {
					return nil, false
				}
				at[i] = append(at[i], one)
			}
		}
		p.places = append(p.places, at)
	}
	return p.Grant(c)
}

// Lines say rules for people, one a line.
func (r *Rules) Lines() []string {
	lines := []string{"issuer " + r.Issuer + " (" + r.Kind.String() + ", " + r.URL + "), audience below " + r.AudienceBase}
	if r.Keys != "" {
		lines = append(lines, "keys of the issuer: "+r.Keys)
	}
	for i := range r.Match {
		lines = append(lines, "match "+r.Match[i].Claim+": "+r.Match[i].String())
	}
	for i := range r.Deny {
		lines = append(lines, "deny "+r.Deny[i].Claim+": "+r.Deny[i].String())
	}
	return append(lines, fmt.Sprintf("ttl %v, bind_to_job %t, single_use %t, direct_use %t, max_active %d", r.TTL, r.BindToJob,
		r.SingleUse, r.DirectUse, r.MaxActive))
}

func find(all []Condition, claim string) *Condition {
	if i := slices.IndexFunc(all, func(m Condition) bool { return m.Claim == claim }); i >= 0 {
		return &all[i]
	}
	return nil
}

func within(some, all []string) bool {
	return !slices.ContainsFunc(some, func(text string) bool { return !slices.Contains(all, text) })
}

// String writes a place as policies do.
func (p place) String() string {
	if p.claim != "" {
		return "{" + p.claim + "}"
	}
	return strconv.FormatInt(p.id, 10)
}

// placeOf reads a place: an id, or a claim in braces.
func placeOf(text string) (place, bool) {
	if claim, open := strings.CutPrefix(text, "{"); open {
		claim, closed := strings.CutSuffix(claim, "}")
		return place{claim: claim}, closed && claim != ""
	}
	return place{id: id(text)}, id(text) != 0
}
