package manifest

import (
	"strings"

	"patgate/trust/issuer"
)

// Issuer is one whose ID tokens are taken, beside those of the configuration. Its name is what trusts call it.
type Issuer struct {
	Type       string   `json:"type" doc:"What it is: gitlab, github, forgejo, gitea, kubernetes or generic."`
	URL        string   `json:"url" doc:"What its ID tokens have as iss, letter by letter: https://..."`
	JWKSURL    string   `json:"jwks_url,omitempty" doc:"Where its keys are; left out: as its discovery document says."`
	Algorithms []string `json:"algorithms,omitempty" style:"flow" doc:"Some of RS256, ES256 and EdDSA; left out: all of them."`
	CAFile     string   `json:"ca_file,omitempty" doc:"On the gateway's disk: the authority that signs its certificate."`
}

func issuerKind() kind {
	return kind{"Issuer", func() any { return &Issuer{} }, func(c *checker, o *Object) { c.issuer(o) }}
}

// of gives an issuer as the configuration has it.
func (m *Issuer) of(name string) issuer.Issuer {
	return issuer.Issuer{Name: name, URL: m.URL, Kind: m.Type, JWKSURL: m.JWKSURL, Algorithms: m.Algorithms, CAFile: m.CAFile}
}

// issuer checks an issuer as the configuration's issuers are checked, and that no other has its name or address.
func (c *checker) issuer(o *Object) {
	i := o.Spec.(*Issuer).of(o.Name)
	if p := i.Check(); p != nil {
		if p.Key == "kind" {
			p.Key, p.Fix = "type", strings.Replace(p.Fix, "kind", "type", 1)
		}
		o.problem(p.Key, p.Fix, "%s", p.Message)
		return
	}
	clash := func(other *issuer.Issuer, where string) {
		key := "name"
		if i.Name != other.Name {
			key = "url"
		}
		o.problem(key, "take one of the two out", "%s has the issuer %s at %s already", where, other.Name, other.URL)
	}
	for n := range c.issuers {
		if i.Clashes(&c.issuers[n]) {
			clash(&c.issuers[n], "oidc.issuers of the configuration")
		}
	}
	for _, before := range Of[Issuer](c.set) {
		if before == o {
			break
		}
		if other := before.Spec.(*Issuer).of(before.Name); i.Clashes(&other) {
			clash(&other, before.Source.String())
		}
	}
}

// Issuers gives the issuers of a set; nil has none.
func (s *Set) Issuers() (all []issuer.Issuer) {
	for _, o := range Of[Issuer](s) {
		all = append(all, o.Spec.(*Issuer).of(o.Name))
	}
	return all
}
