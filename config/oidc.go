package config

import (
	"strings"

	"gopkg.in/yaml.v3"

	"patgate/trust/issuer"
)

// Issuer is one whose ID tokens are taken.
type Issuer = issuer.Issuer

// issuerTexts gives the entries of a YAML list of issuers, one text each; the text itself when it is no such list.
func issuerTexts(s string) []string {
	var list []yaml.Node
	if yaml.Unmarshal([]byte(s), &list) != nil || len(list) == 0 {
		return []string{s}
	}
	texts := make([]string, len(list))
	for i := range list {
		texts[i] = mappingText(&list[i])
	}
	return texts
}

// mappingText writes a node as text of its own.
func mappingText(n *yaml.Node) string {
	text, err := yaml.Marshal(n)
	if err != nil {
		return ""
	}
	return string(text)
}

// oidc checks what single issuers do not show.
func (p *reader) oidc(c *Config) {
	for n, i := range c.OIDC.Issuers {
		for _, other := range c.OIDC.Issuers[:n] {
			if i.Clashes(&other) {
				p.refuse("oidc.issuers", i.Name, "is there twice, by name or url", "remove one")
			}
		}
	}
	switch {
	case len(c.OIDC.Trusts) > 0 && len(c.OIDC.Issuers) == 0 && c.Policies == "":
		p.refuse("oidc.trusts", c.OIDC.Trusts[0], "has policies for no issuer", "give oidc.issuers")
	case len(c.OIDC.Trusts) > 0 && c.TrustAudience() == "":
		p.refuse("oidc.trusts", c.OIDC.Trusts[0], "is given without an audience", "give public_url or oidc.audience")
	}
	if a := c.OIDC.Audience; a != "" && (strings.HasSuffix(a, "/") || strings.ContainsAny(a, " \t\n")) {
		p.refuse("oidc.audience", a, "ends in a slash, or has white space", "write https://patgate.example.com")
	}
}

// TrustAudience is what ID tokens are made for, without the policy's name.
func (c *Config) TrustAudience() string {
	if c.OIDC.Audience != "" {
		return c.OIDC.Audience
	}
	return strings.TrimSuffix(c.PublicURL.String(), "/")
}
