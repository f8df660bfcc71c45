package config

import (
	"bytes"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// Issuer is one whose ID tokens are taken.
type Issuer struct {
	Name       string   `yaml:"name"`
	URL        string   `yaml:"url"`
	Kind       string   `yaml:"kind"`
	JWKSURL    string   `yaml:"jwks_url,omitempty"`
	Algorithms []string `yaml:"algorithms,omitempty,flow"`
	CAFile     string   `yaml:"ca_file,omitempty"`
}

// issuerKinds are the kinds of issuers that there are, and issuerAlgorithms what their tokens may be signed with.
var (
	issuerKinds      = []string{"gitlab", "github", "forgejo", "gitea", "kubernetes", "generic"}
	issuerAlgorithms = []string{"RS256", "ES256", "EdDSA"}
)

// UnmarshalText reads an issuer, written as a YAML mapping.
func (i *Issuer) UnmarshalText(text []byte) error {
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	if err := decoder.Decode(i); err != nil {
		return valueError("no issuer, or one with an unknown key: write name, url, kind, jwks_url, algorithms and ca_file")
	}
	unknown := func(a string) bool { return !slices.Contains(issuerAlgorithms, a) }
	switch {
	case i.Name == "" || strings.Trim(i.Name, "abcdefghijklmnopqrstuvwxyz0123456789-") != "":
		return valueError("an issuer without a short name: write name with a-z, 0-9 and -")
	case !slices.Contains(issuerKinds, i.Kind):
		return valueError("an issuer without a known kind: write kind, one of " + strings.Join(issuerKinds, ", "))
	case !isIssuerURL(i.URL):
		return valueError("an issuer without an address: write url with https, without query (plain http is for this machine)")
	case i.JWKSURL != "" && !isIssuerURL(i.JWKSURL):
		return valueError("keys at an address that is not valid: write jwks_url with https")
	case slices.ContainsFunc(i.Algorithms, unknown):
		return valueError("an algorithm that is not supported: write algorithms, some of " + strings.Join(issuerAlgorithms, ", "))
	}
	return nil
}

// isIssuerURL tells whether an address may be that of an issuer.
func isIssuerURL(s string) bool {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.ForceQuery {
		return false
	}
	return u.Scheme == "https" || u.Scheme == "http" && slices.Contains([]string{"localhost", "127.0.0.1", "::1"}, u.Hostname())
}

// String writes an issuer as a YAML mapping in one line.
func (i Issuer) String() string {
	parts := []string{"name: " + i.Name, "url: " + strconv.Quote(i.URL), "kind: " + i.Kind}
	if i.JWKSURL != "" {
		parts = append(parts, "jwks_url: "+strconv.Quote(i.JWKSURL))
	}
	if all := strings.Join(i.Algorithms, ", "); all != "" {
		parts = append(parts, "algorithms: ["+all+"]")
	}
	if i.CAFile != "" {
		parts = append(parts, "ca_file: "+strconv.Quote(i.CAFile))
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

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
			if other.Name == i.Name || other.URL == i.URL {
				p.refuse("oidc.issuers", i.Name, "is there twice, by name or url", "remove one")
			}
		}
	}
	switch {
	case len(c.OIDC.Trusts) > 0 && len(c.OIDC.Issuers) == 0:
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
