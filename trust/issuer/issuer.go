// Package issuer says what an issuer of ID tokens is and what may be wrong with one, wherever it is written down: in the
// configuration, or in a file of policy as code.
package issuer

import (
	"bytes"
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// Issuer is one whose ID tokens are taken. URL is what its tokens have as iss, letter by letter.
type Issuer struct {
	Name       string   `yaml:"name"`
	URL        string   `yaml:"url"`
	Kind       string   `yaml:"kind"`
	JWKSURL    string   `yaml:"jwks_url,omitempty"`
	Algorithms []string `yaml:"algorithms,omitempty,flow"`
	CAFile     string   `yaml:"ca_file,omitempty"`
}

// Kinds are the kinds of issuers that there are.
func Kinds() []string {
	return []string{"gitlab", "github", "forgejo", "gitea", "kubernetes", "generic"}
}

// Algorithms are those that tokens may be signed with.
func Algorithms() []string { return []string{"RS256", "ES256", "EdDSA"} }

// Problem is what is wrong with an issuer: the key, what is wrong, and what to write.
type Problem struct{ Key, Message, Fix string }

// Check gives the first thing that is wrong with an issuer; nil when nothing is.
func (i *Issuer) Check() *Problem {
	unknown := func(a string) bool { return !slices.Contains(Algorithms(), a) }
	switch {
	case i.Name == "" || strings.Trim(i.Name, "abcdefghijklmnopqrstuvwxyz0123456789-") != "":
		return &Problem{"name", "an issuer without a short name", "write name with a-z, 0-9 and -"}
	case !slices.Contains(Kinds(), i.Kind):
		return &Problem{"kind", "an issuer without a known kind", "write kind, one of " + strings.Join(Kinds(), ", ")}
	case !isAddress(i.URL):
		return &Problem{"url", "an issuer without an address", "write url with https, without query (plain http is for " +
			"this machine)"}
	case i.JWKSURL != "" && !isAddress(i.JWKSURL):
		return &Problem{"jwks_url", "keys at an address that is not valid", "write jwks_url with https"}
	case slices.ContainsFunc(i.Algorithms, unknown):
		return &Problem{"algorithms", "an algorithm that is not supported",
			"write algorithms, some of " + strings.Join(Algorithms(), ", ")}
	}
	return nil
}

// Clashes tells whether two issuers have the same name, or addresses that people or browsers take for the same one, so that it
// is not clear which one is meant.
func (i *Issuer) Clashes(o *Issuer) bool { return i.Name == o.Name || meant(i.URL) == meant(o.URL) }

// meant gives an address without what makes no difference to who follows it.
func meant(s string) string {
	u, err := url.Parse(s)
	if err != nil {
		return s
	}
	port := u.Port()
	if u.Scheme == "https" && port == "443" || u.Scheme == "http" && port == "80" {
		port = ""
	}
	host := strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
	return u.Scheme + "://" + host + ":" + port + strings.TrimRight(u.Path, "/")
}

// Keys says where the keys of the issuer are, and who vouches for that; empty: at its own address, as anybody would read it.
func (i *Issuer) Keys() string {
	var parts []string
	if i.JWKSURL != "" {
		parts = append(parts, i.JWKSURL)
	}
	if i.CAFile != "" {
		parts = append(parts, "ca_file "+i.CAFile)
	}
	return strings.Join(parts, " ")
}

// Beyond says by what an issuer has more tokens taken than another one, or others; empty when it is that one or less.
func (i *Issuer) Beyond(o *Issuer) string {
	taken := func(x *Issuer) []string {
		if len(x.Algorithms) == 0 {
			return Algorithms()
		}
		return x.Algorithms
	}
	switch {
	case i.URL != o.URL:
		return "url"
	case i.Kind != o.Kind:
		return "kind"
	case i.JWKSURL != o.JWKSURL:
		return "jwks_url"
	case i.CAFile != o.CAFile:
		return "ca_file"
	case slices.ContainsFunc(taken(i), func(a string) bool { return !slices.Contains(taken(o), a) }):
		return "algorithms"
	}
	return ""
}

// isAddress tells whether a text may be the address of an issuer or of its keys: of visible ASCII alone, with scheme and host
// in small letters, so that no two look alike and none holds what stands behind it in a line.
func isAddress(s string) bool {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.ForceQuery || strings.Contains(s, "#") {
		return false
	}
	odd := func(c rune) bool { return c <= ' ' || c >= 0x7f }
	if strings.ContainsFunc(s, odd) || !strings.HasPrefix(s, u.Scheme+"://"+strings.ToLower(u.Host)) {
		return false
	}
	return u.Scheme == "https" || u.Scheme == "http" && slices.Contains([]string{"localhost", "127.0.0.1", "::1"}, u.Hostname())
}

// UnmarshalText reads an issuer, written as a YAML mapping.
func (i *Issuer) UnmarshalText(text []byte) error {
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	if err := decoder.Decode(i); err != nil {
		return errors.New("no issuer, or one with an unknown key: write name, url, kind, jwks_url, algorithms and ca_file")
	}
	if p := i.Check(); p != nil {
		return errors.New(p.Message + ": " + p.Fix)
	}
	return nil
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
